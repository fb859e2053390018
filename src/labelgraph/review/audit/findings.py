"""What an audit says of a cell."""

from dataclasses import dataclass

from labelgraph.review.audit.printed import Row

CERTAIN, LIKELY, HINT = "certain", "likely", "hint"
SURE = (CERTAIN, LIKELY, HINT)


@dataclass(frozen=True)
class Finding:
    paper: str
    table: str
    row: str
    dataset: str
    column: str
    printed: str  # in the cell; of a claim, in the text
    recomputed: str  # what the other printed numbers give; empty where they give none
    kind: str  # the check, as audit.KINDS lists them
    sure: str  # certain: the digits contradict; likely: they fit an unusual rule only; hint
    reason: str  # one sentence


def finding(
    row: Row, column: str, recomputed: object, kind: str, sure: str, reason: str
) -> Finding:
    place = (row.paper, row.table, row.title, row.dataset, column)
    return Finding(*place, row.printed.get(column, ""), str(recomputed), kind, sure, reason)
