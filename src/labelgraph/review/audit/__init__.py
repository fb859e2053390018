"""The published tables against themselves and each other. What is wrong is not known beforehand.

`run` gives a list of findings; `labelgraph audit --json` prints them as a list of objects:

    {"paper": "ml_sgm", "table": "III", "row": "Ours (448, 448)", "dataset": "coco2014",
     "column": "CF1", "printed": "80.4", "recomputed": "80.2", "kind": one of the below,
     "sure": "certain", "likely" or "hint", "reason": a sentence}

`certain`: no numbers that round to the printed digits fit together. `likely`: they fit only under a
rule that the paper does not follow elsewhere. `hint`: they can be, but are worth a look.
`printed` is the cell, of a claim what the text says; `recomputed` is what other cells give.
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
    told,
)
from labelgraph.review.audit.findings import SURE, Finding

CHECKS = (numbers, means, rates, quoted, identity, orders)
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


def run(folder: Path) -> list[Finding]:
    """`folder`: workflow/published or a copy of it. The surest first, then as the papers go."""
    rows = printed.read(folder)
    stated = claims.read(folder)
    tables = list(dict.fromkeys((row.paper, row.table) for row in rows))
    for claim in stated:
        if (claim.paper, claim.table) not in tables:
            raise ValueError(
                f"{folder}/{claim.paper}.csv has no line of table {claim.table}, of which"
                " claims.csv speaks"
            )
    found = [each for check in CHECKS for each in check.check(rows)]
    found += told.check(rows, stated)
    return sorted(
        found, key=lambda each: (SURE.index(each.sure), tables.index((each.paper, each.table)))
    )
