"""A table as a page shows it: in each cell the published value, ours, how far apart, and the runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from labelgraph import rendering, tablecolumns, tables
from labelgraph.rendering import HERE, PUBLISHED

STEPS = (0.05, 2, 10, 25)  # differences from which a cell's shade is one stronger
BEST, SECOND = "best", "second"
Entry = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    column: str  # as in the csv
    published: str
    here: str
    difference: str
    shade: int  # -4 ... 4, how far ours is below or above print
    published_rank: str
    here_rank: str
    reproduced: bool
    runs: tuple[str, ...]  # folders of the runs behind it
    metric: str
    network: str  # whose cost it is, of a cell that is counted
    note: str  # on the published value


@dataclass(frozen=True)
class Row:
    title: str
    cells: tuple[Cell, ...]

    @property
    def reproduced(self) -> bool:
        return any(cell.reproduced for cell in self.cells)


@dataclass(frozen=True)
class Part:
    """Columns that stand side by side."""

    title: str  # of its dataset; empty where the table has one part
    headers: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Sheet:
    name: str
    paper: str
    table: str
    caption: str
    parts: tuple[Part, ...]
    about: tuple[str, ...]  # the study and its protocol
    notes: tuple[str, ...]
    departures: dict[str, list[str]]
    lines: pd.DataFrame  # of its csv

    @property
    def cells(self) -> list[Cell]:
        return [cell for part in self.parts for row in part.rows for cell in row.cells]

    @property
    def reproduced(self) -> int:
        return sum(cell.reproduced for cell in self.cells)

    @property
    def quoted(self) -> int:
        """Cells that have a published value only."""
        return sum(bool(cell.published) and not cell.reproduced for cell in self.cells)


def read(table: Entry, name: str, csv: Path, published: Path, systems: Path) -> Sheet:
    """`table` is what `tables.recipe` gives; the values are those of the table's csv."""
    lines = tables.read_published(csv)
    values, titles = tables.read_published(published), tables.read_published(systems)
    titles["order"] = titles["order"].astype(int)
    make = maker(table, lines, values[values["table"] == table["table"]], titles)
    rows = {title: {line.column: make(line) for line in part.itertuples()}
            for title, part in lines.groupby("row", sort=False)}  # fmt: skip
    blocks = rendering.blocks(table, list(lines["column"].unique()))
    return Sheet(
        name=name,
        paper=table["paper"],
        table=table["table"],
        caption=table["caption"],
        parts=tuple(part(table, names, rows, len(blocks) > 1) for names in blocks),
        about=tuple(filter(None, (table["note"], table["protocol"]))),
        notes=tuple(table["notes"]),
        departures={title: list(found) for title, found in table["footnotes"].items() if found},
        lines=lines,
    )


def part(table: Entry, names: list[str], rows: dict[str, dict[str, Cell]], several: bool) -> Part:
    """Rows that say nothing here are left out."""
    chosen = [Row(title, tuple(cells[name] for name in names)) for title, cells in rows.items()]
    filled = [row for row in chosen if any(cell.published or cell.here for cell in row.cells)]
    title = table["titles"].get(rendering.dataset_of(table, names[0]), "") if several else ""
    headers = [rendering.header(table, name).removeprefix(title).strip() for name in names]
    return Part(title, tuple(headers), tuple(filled))


def maker(table: Entry, lines: pd.DataFrame, values: pd.DataFrame, titles: pd.DataFrame):
    """Line of the csv -> its cell."""
    columns = {column.name: column for column in tablecolumns.columns_of(table, values)}
    keys = {title: key for key, title in tables.rows_of(table, titles).items()}
    networks = tables.systems(table) | (table["counted"] or {})
    texts, ranks = shown(lines)
    notes = notes_of(table, values)

    def make(line: Any) -> Cell:
        key, column, place = keys[line.row], columns[line.column], (line.row, line.column)
        ours, gap = line.status == "reproduced", distance(line)
        return Cell(
            column=line.column,
            published=line.published,
            here=texts.get((HERE, *place), ""),
            difference=signed(gap, 2 if column.cost else 1),
            shade=0 if column.cost else shade(gap),
            published_rank=ranks.get((PUBLISHED, *place), ""),
            here_rank=ranks.get((HERE, *place), ""),
            reproduced=ours,
            runs=behind(table, key, column) if ours else (),
            metric=column.metric,
            network=networks.get(key, "") if ours and column.cost else "",
            note=notes.get((key, column.dataset, column.setting, column.metric), ""),
        )

    return make


def behind(table: Entry, key: str, column: tablecolumns.Column) -> tuple[str, ...]:
    """Folders of the runs whose scores make the cell, below results/runs."""
    scores = table["scores"].get(key, {})
    paths = [Path(path) for place in column.places for path in scores.get(place, [])]
    return tuple(Path(*path.parent.parts[2:]).as_posix() for path in paths)


def notes_of(table: Entry, values: pd.DataFrame) -> dict[tuple, str]:
    own = tablecolumns.settings(table)
    return {
        (tables.row_key(line.method, line.setting, own), *tables.place_key(line, own)): line.note
        for line in values.itertuples()
    }


def shown(lines: pd.DataFrame) -> tuple[dict, dict]:
    """Source, row, column -> what the table for people says there, and whether it is the best."""
    texts = rendering.lines(lines)
    marked = rendering.marked(texts, BEST.format, SECOND.format)
    found, ranks = {}, {}
    for plain, mark in zip(texts.to_numpy(), marked.to_numpy(), strict=True):
        for column, text, rank in zip(texts.columns[2:], plain[2:], mark[2:], strict=True):
            found[plain[1], plain[0], column] = text
            ranks[plain[1], plain[0], column] = rank if rank in (BEST, SECOND) else ""
    return found, ranks


def distance(line: Any) -> float | None:
    """Ours minus the published value, where both are there."""
    if not (line.published and line.reproduced):
        return None
    return float(line.reproduced) - float(line.published)


def signed(number: float | None, digits: int) -> str:
    return "" if number is None else f"{number:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def shade(number: float | None) -> int:
    size = sum(abs(number or 0) >= step for step in STEPS)
    return -size if (number or 0) < 0 else size
