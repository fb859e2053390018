"""Rows of published tables that are only quoted: no run stands behind them.

The entry of a table may give the reason in its block `quoted`, which is printed below the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from labelgraph.tables import tables

Entry = dict[str, Any]


@dataclass(frozen=True)
class Row:
    table: str  # its name, PAPER_TABLE
    key: str  # method, or method/setting
    title: str  # as the paper prints it
    reason: str  # empty if none is stated


def rows(entries: dict[str, Entry], row_titles: pd.DataFrame) -> Iterator[Row]:
    """Of all tables; `row_titles`: systems.csv."""
    for name, entry in entries.items():
        if tables.costly(entry) and not tables.systems(entry):
            continue  # costs alone, which need no run
        printed = tables.rows_of(entry | {"runs": {}, "counted": {}, "more": {}}, row_titles)
        for key, title in printed.items():
            if key not in tables.systems(entry):
                yield Row(name, key, title, entry.get("quoted", {}).get(key, ""))


def noted(table: Entry, row_titles: pd.DataFrame) -> Entry:
    """The table with a note for each reason, which names the rows that it holds for."""
    titles, found = tables.rows_of(table, row_titles), {}
    for key, reason in (table.get("quoted") or {}).items():
        found.setdefault(reason, []).append(titles[key])
    notes = [f"{', '.join(rows)}: quoted without a run. {reason}" for reason, rows in found.items()]
    return table | {"notes": [*table["notes"], *notes]} if notes else table
