"""Rows of one table that were scored on different images, by the counts of image_counts.csv."""

from collections.abc import Iterator
from dataclasses import replace

from labelgraph.review.audit import pairs
from labelgraph.review.audit.findings import HINT, Finding, finding
from labelgraph.review.audit.image_counts import PAPER, UNCONFIRMED, ImageCount
from labelgraph.review.audit.printed import PAPERS, Row

KIND = "test images"


def check(rows: list[Row], counts: list[ImageCount]) -> Iterator[Finding]:
    yield from rows_apart(rows, counts)
    yield from mixed(rows, counts)


def rows_apart(rows: list[Row], counts: list[ImageCount]) -> Iterator[Finding]:
    """A quoted row whose system was scored on other images than its table's paper says."""
    known = {(each.who, each.dataset): each for each in counts}
    own, seen = retrained(rows), set()
    for row in rows:
        mine = known.get((row.paper, row.dataset))
        theirs = known.get((row.method, row.dataset))
        key = (row.paper, row.method, row.dataset)  # the first table of a paper
        if mine is None or theirs is None or key in seen:
            continue
        seen.add(key)
        if id(row) not in own and mine.test != theirs.test:
            yield finding(row, first(row), "", KIND, HINT, apart(mine, theirs, row.title))


def retrained(rows: list[Row]) -> set[int]:
    """Rows that a paper trained itself: marked with a star, or unlike the other papers' rows."""
    found = [pair for pair in pairs.find(rows) if not pair.one_paper]
    both = [(id(row), pair.another_run) for pair in found for row in (pair.row, pair.other)]
    quoted = {row for row, another in both if not another}
    unlike = {row for row, another in both if another}
    starred = {id(row) for row in rows if row.title.split(" (")[0].endswith("*")}
    return (starred | unlike) - quoted


def first(row: Row) -> str:
    return "mAP" if "mAP" in row.printed else next(iter(row.printed))


def apart(mine: ImageCount, theirs: ImageCount, title: str) -> str:
    gap = theirs.test - mine.test
    word = "more" if gap > 0 else "fewer"
    sure, was = "", "was scored"
    if theirs.sure == UNCONFIRMED:
        sure, was = "; unconfirmed", "was probably scored"
    left = [(title, theirs), (f"the paper of the table ({mine.who})", mine)]
    without = "".join(
        f"; {name} leaves out {each.left_out}" for name, each in left if each.left_out
    )
    return (
        f"{title} {was} on {theirs.test:,} test images ({theirs.source}{sure}), the paper of"
        f" the table has {mine.test:,} ({mine.source}): {abs(gap):,} {word}, that is"
        f" {100 * abs(gap) / mine.test:.1f} %{without}"
    )


def mixed(rows: list[Row], counts: list[ImageCount]) -> Iterator[Finding]:
    """A paper whose training count goes with another test count elsewhere, and the other way."""
    for each in counts:
        same = [other for other in counts if other.dataset == each.dataset and other is not each]
        train = [other for other in same if other.train == each.train and other.test != each.test]
        test = [other for other in same if other.test == each.test and other.train != each.train]
        own = [row for row in rows if (row.paper, row.method) == (each.who, each.who)]
        own = [row for row in own if row.dataset == each.dataset]
        if each.who in PAPERS and each.sure == PAPER and train and test and own:
            left = f", which leaves out {train[0].left_out}" if train[0].left_out else ""
            reason = (
                f"the text counts {each.train:,} training and {each.test:,} test images"
                f" ({each.source}), but {each.train:,} goes with {train[0].test:,} test images in"
                f" {train[0].who}{left}, and {each.test:,} goes with {test[0].train:,} training"
                f" images in {test[0].who}: the two counts are of different selections"
            )
            found = finding(own[0], first(own[0]), "", KIND, HINT, reason)
            yield replace(found, printed=f"{each.train:,} and {each.test:,}")
