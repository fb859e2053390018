"""One finding of the audit about a cell."""

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
    printed: str  # in the cell or, for a claim, in the text
    recomputed: str  # from the other printed numbers; empty if they give none
    kind: str  # one of audit.KINDS
    sure: str  # one of SURE
    reason: str  # one sentence


def finding(
    row: Row, column: str, recomputed: object, kind: str, sure: str, reason: str
) -> Finding:
    place = (row.paper, row.table, row.title, row.dataset, column)
    return Finding(*place, row.printed.get(column, ""), str(recomputed), kind, sure, reason)
