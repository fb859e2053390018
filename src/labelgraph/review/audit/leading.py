"""Claims that a cell is higher than others."""

from collections.abc import Iterator
from dataclasses import replace

from labelgraph.review.audit.claims import (
    KIND,
    Cell,
    Claim,
    cells,
    claimed,
    exact,
    of,
)
from labelgraph.review.audit.findings import (
    CERTAIN,
    HINT,
    Finding,
    finding,
)
from labelgraph.review.audit.printed import Row


def above(table: list[Row], claim: Claim) -> Iterator[Finding]:
    lower = {metric: row for row, metric in cells(table, claim.against)}
    for row, metric in cells(table, claim.cell):
        if metric in lower:
            yield from behind((row, metric), [lower[metric]], claim)


def best(table: list[Row], claim: Claim) -> Iterator[Finding]:
    for row, metric in cells(table, claim.cell):
        yield from behind((row, metric), rivals(table, row, metric), claim)


def lead(table: list[Row], claim: Claim) -> Iterator[Finding]:
    for found in best(table, claim):
        yield replace(found, sure=HINT)


def rivals(table: list[Row], row: Row, metric: str) -> list[Row]:
    """The other rows of the column; for a row with a setting only those with the same, if any."""
    others = [
        other
        for other in table
        if other is not row and other.dataset == row.dataset and metric in other.printed
    ]
    alike = [other for other in others if other.setting == row.setting]
    return alike if alike and row.setting else others


def behind(cell: Cell, others: list[Row], claim: Claim) -> Iterator[Finding]:
    """The text means strictly higher; with equal digits either cell may be."""
    row, metric = cell
    known = [other for other in others if of((other, metric)) and of(cell)]
    if not known:
        return
    most = max(known, key=lambda other: exact((other, metric)))
    ahead = exact((most, metric)) - exact(cell)
    if ahead < 0:
        return
    sure = CERTAIN if of((most, metric)).low >= of(cell).high else HINT
    printed = most.printed[metric]
    what = f"has more, {printed}" if ahead else f"has {printed} as well"
    reason = f"the paper's claim is: {claim.claim}; but {most.title} {what}"
    yield finding(row, metric, most.printed[metric], KIND, sure, reason)


def wins(table: list[Row], claim: Claim) -> Iterator[Finding]:
    found = list(cells(table, claim.cell))
    verdicts = [[*behind(cell, rivals(table, *cell), claim)] for cell in found]
    beaten = sum(bool(each) and each[0].sure == CERTAIN for each in verdicts)
    tied = sum(bool(each) and each[0].sure == HINT for each in verdicts)
    most = len(found) - beaten
    if not most - tied <= int(claim.value) <= most:
        row, metric = found[0]
        column = "mAP" if "mAP" in row.printed else metric
        reason = f"the text says {claim.value} ({claim.claim}); {tied} of the {most} are ties"
        yield claimed(row, column, claim.value, str(most), CERTAIN, reason)
