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
    image_counts,
    means,
    numbers,
    orders,
    placement,
    printed,
    quoted,
    rates,
    selections,
    stated,
    top_three,
)
from labelgraph.review.audit.findings import SURE, Finding

CHECKS = (numbers, means, rates, quoted, identity, orders)
COUNTED = (top_three, placement, selections)  # need the counts of images and labels as well


def run(folder: Path) -> list[Finding]:
    """`folder`: workflow/published or a copy of it. The surest findings come first."""
    rows = printed.read(folder)
    made = claims.read(folder)
    claims.check_names(folder, made, rows)
    claimed = [each for each in made if not each.figure]
    counts = image_counts.read(folder)
    tables = list(dict.fromkeys((row.paper, row.table) for row in rows))
    found = [each for check in CHECKS for each in check.check(rows)]
    found += [each for check in COUNTED for each in check.check(rows, counts)]
    found += stated.check(rows, claimed)
    return sorted(
        found, key=lambda each: (SURE.index(each.sure), tables.index((each.paper, each.table)))
    )
