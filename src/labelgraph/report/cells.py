"""A cell as a page shows it: the published value, ours, their difference, the runs behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from labelgraph.tables import marks, rendering, table_columns, tables
from labelgraph.tables.marks import HERE, PUBLISHED

STEPS = (0.05, 2, 10, 25)  # from each of these differences on, the shade is one step stronger
BEST, SECOND = "best", "second"
Entry = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    column: str  # as in the csv
    published: str
    here: str
    difference: str
    shade: int  # -4 ... 4: how far ours is below or above the published value
    published_rank: str
    here_rank: str
    reproduced: bool
    runs: tuple[str, ...]  # folders of the runs behind it
    metric: str
    network: str  # the network whose cost was counted
    notes: tuple[str, ...]  # on the published value
    flagged: bool  # whether the audit has a finding on it


def maker(
    table: Entry,
    lines: pd.DataFrame,
    values: pd.DataFrame,
    titles: pd.DataFrame,
    findings: list[Entry],
) -> Callable[[Any], Cell]:
    """A function from a line of the csv to its cell."""
    columns = {column.name: column for column in table_columns.columns_of(table, values)}
    keys = {title: key for key, title in tables.rows_of(table, titles).items()}
    networks = tables.systems(table) | (table["counted"] or {})
    texts, ranks = shown(table, lines)
    notes, reasons = notes_of(table, values), reasons_of(findings)

    def make(line: Any) -> Cell:
        key, column, place = keys[line.row], columns[line.column], (line.row, line.column)
        ours, gap = line.status == "reproduced", distance(line)
        names = {line.row, f"{line.row} {column.setting}"}  # the audit's names of the row
        found = [
            reason for name in sorted(names)
            for reason in reasons.get((name, column.dataset, column.metric), [])
        ]  # fmt: skip
        note = notes.get((key, column.dataset, column.setting, column.metric))
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
            notes=tuple(filter(None, [note, *found])),
            flagged=bool(found),
        )

    return make


def behind(table: Entry, key: str, column: table_columns.Column) -> tuple[str, ...]:
    """Folders below results/runs of the runs behind the cell."""
    scores = table["scores"].get(key, {})
    paths = [Path(path) for place in column.places for path in scores.get(place, [])]
    return tuple(Path(*path.parent.parts[2:]).as_posix() for path in paths)


def notes_of(table: Entry, values: pd.DataFrame) -> dict[tuple, str]:
    own = table_columns.settings(table)
    return {
        (tables.row_key(line.method, line.setting, own), *tables.place_key(line, own)): line.note
        for line in values.itertuples()
    }


def reasons_of(findings: list[Entry]) -> dict[tuple, list[str]]:
    reasons: dict[tuple, list[str]] = {}
    for each in findings:
        place = each["row"], each["dataset"], each["column"]
        reasons.setdefault(place, []).append(each["reason"])
    return reasons


def shown(table: Entry, lines: pd.DataFrame) -> tuple[dict, dict]:
    """Source, row, column -> the text in the Markdown table; the same -> whether it is best."""
    kind = {"kind": table["spread"]} if table.get("spread") else {}
    texts = rendering.lines(lines, **kind)
    marked = marks.marked(texts, lines, BEST.format, SECOND.format)
    found, ranks = {}, {}
    for plain, mark in zip(texts.to_numpy(), marked.to_numpy(), strict=True):
        for column, text, rank in zip(texts.columns[2:], plain[2:], mark[2:], strict=True):
            found[plain[1], plain[0], column] = text
            ranks[plain[1], plain[0], column] = rank if rank in (BEST, SECOND) else ""
    return found, ranks


def distance(line: Any) -> float | None:
    """Ours minus the published value, if there are both."""
    if not (line.published and line.reproduced):
        return None
    return float(line.reproduced) - float(line.published)


def signed(number: float | None, digits: int) -> str:
    return "" if number is None else f"{number:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def shade(number: float | None) -> int:
    size = sum(abs(number or 0) >= step for step in STEPS)
    return -size if (number or 0) < 0 else size
