"""What an audit says of a cell."""

from dataclasses import dataclass

from labelgraph.review.audit.printed import Row

CERTAIN, LIKELY, HINT = "certain", "likely", "hint"
SURE = (CERTAIN, LIKELY, HINT)
KINDS = {
    "number": "no number, an impossible one, or other digits than its column",
    "mean of labels": "mAP is not the mean of the row's APs",
    "mean of proportions": "an average is not that of the proportions beside it",
    "harmonic F1": "F1 is not the harmonic mean of precision and recall",
    "top 3": "the top 3 labels recall more, or are less precise, than all labels",
    "quoted value": "one system's row differs from table to table in a few cells",
    "other run": "one system's row differs from table to table in most cells",
    "copied row": "a row marked as the paper's own training is another paper's",
    "variant": "one name stands for two variants of a system",
    "image size": "a table that names no image size has rows of several",
    "name": "one name stands for two systems",
    "order": "a value falls where it should rise",
    "claim": "the text, or bold print, says something else of the table",
}


@dataclass(frozen=True)
class Finding:
    paper: str
    table: str
    row: str
    dataset: str
    column: str
    printed: str  # in the cell; of a claim, in the text
    recomputed: str  # what the other printed numbers give; empty where they give none
    kind: str  # the check, as KINDS lists them
    sure: str  # certain: the digits contradict; likely: they fit an unusual rule only; hint
    reason: str  # one sentence


def finding(
    row: Row, column: str, recomputed: object, kind: str, sure: str, reason: str
) -> Finding:
    place = (row.paper, row.table, row.title, row.dataset, column)
    return Finding(*place, row.printed.get(column, ""), str(recomputed), kind, sure, reason)
