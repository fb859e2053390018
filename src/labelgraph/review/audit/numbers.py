"""Whether the cells are numbers, complete and possible."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from labelgraph.files.plurals import counted
from labelgraph.review.audit.findings import (
    CERTAIN,
    LIKELY,
    Finding,
    finding,
)
from labelgraph.review.audit.printed import Row, interval

KIND = "number"
COSTS = {"params_m", "gflops", "images_per_second"}  # all other metrics are percentages


def check(rows: list[Row]) -> Iterator[Finding]:
    usual = digits(rows)
    for row in rows:
        for metric, text in row.printed.items():
            found = interval(text)
            wanted = usual[row.paper, row.table, metric]
            if found is None:
                reason = "this is not a complete number"
                yield finding(row, metric, "", KIND, CERTAIN, reason)
            elif metric not in COSTS and found.low > 100:
                yield finding(row, metric, "", KIND, CERTAIN, "a percentage is at most 100")
            elif places(text) != wanted:
                reason = (
                    f"{counted(places(text), 'digit', 'digits')} after the point, where the column"
                    f" has {wanted}"
                )
                yield finding(row, metric, "", KIND, LIKELY, reason)


def places(text: str) -> int:
    return len(text.partition(".")[2])


def digits(rows: list[Row]) -> dict[tuple[str, str, str], int]:
    """How many digits after the point most cells of a column have."""
    seen: dict[tuple[str, str, str], Counter] = defaultdict(Counter)
    for row in rows:
        for metric, text in row.printed.items():
            seen[row.paper, row.table, metric][places(text)] += 1
    return {column: count.most_common(1)[0][0] for column, count in seen.items()}
