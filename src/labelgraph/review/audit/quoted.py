"""Values of the same system that differ between tables."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from labelgraph.files.plurals import counted
from labelgraph.review.audit import pairs
from labelgraph.review.audit.findings import (
    HINT,
    LIKELY,
    Finding,
    finding,
)
from labelgraph.review.audit.pairs import Pair
from labelgraph.review.audit.printed import Row

VALUE, RUN = "quoted value", "other run"
Place = tuple[int, str]  # a row's identity, a metric


def check(rows: list[Row]) -> Iterator[Finding]:
    found = pairs.find(rows)
    alike = [pair for pair in found if not pair.another_run]
    yield from values(alike)
    yield from runs([pair for pair in found if pair.another_run], alike)


def values(alike: list[Pair]) -> Iterator[Finding]:
    """Rows that agree but for a few cells: blames the value in the minority, or the later one."""
    peers: dict[Place, list[Row]] = defaultdict(list)
    for pair in alike:
        for row, other in ((pair.row, pair.other), (pair.other, pair.row)):
            for metric in pair.shared:
                peers[id(row), metric].append(other)
    blamed: dict[Place, tuple[Row, str, str]] = {}
    for pair in alike:
        for metric in pair.different:
            row = blame(pair, metric, peers)
            text = most(peers[id(row), metric], metric)
            blamed.setdefault((id(row), metric), (row, metric, text))
    for row, metric, text in blamed.values():
        others = [each for each in peers[id(row), metric] if each.printed[metric] == text]
        where = "; ".join(other.where for other in others)
        doubt = "" if len(others) > 1 else "; either may be wrong"
        reason = f"the same row has {text} in {where}{doubt}"
        yield finding(row, metric, text, VALUE, LIKELY, reason)


def most(rows: list[Row], metric: str) -> str:
    return Counter(row.printed[metric] for row in rows).most_common(1)[0][0]


def blame(pair: Pair, metric: str, peers: dict[Place, list[Row]]) -> Row:
    """The row that fewer tables agree with; of equals the later one."""

    def supporters(row: Row) -> int:
        return sum(each.printed[metric] == row.printed[metric] for each in peers[id(row), metric])

    return pair.row if supporters(pair.row) < supporters(pair.other) else pair.other


def runs(other: list[Pair], alike: list[Pair]) -> Iterator[Finding]:
    """Rows with hardly an equal value: blames the one that no other paper prints."""
    support = Counter(
        id(row) for pair in alike if not pair.one_paper for row in (pair.row, pair.other)
    )
    blamed: dict[int, Pair] = {}
    for pair in other:
        if pair.one_paper and pair.row.variant != pair.other.variant:
            continue  # an ablation, not the system itself
        ahead = support[id(pair.row)] < support[id(pair.other)]
        turned = pair.turned() if ahead else pair
        best = blamed.get(id(turned.other))
        if best is None or len(turned.shared) > len(best.shared):
            blamed[id(turned.other)] = turned
    for pair in blamed.values():
        metric = "mAP" if "mAP" in pair.different else pair.different[0]
        values = counted(len(pair.shared), "value differs", "values differ")
        reason = (
            f"{len(pair.different)} of {values} from {pair.row.where}: it is another training or"
            " setting under the same name"
        )
        yield finding(pair.other, metric, pair.row.printed[metric], RUN, HINT, reason)
