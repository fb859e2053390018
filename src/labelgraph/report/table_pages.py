"""A table as a page shows it: its cells in parts, its notes, and findings on it."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from labelgraph.report.cells import Cell, Entry, maker
from labelgraph.study import recipes
from labelgraph.tables import marks, rendering, tables


@dataclass(frozen=True)
class Row:
    title: str  # as in the csv
    ran: str  # what ran for it, if the title does not say so
    system: str  # method[@variant] or network behind it; empty where there is none
    cells: tuple[Cell, ...]

    @property
    def reproduced(self) -> bool:
        return any(cell.reproduced for cell in self.cells)

    @property
    def method(self) -> str:
        return re.split("[@/]", self.system)[0]


@dataclass(frozen=True)
class Part:
    """Columns side by side."""

    title: str  # of its dataset; empty if the table has one part
    headers: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class TablePage:
    name: str
    paper: str
    table: str
    caption: str
    parts: tuple[Part, ...]
    about: tuple[str, ...]  # the study and its protocol
    deviation: bool  # whether ± is the standard deviation; otherwise `about` says what it is
    legend: str  # what its marks mean; empty without any
    notes: tuple[str, ...]
    departures: dict[str, tuple[str, str]]  # method -> its title, and the notes' numbers
    findings: tuple[Entry, ...]  # of the audit
    lines: pd.DataFrame  # of its csv

    @property
    def cells(self) -> list[Cell]:
        return [cell for part in self.parts for row in part.rows for cell in row.cells]

    @property
    def reproduced(self) -> int:
        return sum(cell.reproduced for cell in self.cells)

    @property
    def printed(self) -> bool:
        """Whether a paper has this table."""
        return any(cell.published for cell in self.cells)

    @property
    def quoted(self) -> int:
        """The number of cells with only a published value."""
        return sum(bool(cell.published) and not cell.reproduced for cell in self.cells)


def read(
    table: Entry, name: str, csv: Path, published: Path | None, systems: Path, audit: list[Entry]
) -> TablePage:
    """`table`: the result of `tables.recipe`. The values are those of the table's csv."""
    lines = tables.read_published(csv)
    values, titles = tables.read_published(published), tables.read_published(systems)
    titles["order"] = titles["order"].astype(int)
    findings = [each for each in audit if (each["paper"], each["table"]) == of(table)]
    make = maker(table, lines, values[values["table"] == table["table"]], titles, findings)
    names = tables.names_of(table, titles), systems_of(table, titles)
    rows = {title: {line.column: make(line) for line in part.itertuples()}
            for title, part in lines.groupby("row", sort=False)}  # fmt: skip
    blocks = rendering.blocks(table, list(lines["column"].unique()))
    return TablePage(
        name=name,
        paper=table["paper"],
        table=table["table"],
        caption=table["caption"],
        parts=tuple(part(table, columns, rows, names, len(blocks) > 1) for columns in blocks),
        about=tuple(rendering.remarks(table | {"notes": []})),
        deviation=not table.get("spread"),
        legend=marks.legend(lines, "bold", "italic", rendering.heads(table, str)),
        notes=tuple(table["notes"]),
        departures={
            method: (found["title"], recipes.ranges(found["numbers"]))
            for method, found in table["departures"].items()
        },
        findings=tuple(findings),
        lines=lines,
    )


def of(table: Entry) -> tuple[str, str]:
    return table["paper"], table["table"]


def systems_of(table: Entry, titles: pd.DataFrame) -> dict[str, str]:
    """Title of a row -> the method[@variant] that runs for it, or the network that is counted."""
    found = tables.systems(table) | (table["counted"] or {})
    return {title: found.get(key, "") for key, title in tables.rows_of(table, titles).items()}


def part(
    table: Entry,
    columns: list[str],
    rows: dict[str, dict[str, Cell]],
    names: tuple[dict[str, str], dict[str, str]],
    several: bool,
) -> Part:
    """Rows without any value in these columns are left out, unless all rows are empty.

    `names`: what ran for a row whose title does not say it, and the system behind each row.
    """
    ran, systems = names
    chosen = [
        Row(title, ran.get(title, ""), systems[title], tuple(cells[name] for name in columns))
        for title, cells in rows.items()
    ]
    filled = [row for row in chosen if any(cell.published or cell.here for cell in row.cells)]
    title = table["titles"].get(rendering.dataset_of(table, columns[0]), "") if several else ""
    headers = [rendering.header(table, name).removeprefix(title).strip() for name in columns]
    return Part(title, tuple(headers), tuple(filled or chosen))
