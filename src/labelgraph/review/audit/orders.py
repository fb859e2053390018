"""Rows of one table that should rise or fall in order."""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from labelgraph.review.audit.findings import (
    CERTAIN,
    HINT,
    Finding,
    finding,
)
from labelgraph.review.audit.numbers import COSTS
from labelgraph.review.audit.printed import AMOUNT, Row, by_table

KIND = "order"


def check(rows: list[Row]) -> Iterator[Finding]:
    for table in by_table(rows):
        yield from amounts(table)
        yield from modules(table)
        yield from removed(table)


def amounts(table: list[Row]) -> Iterator[Finding]:
    """A lower score with more known labels or examples."""
    methods = defaultdict(list)
    for row in table:
        if row.amount and row.setting != "avg":
            methods[row.method].append(row)
    for rows in methods.values():
        rows.sort(key=lambda row: int(AMOUNT.fullmatch(row.setting)[1]))
        for less, more in pairwise(rows):
            reason = f"it is higher with {less.setting}, though training knows less"
            yield from falls(less, more, HINT, reason)


def modules(table: list[Row]) -> Iterator[Finding]:
    """Rows called `+module` add a module to the row before."""
    for before, row in pairwise(table):
        if row.setting.startswith("+"):
            reason = f"with one more module it cannot cost less than {before.title}"
            yield from falls(before, row, CERTAIN, reason, COSTS - {"images_per_second"})


def removed(table: list[Row]) -> Iterator[Finding]:
    """A row called `w/o module` should be at least as fast as the whole system."""
    whole = {row.method: row for row in table if not row.setting}
    for row in table:
        if re.match(r"w/o ", row.setting) and row.method in whole:
            reason = f"without a part it should not be slower than {whole[row.method].title}"
            yield from falls(whole[row.method], row, HINT, reason, {"images_per_second"})


def falls(
    lower: Row, higher: Row, sure: str, reason: str, only: set[str] | None = None
) -> Iterator[Finding]:
    for metric in lower.printed:
        pair = (lower.intervals(metric), higher.intervals(metric))
        if None in pair or (only and metric not in only):
            continue
        (first,), (second,) = pair
        if second.low < first.low:
            doubt = sure if second.apart(first) else HINT
            yield finding(higher, metric, lower.printed[metric], KIND, doubt, reason)
