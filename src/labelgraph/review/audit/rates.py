"""Precision, recall and F1 of one row that cannot all be right.

OF1 is the harmonic mean of OP and OR by definition. In these papers CF1 is the harmonic mean of CP
and CR. Some code averages F1 over the labels instead, which never gives more (the harmonic mean is
concave): that can explain a lower CF1, but not a higher one.

The top 3 labels of an image are a subset of the labels above the threshold. Leaving out the others
cannot raise the recall, and seldom lowers the precision.
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
    """The printed F1, and the range that the printed precision and recall allow."""
    found = row.intervals(*(f"{letter}{part}{end}" for part in ("P", "R", "F1")))
    if found is None:
        return None
    p, r, f = found
    if p.low + r.low <= 0:
        return None
    ends = [2 * x * y / (x + y) for x, y in ((p.low, r.low), (p.high, r.high))]
    return f, Interval(*ends)


def mean_of(row: Row, letter: str, end: str) -> str:
    names = f"{letter}P", f"{letter}R"
    return "the harmonic mean of " + " and ".join(f"{n} {row.printed[n + end]}" for n in names)


def overall(row: Row) -> Iterator[Finding]:
    for end in ENDS:
        pair = harmonic(row, "O", end)
        if pair and pair[0].apart(pair[1]):
            reason = f"{mean_of(row, 'O', end)} is {pair[1]}, however they were rounded"
            yield finding(row, f"OF1{end}", pair[1].middle, HARMONIC, CERTAIN, reason)


def per_label(row: Row) -> Iterator[Finding]:
    pairs = {end: pair for end in ENDS if (pair := harmonic(row, "C", end))}
    lower = all(printed.high < given.low for printed, given in pairs.values())
    for end, (printed, given) in pairs.items():
        if printed.low > given.high:
            sure = CERTAIN
            more = "F1 averaged over the labels is never higher either"
        elif printed.high >= given.low:
            continue
        elif lower:
            sure, more = HINT, "F1 averaged over the labels, as in some code, would explain it"
        else:
            sure, more = LIKELY, "F1 averaged over the labels would lower the row's other CF1 too"
        reason = f"{mean_of(row, 'C', end)} is {given}; {more}"
        yield finding(row, f"CF1{end}", given.middle, HARMONIC, sure, reason)


def exchanged(row: Row) -> bool:
    """Whether the top 3 have more recall and less precision than all labels, in all four values."""
    ends = (("CR", "CR_top3"), ("OR", "OR_top3"), ("CP_top3", "CP"), ("OP_top3", "OP"))
    pairs = [row.intervals(*each) for each in ends]
    return None not in pairs and all(lower.high < higher.low for lower, higher in pairs)


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
                    f"it is more than the {row.printed[metric]} of all labels, and fewer labels"
                    " cannot have a higher recall; the top 3 follow another rule"
                )
                yield finding(row, f"{metric}_top3", row.printed[metric], TOP, LIKELY, reason)
            if part == "P" and not rises:
                reason = (
                    f"it is less than the {row.printed[metric]} of all labels, and the 3 most"
                    " probable labels are seldom less precise"
                )
                yield finding(row, f"{metric}_top3", row.printed[metric], TOP, HINT, reason)
