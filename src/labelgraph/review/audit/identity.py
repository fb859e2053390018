"""Rows whose name is wrong: copied rows, other variants, other image sizes, other systems."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from labelgraph.review.audit import pairs
from labelgraph.review.audit.findings import (
    HINT,
    LIKELY,
    Finding,
    finding,
)
from labelgraph.review.audit.pairs import Pair
from labelgraph.review.audit.printed import RESOLUTION, Row

COPY, VARIANT, SIZE, NAME = "copied row", "variant", "image size", "name"
ENOUGH = 10  # equal values from which two rows are one training


def check(rows: list[Row]) -> Iterator[Finding]:
    same = [pair for pair in pairs.find(rows) if not pair.different]
    both = [each for pair in same for each in (pair, pair.turned())]
    yield from copies(same)
    yield from variants([pair for pair in both if not pair.one_paper and pair.equal > 1])
    yield from sizes(both)
    yield from names(rows)


def copies(same: list[Pair]) -> Iterator[Finding]:
    """Rows with a star, which marks the paper's own training, that are another paper's."""
    known = set()
    for pair in same:
        row, source = pair.other, pair.row
        starred = row.title.split(" (")[0].endswith("*")
        if starred and not pair.one_paper and pair.equal >= ENOUGH and id(row) not in known:
            known.add(id(row))
            reason = (
                f"its star marks the paper's own training, but all {pair.equal} values are those of"
                f" {source.where}"
            )
            yield finding(row, "mAP", source.printed["mAP"], COPY, LIKELY, reason)


def variants(same: list[Pair]) -> Iterator[Finding]:
    """One name for two variants in one paper, which another paper tells apart."""
    known: dict[tuple[str, ...], dict[str, list[Pair]]] = defaultdict(lambda: defaultdict(list))
    for pair in same:
        row, source = pair.row, pair.other
        if not row.variant and source.variant:
            known[row.paper, row.method, source.paper][source.variant].append(pair)
    for uses in known.values():
        for variant, found in uses.items():
            for other in uses.keys() - {variant}:
                elsewhere = uses[other][0].row
                for pair in found:
                    reason = (
                        f"its values are those of {pair.other.where}, but in table"
                        f" {elsewhere.table} the same name is {other}"
                    )
                    yield finding(pair.row, "mAP", "", VARIANT, LIKELY, reason)


def sizes(same: list[Pair]) -> Iterator[Finding]:
    """A table without image sizes whose values another table prints for different sizes."""
    tables: dict[tuple[str, ...], dict[int, Pair]] = defaultdict(dict)
    for pair in same:
        row, setting = pair.row, pair.other.setting
        if RESOLUTION.fullmatch(setting) and not RESOLUTION.fullmatch(row.setting):
            tables[row.paper, row.table, row.dataset][id(row)] = pair
    for found in tables.values():
        counts = Counter(pair.other.setting for pair in found.values())
        usual, count = counts.most_common(1)[0]
        for pair in found.values():
            if counts[pair.other.setting] < count:
                reason = (
                    f"its values are those of {pair.other.where} at {pair.other.setting}, but"
                    f" {count} rows of this table are those at {usual}"
                )
                yield finding(pair.row, pair.shared[0], "", SIZE, HINT, reason)


def names(rows: list[Row]) -> Iterator[Finding]:
    """Two systems under one title within a paper."""
    uses: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        name = row.title.removesuffix(row.setting).strip() if row.amount else row.title
        uses[row.paper, name.rstrip("*")].setdefault(row.method, row)
    for (_, name), methods in uses.items():
        first, *others = methods.values()
        for row in others:
            reason = f"{name} is {row.method} here, but {first.method} in table {first.table}"
            yield finding(row, next(iter(row.printed)), "", NAME, HINT, reason)
