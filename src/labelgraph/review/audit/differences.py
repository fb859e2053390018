"""Claims that give the difference of two cells as a number."""

from collections.abc import Callable, Iterator
from fractions import Fraction

from labelgraph.review.audit.claims import (
    Cell,
    Claim,
    claimed,
    exact,
    of,
    one,
)
from labelgraph.review.audit.findings import (
    CERTAIN,
    HINT,
    LIKELY,
    Finding,
)
from labelgraph.review.audit.printed import Interval, Row, interval

Size = Callable[[Fraction, Fraction], Fraction]


def gain(table: list[Row], claim: Claim) -> Iterator[Finding]:
    yield from difference(table, claim, lambda a, b: a - b, "above")


def percent(table: list[Row], claim: Claim) -> Iterator[Finding]:
    yield from difference(table, claim, lambda a, b: 100 * (b - a) / b, "percent below")


def difference(table: list[Row], claim: Claim, size: Size, word: str) -> Iterator[Finding]:
    cell, other = one(table, claim.cell), one(table, claim.against)
    stated = interval(claim.value)
    verdict = judge(cell, other, stated, size)
    if verdict is None:
        return
    digits = len(claim.value.partition(".")[2])
    reason = f"the text says {claim.value} {word} {other[0].title} ({claim.claim})"
    if verdict == HINT:
        reason += "; only the unrounded values can give that"
    if fits := elsewhere(table, cell, other, stated, size):
        verdict = LIKELY if verdict == CERTAIN else verdict  # the text may mean these rows
        reason += f"; it is right for {fits}"
    found = f"{float(size(exact(cell), exact(other))):.{digits}f}"
    yield claimed(*cell, claim.value, found, verdict, reason)


def judge(cell: Cell, other: Cell, stated: Interval, size: Size) -> str | None:
    """None if the printed digits agree with the text."""
    a, b = of(cell), of(other)
    if a is None or b is None:
        return None
    ends = [size(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    if Interval(min(ends), max(ends)).apart(stated):
        return CERTAIN
    found = size(exact(cell), exact(other))
    return None if stated.low <= found <= stated.high else HINT


def elsewhere(table: list[Row], cell: Cell, other: Cell, stated: Interval, size: Size) -> str:
    """Two other rows of these methods for which the text is right."""
    for first in table:
        for second in table:
            ends = (first, cell[1]), (second, other[1])
            known = cell[1] in first.printed and other[1] in second.printed
            same = alike(first, cell[0]) and alike(second, other[0])
            if known and same and judge(*ends, stated, size) is None:
                return f"{first.title} against {second.title}"
    return ""


def alike(row: Row, other: Row) -> bool:
    return (row.method, row.dataset) == (other.method, other.dataset)
