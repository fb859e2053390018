"""Tables against tables, cell by cell: what differs, appeared, vanished, changed rank.

`compare` gives one object, which `labelgraph compare --json` prints:

    {"a": the old tables' name, "b": the new ones', "published": whether one of them is `published`,
     "cells": how many were compared, "beyond": how many differences are larger than the tolerance,
     "differences": [{"table", "row", "column", "field": "reproduced", "std", "published", "seeds",
                      "status", or "value" beside the published ones; "a", "b": text,
                      "difference": b - a, null where one is no number, "tolerance", "beyond"}],
     "appeared": what only b has: {"tables": [name], "rows": [{"table", "row"}],
                 "columns": [{"table", "column"}], "cells": [{"table", "row", "column"}]},
     "vanished": the same of what only a has,
     "ranks": [{"table", "column", "rows": how many, "tau": Kendall's, null if all are equal,
                "moved": [{"row", "a": rank, "b": rank}]}],
     "orders": [{"table", "column", "rows", "tau", "pairs": how many of the rows a ranks, "kept":
                 those in the same order in b, "order": [{"row", "a": rank, "b": rank}], b's first
                 one first}] of the columns whose metric is mAP; the order that changed most first,
     "differs": whether anything is beyond, appeared or vanished}

Against `published`, the command adds `verdicts`: those on the papers' claims that lie beside the
tables, each with "verdict", "corrected", "paper", "table", "claim", "cell", "published", "here".

Differences beyond their tolerance come first; among them those without a number, then the largest.
Against `published`, only cells that have both a run and a printed value count.
"""

from typing import Any

from labelgraph.review.comparing.differences import of_cell, of_value, order
from labelgraph.review.comparing.ranks import changes, orders, values
from labelgraph.review.comparing.sources import Side
from labelgraph.review.comparing.tolerances import Tolerances
from labelgraph.tables.csv_cells import Cells

Entry = dict[str, Any]


def compare(a: Side, b: Side, tolerances: Tolerances) -> Entry:
    published = a.published or b.published
    shared = [name for name in a.tables if name in b.tables]
    differences, ranks, methods, cells = [], [], [], 0
    for name in shared:
        first, second = a.tables[name], b.tables[name]
        both = [place for place in first if place in second]
        for row, column in both:
            tell = of_value if published else of_cell
            pair = first[row, column], second[row, column]
            place = {"table": name, "row": row, "column": column}
            differences += [place | each for each in tell(*pair, tolerances.of(column))]
        cells += sum(
            not published or values(first[place], second[place], published) is not None
            for place in both
        )
        ranks += [{"table": name} | each for each in changes(first, second, published)]
        methods += [{"table": name} | each for each in orders(first, second, published)]
    appeared, vanished = only(b, a), only(a, b)
    beyond = sum(each["beyond"] for each in differences)
    return {
        "a": a.name,
        "b": b.name,
        "published": published,
        "cells": cells,
        "beyond": beyond,
        "differences": sorted(differences, key=order),
        "appeared": appeared,
        "vanished": vanished,
        "ranks": ranks,
        "orders": sorted(methods, key=lambda each: (each["kept"] / each["pairs"], -each["pairs"])),
        "differs": bool(beyond or any(appeared.values()) or any(vanished.values())),
    }


def only(here: Side, there: Side) -> Entry:
    """What one side has and the other lacks; the rows of a missing table are not listed again."""
    found: Entry = {"tables": [], "rows": [], "columns": [], "cells": []}
    for name, cells in here.tables.items():
        if name not in there.tables:
            found["tables"].append(name)
            continue
        others = there.tables[name]
        rows, columns = new(cells, others, 0), new(cells, others, 1)
        found["rows"] += [{"table": name, "row": row} for row in rows]
        found["columns"] += [{"table": name, "column": column} for column in columns]
        found["cells"] += [
            {"table": name, "row": row, "column": column}
            for row, column in cells
            if (row, column) not in others and row not in rows and column not in columns
        ]
    return found


def new(cells: Cells, others: Cells, axis: int) -> list[str]:
    known = {place[axis] for place in others}
    return list(dict.fromkeys(place[axis] for place in cells if place[axis] not in known))
