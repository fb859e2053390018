"""How far our values are from the published ones, and whether methods keep their order."""

from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import pandas as pd

from labelgraph.report.cells import distance
from labelgraph.report.table_pages import TablePage

ORDER = "mAP"  # the columns whose order is compared


@dataclass(frozen=True)
class Distance:
    """A table against the published values. Costs are left out: they have no common unit."""

    table: TablePage
    cells: int  # with both values
    mean: float
    largest: float
    row: str  # of the largest
    column: str
    pairs: int  # of rows that the paper ranks
    kept: int  # pairs with the same order here


def compare(tables: list[TablePage]) -> list[Distance]:
    found = [compare_one(table) for table in tables]
    return [each for each in found if each]


def compare_one(table: TablePage) -> Distance | None:
    trained = {cell.column for cell in table.cells if cell.runs}
    lines = table.lines[table.lines["column"].isin(trained)]
    gaps = [(distance(line), line) for line in lines.itertuples()]
    both = [(gap, line) for gap, line in gaps if gap is not None]
    if not both:
        return None
    largest, line = max(both, key=lambda pair: abs(pair[0]))
    kept, pairs = order([line for _, line in both])
    return Distance(
        table=table,
        cells=len(both),
        mean=fmean(number for number, _ in both),
        largest=largest,
        row=line.row,
        column=line.column,
        pairs=pairs,
        kept=kept,
    )


def order(lines: list) -> tuple[int, int]:
    """Of the pairs of rows that the paper ranks by mAP: how many keep their order here, and all."""
    frame = pd.DataFrame(lines)
    ranked = frame[frame["column"].str.split(" ").str[-1] == ORDER]
    kept = pairs = 0
    for _, column in ranked.groupby("column", sort=False):
        numbers = column[["published", "reproduced"]].astype(float)
        for (one, ours), (other, theirs) in combinations(numbers.to_numpy(), 2):
            pairs += one != other
            kept += (one - other) * (ours - theirs) > 0
    return int(kept), int(pairs)
