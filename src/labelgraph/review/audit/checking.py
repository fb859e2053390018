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
