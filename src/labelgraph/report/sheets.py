"""A table as a page shows it: in each cell the published value, ours, how far apart, and the runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from labelgraph import rendering, tables
from labelgraph.rendering import HERE, PUBLISHED

STEPS = (0.05, 2, 10, 25)  # differences from which a cell's shade is one darker
BEST, SECOND = "best", "second"


@dataclass(frozen=True)
class Cell:
    column: str
    published: str
    here: str
    difference: str
    shade: int  # -4 ... 4, how far ours is below or above print
    published_rank: str
    here_rank: str
    reproduced: bool
    runs: tuple[str, ...]  # folders of the runs behind it
    metric: str
    network: str  # whose cost it is, of a cell that no run fills


@dataclass(frozen=True)
class Row:
    title: str
    cells: tuple[Cell, ...]

    @property
    def reproduced(self) -> bool:
        return any(cell.reproduced for cell in self.cells)


@dataclass(frozen=True)
class Sheet:
    name: str
    paper: str
    table: str
    caption: str
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    study_notes: tuple[str, ...]
    notes: tuple[str, ...]
    departures: dict[str, list[str]]
    cells: pd.DataFrame  # the lines of its csv

    @property
    def reproduced(self) -> int:
        return int((self.cells["status"] == "reproduced").sum())


def read(table: dict[str, Any], name: str, csv: Path, published: Path, systems: Path) -> Sheet:
    """`table` is what `tables.recipe` gives; the values are those of the table's csv."""
    cells = tables.read_published(csv)
    values, titles = tables.read_published(published), tables.read_published(systems)
    titles["order"] = titles["order"].astype(int)
    columns = tables.columns_of(table, values[values["table"] == table["table"]])
    keys = {title: key for key, title in tables.rows_of(table, titles).items()}
    texts, ranks = shown(cells)
    rows = tuple(
        Row(title, tuple(
            cell(line, columns[place], table, keys[title], texts, ranks)
            for place, line in enumerate(lines.itertuples())
        ))
        for title, lines in cells.groupby("row", sort=False)
    )  # fmt: skip
    return Sheet(
        name=name,
        paper=table["paper"],
        table=table["table"],
        caption=table["caption"],
        headers=tuple(rendering.headers(table, [column.name for column in columns])),
        rows=rows,
        study_notes=tuple(filter(None, (table["note"], table["protocol"]))),
        notes=tuple(table["notes"]),
        departures={title: list(found) for title, found in table["footnotes"].items() if found},
        cells=cells,
    )


def cell(line: Any, column: Any, table: dict[str, Any], key: str, texts: dict, ranks: dict) -> Cell:
    """One line of the csv, with what stands behind it."""
    place = line.row, line.column
    difference = distance(line)
    network = (tables.systems(table) | (table["counted"] or {})).get(key, "")
    return Cell(
        column=line.column,
        published=line.published,
        here=texts.get((HERE, *place), ""),
        difference=signed(difference, 2 if column.cost else 1),
        shade=0 if column.cost else shade(difference),
        published_rank=ranks.get((PUBLISHED, *place), ""),
        here_rank=ranks.get((HERE, *place), ""),
        reproduced=line.status == "reproduced",
        runs=() if column.cost else behind(table, key, column),
        metric=column.metric,
        network=network if column.cost and line.status == "reproduced" else "",
    )


def behind(table: dict[str, Any], key: str, column: Any) -> tuple[str, ...]:
    """Folders of the runs whose scores make the cell."""
    paths = table["scores"].get(key, {}).get(column.dataset, [])
    return tuple(Path(*Path(path).parent.parts[2:]).as_posix() for path in paths)


def shown(cells: pd.DataFrame) -> tuple[dict, dict]:
    """Source, row, column -> what the table for people says there, and whether it is the best."""
    lines = rendering.lines(cells)
    marked = rendering.marked(lines, BEST.format, SECOND.format)
    texts, ranks = {}, {}
    for plain, mark in zip(lines.itertuples(index=False), marked.itertuples(index=False)):
        for column, text, rank in zip(lines.columns[2:], plain[2:], mark[2:], strict=True):
            texts[plain[1], plain[0], column] = text
            ranks[plain[1], plain[0], column] = rank if rank in (BEST, SECOND) else ""
    return texts, ranks


def distance(line: Any) -> float | None:
    """Ours minus the published value, where both are there."""
    if not (line.published and line.reproduced):
        return None
    return float(line.reproduced) - float(line.published)


def signed(number: float | None, digits: int) -> str:
    return "" if number is None else f"{number:+.{digits}f}".replace("-", "−")


def shade(number: float | None) -> int:
    size = sum(abs(number or 0) >= step for step in STEPS)
    return -size if (number or 0) < 0 else size
