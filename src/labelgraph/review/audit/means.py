"""Printed means, compared with the printed values that they average."""

from collections import defaultdict
from collections.abc import Iterator

from labelgraph.review.audit.findings import CERTAIN, Finding, finding
from labelgraph.review.audit.printed import Row, interval, mean

LABELS, AMOUNTS = "mean of labels", "mean of proportions"


def check(rows: list[Row]) -> Iterator[Finding]:
    for row in rows:
        names = [metric for metric in row.printed if metric.startswith("AP:")]
        if len(names) > 1:
            yield from compare(row, "mAP", [row], names, LABELS)
    blocks = defaultdict(list)
    for row in rows:
        if row.amount:
            blocks[row.paper, row.table, row.dataset, row.method].append(row)
    for block in blocks.values():
        parts = [row for row in block if row.setting.endswith("%")]
        averages = [row for row in block if row.setting == "avg" and parts]
        for row in averages:
            for metric in row.printed:
                yield from compare(row, metric, parts, [metric], AMOUNTS)


def compare(
    row: Row, metric: str, parts: list[Row], metrics: list[str], kind: str
) -> Iterator[Finding]:
    """Compares the row's printed mean with the mean of the parts' metrics."""
    total = interval(row.printed.get(metric, ""))
    values = [interval(part.printed.get(name, "")) for part in parts for name in metrics]
    if total is None or None in values:
        return
    found = mean(values)
    if total.apart(found):
        reason = (
            f"the mean of the {len(values)} printed values is {found}, however they were rounded"
        )
        yield finding(row, metric, found.middle, kind, CERTAIN, reason)
