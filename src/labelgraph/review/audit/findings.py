"""One finding of the audit about a cell."""

from dataclasses import dataclass

from labelgraph.review.audit.printed import Row

CERTAIN, LIKELY, HINT = "certain", "likely", "hint"
SURE = (CERTAIN, LIKELY, HINT)
KINDS = {
    "number": "not a number, an impossible one, or not as many digits as its column",
    "mean of labels": "mAP is not the mean of the row's APs",
    "mean of proportions": "an average is not the mean of the proportions beside it",
    "harmonic F1": "F1 is not the harmonic mean of precision and recall",
    "top 3": "the top 3 labels have a higher recall, or a lower precision, than all labels",
    "labels an image": "the top 3 are not three labels an image, or are so in a few rows only",
    "swapped columns": "the numbers of all labels and of the top 3 stand in each other's columns",
    "shifted column": "one F1 of all labels and one of the top 3 are probably a pair of one cut",
    "test images": "the row's system was scored on other images than the table's paper says; images"
    " without labels lower precision and AP, and change no recall",
    "quoted value": "two tables differ in a few cells of the same system's row",
    "other run": "two tables differ in most cells of the same system's row",
    "copied row": "a row that is marked as the paper's own training is copied from another paper",
    "variant": "one name is used for two variants of a system",
    "image size": "a table without image sizes has rows of different sizes",
    "name": "one name is used for two systems",
    "order": "a value falls where it should rise",
    "claim": "the text or bold print contradicts the table",
}


@dataclass(frozen=True)
class Finding:
    paper: str
    table: str
    row: str
    dataset: str
    column: str
    printed: str  # in the cell or, for a claim, in the text
    recomputed: str  # from the other printed numbers; empty if they give none
    kind: str  # one of KINDS
    sure: str  # one of SURE
    reason: str  # one sentence


def finding(
    row: Row, column: str, recomputed: object, kind: str, sure: str, reason: str
) -> Finding:
    place = (row.paper, row.table, row.title, row.dataset, column)
    return Finding(*place, row.printed.get(column, ""), str(recomputed), kind, sure, reason)
