"""Confidence intervals of a table's cells, over other pictures of the same kind.

A table with `spread: pictures` has two more fields in its csv, `low` and `high`, in percent: the
ends of the interval that the step `assess` found for each run. Of several seeds or datasets, each
end is the mean.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelgraph.files.small import read_json
from labelgraph.score import confidence
from labelgraph.tables import table_columns

FIELDS = ("low", "high")
FILE = "assessment.json"  # in a run's folder, beside scores.json


def shown(table: dict[str, Any]) -> bool:
    return table.get("spread") == confidence.PICTURES


def added(table: dict[str, Any], cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with `low` and `high`, if the table has intervals; nothing is published of it."""
    if not shown(table):
        return cells
    columns = {each.name: each for each in table_columns.columns_of(table, NONE_PUBLISHED)}
    found = [
        ends(table["scores"].get(line.row, {}), columns[line.column]) for line in cells.itertuples()
    ]
    return pd.concat([cells, pd.DataFrame(found, columns=FIELDS)], axis=1)


NONE_PUBLISHED = pd.DataFrame(columns=["dataset", "metric"])


def ends(scores: dict[str, list[str]], column: table_columns.Column) -> tuple[str, str]:
    """Both empty where a run has no interval of this metric, or the metric has no value."""
    paths = [Path(path) for place in column.places for path in scores.get(place, [])]
    files = [read_json(path.with_name(FILE)) for path in paths]
    found = [file["intervals"].get(column.metric) for file in files]
    if not found or None in found:
        return "", ""
    low, high = 100 * np.mean(found, axis=0)
    return f"{low:.6f}", f"{high:.6f}"


def behind(texts: list[str], cells: pd.DataFrame) -> list[str]:
    """The texts of a row's cells, with their interval in brackets where they have one."""
    if FIELDS[0] not in cells:
        return texts
    rows = zip(texts, cells["low"], cells["high"], strict=True)
    return [
        f"{text} [{float(low):.1f}, {float(high):.1f}]" if low else text for text, low, high in rows
    ]
