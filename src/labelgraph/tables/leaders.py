"""How far each of our values lies behind the best of ours in its column, with a 95 % interval.

Both were judged on the same images and trained with the same seeds, so the interval is that of the
paired difference, as for claims. A value whose interval includes zero cannot be told from the best.
Left out: costs, metrics without draws, and columns in which fewer than two rows have a value.

leaders.csv has the columns of `FIELDS`: row (a key of the table's entry), column, points behind the
best, both ends of the interval, and `best`: yes or no.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelgraph.score import bootstrap
from labelgraph.score.resampling import End, Numbers
from labelgraph.tables import table_columns
from labelgraph.tables.marks import BEHIND, BEST
from labelgraph.tables.table_columns import Column

FIELDS = ("row", "column", "behind", "low", "high", "best")


def context(table: dict[str, Any]) -> dict[str, Any]:
    """What `compare` needs of a table's recipe: a caption is not among it."""
    return {key: table.get(key, {}) for key in ("table", "columns", "task", "scores")}


def read_printed(path: Path | None) -> pd.DataFrame:
    """What a paper printed, which names the columns; without a file nothing is published."""
    if path is None:
        return pd.DataFrame(columns=["table", "dataset", "metric"])
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def compare(table: dict[str, Any], published: pd.DataFrame, numbers: Numbers) -> pd.DataFrame:
    """`table`: its `context`."""
    printed = published[published["table"] == table["table"]]
    columns = [
        column
        for column in table_columns.columns_of(table, printed)
        if not column.cost and bootstrap.covered(column.metric)
    ]
    ends = {column.name: ends_of(table, column) for column in columns}
    numbers.read(end for of_column in ends.values() for end in of_column.values())
    lines = [line for name, each in ends.items() for line in of_column(name, each, numbers)]
    return pd.DataFrame(lines, columns=FIELDS)


def ends_of(table: dict[str, Any], column: Column) -> dict[str, End]:
    """Row -> the runs behind its cell, of the rows that have all of them."""
    found = {}
    for row, scores in table["scores"].items():
        folders = [[Path(path).parent for path in scores.get(place, [])] for place in column.places]
        if all(folders):
            (system,) = {folder.parent.name for each in folders for folder in each}
            seeds = (int(folder.name.removeprefix("seed")) for folder in folders[0])
            found[row] = End(system, column.metric, column.places, tuple(seeds))
    return found


def of_column(name: str, ends: dict[str, End], numbers: Numbers) -> Iterator[list[str]]:
    """A line for each row that has a value for each seed."""
    known = {row: numbers.of(end, end.seeds) for row, end in ends.items()}
    means = {row: float(np.mean(found[0])) for row, found in known.items() if found}
    if len(means) < 2:
        return
    first = max(means, key=means.__getitem__)
    for row in means:
        found = numbers.difference(ends[first], ends[row])
        ends_here = f"{found.value:.6f}", f"{found.low:.6f}", f"{found.high:.6f}"
        yield [row, name, *ends_here, BEHIND if found.low > 0 else BEST]
