"""How many labels an image the top 3 have: at most three above a threshold, or exactly three.

OP is hits / predicted labels and OR is hits / true labels. So OR / OP is the number of predicted
labels for each true one, and times the true labels an image it is the predicted labels an image.

Where a table prints F1 scores alone, the fall of OF1 from all labels to the top 3 tells the two
cuts apart: three labels for every image are more than most images have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from labelgraph.files.plurals import counted
from labelgraph.review.audit import image_counts, rates
from labelgraph.review.audit.claims import exact
from labelgraph.review.audit.findings import HINT, LIKELY, Finding, finding
from labelgraph.review.audit.image_counts import ImageCount, Labels
from labelgraph.review.audit.printed import Interval, Row, by_table

KIND = "labels an image"
OP, OR = "OP_top3", "OR_top3"
ALL, TOP = "OF1", "OF1_top3"
NEAR = Fraction(27, 10)  # from here on nearly every image has three
FALL = 2  # an OF1 that falls by more than so many medians of its table is that of exactly three
LEAST = 3  # points that the median counts at least: rows with fewer labels, by OR / OP, fall by 1-4
ENOUGH = 3  # rows to compare a fall with


@dataclass(frozen=True)
class Kept:
    """The labels an image that a row's top 3 have."""

    row: Row
    labels: Labels  # the true ones
    value: Fraction  # of the printed digits
    range: Interval  # of all numbers that round to them

    @property
    def few(self) -> bool:
        return self.value < NEAR and self.range.high < 3

    @property
    def sum(self) -> str:
        p, r, true = self.row.printed[OP], self.row.printed[OR], self.labels.text
        return (
            f"OR / OP x true labels an image = {r} / {p} x {true} = {shown(self.value)}, with"
            f" rounding {self.range} ({true} true labels: {self.labels.source})"
        )


def check(rows: list[Row], counts: list[ImageCount]) -> Iterator[Finding]:
    for table in by_table(rows):
        labels = image_counts.labels(counts, table[0].paper, table[0].dataset)
        if labels:
            yield from predicted([found for row in table if (found := part(row, labels))])
            yield from falls(table, labels)


def part(row: Row, labels: Labels) -> Kept | None:
    """Without rows whose top 3 are those of all labels (placement.py)."""
    found = kept(row, labels)
    return None if found and found.few and rates.exchanged(row) else found


def kept(row: Row, labels: Labels, end: str = "_top3") -> Kept | None:
    names = f"OP{end}", f"OR{end}"
    found = row.intervals(*names)
    if found is None or found[0].low <= 0:
        return None
    p, r = found
    low, high = r.low / p.high * labels.value.low, r.high / p.low * labels.value.high
    middle = (labels.value.low + labels.value.high) / 2
    value = exact((row, names[1])) / exact((row, names[0])) * middle
    return Kept(row, labels, value, Interval(low, high))


def predicted(table: list[Kept]) -> Iterator[Finding]:
    """Rows with fewer labels than three, and rows with three beside such rows."""
    few = [each for each in table if each.few]
    for each in table:
        sure = LIKELY if each.range.low > 3 else HINT
        if sure == LIKELY:
            what = "more than three, which the top 3 cannot have"
        elif each.few:
            what = "not three, so at most three, probably those above a threshold"
        elif few:
            what = beside(each, few)
        else:
            continue
        reason = f"the top 3 are {shown(each.value)} labels an image, {what}: {each.sum}"
        yield finding(each.row, OR, f"{shown(each.value)} labels", KIND, sure, reason)


def beside(each: Kept, few: list[Kept]) -> str:
    ends = sorted(other.value for other in few)
    exactly = "which can be" if each.range.high >= 3 else "close to"
    return (
        f"{exactly} exactly three for every image, where"
        f" {counted(len(few), 'other row has', 'other rows have')}"
        f" {span(shown(ends[0]), shown(ends[-1]))}, at most three above a threshold"
    )


def falls(table: list[Row], labels: Labels) -> Iterator[Finding]:
    """Rows of F1 scores alone whose OF1 falls much more than the others'."""
    fall = {
        id(row): exact((row, ALL)) - exact((row, TOP))
        for row in table
        if row.intervals(ALL, TOP) and row.intervals(OP, OR) is None
    }
    limit = FALL * max(median(fall.values()), LEAST) if fall else LEAST
    rest = sorted(each for each in fall.values() if each <= limit)
    for row in table:
        if len(rest) < ENOUGH or fall.get(id(row), limit) <= limit:
            continue
        reason = (
            f"from all labels to the top 3 OF1 falls by {one(fall[id(row)])}"
            f" ({row.printed[ALL]} to {row.printed[TOP]}), in {len(rest)} other rows by"
            f" {span(one(rest[0]), one(rest[-1]))}: this row probably has exactly three labels for"
            f" every image, the others at most three above a threshold; {strict(row, labels)}"
        )
        yield finding(row, TOP, "", KIND, HINT, reason)


def strict(row: Row, labels: Labels) -> str:
    """What the printed OF1 means with exactly three labels an image."""
    true = (labels.value.low + labels.value.high) / 2
    hits = exact((row, TOP)) / 100 * (3 + true) / 2
    return (
        f"with exactly three, OF1 {row.printed[TOP]} is {row.printed[TOP]} % x (3 + {labels.text})"
        f" / 2 = {shown(hits)} hits an image, OP {one(100 * hits / 3)} and OR"
        f" {one(100 * hits / true)} ({labels.text} true labels an image: {labels.source})"
    )


def shown(value: Fraction) -> str:
    return f"{float(value):.2f}"


def one(value: Fraction) -> str:
    return f"{float(value):.1f}"


def span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
