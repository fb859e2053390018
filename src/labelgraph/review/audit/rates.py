"""Precision, recall and F1 of one row: which of them cannot be together.

OF1 is the harmonic mean of OP and OR by its definition. CF1 is that of CP and CR in these papers;
some code averages F1 over the labels instead, which never gives more (the harmonic mean is
concave), so a lower CF1 may be that, and a higher one may not.

The top 3 labels of an image are some of all the labels above the threshold, so leaving the others
out cannot raise a recall, and seldom lowers a precision.
"""

from collections.abc import Iterator

from labelgraph.review.audit.findings import (
    CERTAIN,
    HINT,
    LIKELY,
    Finding,
    finding,
)
from labelgraph.review.audit.printed import Interval, Row

HARMONIC, TOP = "harmonic F1", "top 3"
ENDS = ("", "_top3")


def check(rows: list[Row]) -> Iterator[Finding]:
    for row in rows:
        yield from overall(row)
        yield from per_label(row)
        yield from top(row)


def harmonic(row: Row, letter: str, end: str) -> tuple[Interval, Interval] | None:
    """The printed F1, and what precision and recall give, whatever was rounded."""
    found = row.intervals(*(f"{letter}{part}{end}" for part in ("P", "R", "F1")))
    if found is None:
        return None
    p, r, f = found
    if p.low + r.low <= 0:
        return None
    ends = [2 * x * y / (x + y) for x, y in ((p.low, r.low), (p.high, r.high))]
    return f, Interval(*ends)


def overall(row: Row) -> Iterator[Finding]:
    for end in ENDS:
        pair = harmonic(row, "O", end)
        if pair and pair[0].apart(pair[1]):
            reason = f"OP and OR have a harmonic mean of {pair[1]}, however they were rounded"
            yield finding(row, f"OF1{end}", pair[1].middle, HARMONIC, CERTAIN, reason)


def per_label(row: Row) -> Iterator[Finding]:
    pairs = {end: pair for end in ENDS if (pair := harmonic(row, "C", end))}
    lower = all(printed.high < given.low for printed, given in pairs.values())
    for end, (printed, given) in pairs.items():
        if printed.low > given.high:
            sure = CERTAIN
            more = "F1 averaged over the labels is never above that either"
        elif printed.high >= given.low:
            continue
        elif lower:
            sure, more = HINT, "F1 averaged over the labels, as some code does it, would explain it"
        else:
            sure, more = LIKELY, "F1 averaged over the labels would lower the row's other CF1 too"
        reason = f"CP and CR have a harmonic mean of {given}; {more}"
        yield finding(row, f"CF1{end}", given.middle, HARMONIC, sure, reason)


def top(row: Row) -> Iterator[Finding]:
    for letter in "CO":
        for part in "RP":
            metric = letter + part
            pair = row.intervals(metric, f"{metric}_top3")
            if pair is None or not pair[0].apart(pair[1]):
                continue
            rises = pair[1].low > pair[0].high
            if part == "R" and rises:
                reason = (
                    "fewer labels cannot have a higher recall; the top 3 were taken by another rule"
                )
                yield finding(row, f"{metric}_top3", row.printed[metric], TOP, LIKELY, reason)
            if part == "P" and not rises:
                reason = "the surest 3 labels are seldom less precise than all"
                yield finding(row, f"{metric}_top3", row.printed[metric], TOP, HINT, reason)
