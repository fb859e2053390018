"""Which values of a table are marked, and the sentence below it that says why.

Published values: the two highest of each column, as papers do. Ours: every value that cannot be
told from the best of ours in its column (leaders.py); a csv file says so in its column `best`.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from labelgraph.tables.cost_columns import COSTS

PUBLISHED, HERE = "published", "here"  # what a line of a table shows
FIELD = "best"  # of a csv; empty where our values were not compared
BEST, BEHIND = "yes", "no"
PRINTED = "Published: best {bold}, second {italic}."
OURS = (
    "Here: {bold} is every value that cannot be told from the best one here in its column, because"
    " the 95 % interval of their difference, over report images and, where there are several, over"
    " seeds, includes zero."
)
UNCOVERED = "Values here under {names} are not marked: they have no such interval."
Style = Callable[[str], str]


def added(cells: pd.DataFrame, path: Path | None, rows: dict[str, str]) -> pd.DataFrame:
    """The cells with `best`. `path`: leaders.csv; `rows`: key of a row -> its title."""
    found = {}
    if path:
        lines = pd.read_csv(path, dtype=str, keep_default_na=False)
        found = {(rows[line.row], line.column): line.best for line in lines.itertuples()}
    places = zip(cells["row"], cells["column"], strict=True)
    return cells.assign(**{FIELD: [found.get(place, "") for place in places]})


def of_ours(cells: pd.DataFrame) -> set[tuple[str, str]]:
    """Row and column of our values that are marked."""
    if FIELD not in cells:
        return set()
    best = cells[cells[FIELD] == BEST]
    return {*zip(best["row"], best["column"], strict=True)}


def marked(table: pd.DataFrame, cells: pd.DataFrame, best: Style, second: Style) -> pd.DataFrame:
    """`table`: the table's lines as texts, each with its row's title; `cells`: its csv."""
    table, ours = table.copy(), of_ours(cells)
    for column in table.columns[2:]:
        for place, row, source, text in table[["system", "source", column]].itertuples():
            if source != PUBLISHED and (row, column) in ours:
                table.loc[place, column] = best(text)
        if column not in COSTS:
            printed = table.loc[table["source"] == PUBLISHED, column]
            table.loc[printed.index, column] = of_printed(printed, best, second)
    return table


def of_printed(column: pd.Series, best: Style, second: Style) -> pd.Series:
    """The published texts of a column, with the two highest numbers marked."""
    column, numbers = column.copy(), column[column != ""].map(float)
    ranks = sorted(set(numbers), reverse=True)
    for rank, style in zip(ranks, (best, second), strict=False):
        same = numbers.index[numbers == rank]
        column[same] = column[same].map(style)
    return column


def legend(cells: pd.DataFrame, bold: str, italic: str, header: Callable[[str], str]) -> str:
    """What the marks of a table mean; empty without any. `header`: a column's name for people."""
    scored = cells[~cells["column"].isin([*COSTS])]
    parts = [PRINTED] * bool((scored["published"] != "").any())
    if of_ours(cells):
        parts.append(OURS)
    if names := uncovered(cells):
        parts.append(UNCOVERED.replace("{names}", ", ".join(map(header, names))))
    return " ".join(parts).replace("{bold}", bold).replace("{italic}", italic)


def uncovered(cells: pd.DataFrame) -> list[str]:
    """The metrics of columns with several of our values, none of which was compared."""
    if FIELD not in cells:
        return []
    ours = cells[cells["reproduced"] != ""]
    groups = ours.groupby("column", sort=False)
    found = [name for name, some in groups if len(some) > 1 and not any(some[FIELD])]
    return [*dict.fromkeys(name.split(" ")[-1] for name in found)]
