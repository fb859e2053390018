"""Checks the published tables against themselves and each other, without a list of known errors.

`run` gives a list of findings; `labelgraph audit --json` prints them as a list of objects:

    {"paper": "ml_sgm", "table": "III", "row": "Ours (448, 448)", "dataset": "coco2014",
     "column": "CF1", "printed": "80.4", "recomputed": "80.2", "kind": one of the below,
     "sure": "certain", "likely" or "hint", "reason": a sentence}

`certain`: no numbers that round to the printed digits fit together. `likely`: they fit only under a
rule that the paper does not follow elsewhere. `hint`: they are possible, but worth a look.
`printed` is the cell, or a claim's number in the text; `recomputed` is what other cells give.
"""

from pathlib import Path

from labelgraph.review.audit import (
    claims,
    identity,
    means,
    numbers,
    orders,
    printed,
    quoted,
    rates,
    stated,
)
from labelgraph.review.audit.findings import SURE, Finding

CHECKS = (numbers, means, rates, quoted, identity, orders)
KINDS = {
    "number": "not a number, an impossible one, or not as many digits as its column",
    "mean of labels": "mAP is not the mean of the row's APs",
    "mean of proportions": "an average is not the mean of the proportions beside it",
    "harmonic F1": "F1 is not the harmonic mean of precision and recall",
    "top 3": "the top 3 labels have a higher recall, or a lower precision, than all labels",
    "quoted value": "two tables differ in a few cells of the same system's row",
    "other run": "two tables differ in most cells of the same system's row",
    "copied row": "a row that is marked as the paper's own training is copied from another paper",
    "variant": "one name is used for two variants of a system",
    "image size": "a table without image sizes has rows of different sizes",
    "name": "one name is used for two systems",
    "order": "a value falls where it should rise",
    "claim": "the text or bold print contradicts the table",
}


def run(folder: Path) -> list[Finding]:
    """`folder`: workflow/published or a copy of it. The surest findings come first."""
    rows = printed.read(folder)
    claimed = claims.read(folder)
    tables = list(dict.fromkeys((row.paper, row.table) for row in rows))
    for claim in claimed:
        if (claim.paper, claim.table) not in tables:
            raise ValueError(
                f"{folder}/{claim.paper}.csv has no line of table {claim.table}, but claims.csv has"
                " claims about it"
            )
    found = [each for check in CHECKS for each in check.check(rows)]
    found += stated.check(rows, claimed)
    return sorted(
        found, key=lambda each: (SURE.index(each.sure), tables.index((each.paper, each.table)))
    )
