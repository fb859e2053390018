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
