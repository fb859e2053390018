"""Tables against tables, cell by cell: what differs, appeared, vanished, changed rank.

`compare` gives one object, which `labelgraph compare --json` prints:

    {"a": what was named first, "b": what was named second, "published": true where one side is,
     "cells": how many were compared, "beyond": how many differences are larger than the tolerance,
     "differences": [{"table", "row", "column", "field": "reproduced", "std", "published", "seeds",
                      "status", or "value" beside the published ones; "a", "b": text,
                      "difference": b - a, null where one is no number, "tolerance", "beyond"}],
     "appeared": what only b has: {"tables": [name], "rows": [{"table", "row"}],
                 "columns": [{"table", "column"}], "cells": [{"table", "row", "column"}]},
     "vanished": the same of what only a has,
     "ranks": [{"table", "column", "rows": how many, "tau": Kendall's, null if all are equal,
                "moved": [{"row", "a": rank, "b": rank}]}],
     "differs": whether anything is beyond, appeared or vanished}

Differences are in order: the largest beyond its tolerance first, those without a size before them.
Beside published values only cells that have both a run and a printed value count.
"""

from typing import Any

from labelgraph.review.comparing.differences import of_cell, of_value, order
from labelgraph.review.comparing.ranks import changes, values
from labelgraph.review.comparing.sources import Side
from labelgraph.review.comparing.tolerances import Tolerances
from labelgraph.tables.csv_cells import Cells

Entry = dict[str, Any]


def compare(a: Side, b: Side, tolerances: Tolerances) -> Entry:
    published = a.published or b.published
    shared = [name for name in a.tables if name in b.tables]
    differences, ranks, cells = [], [], 0
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
        "differs": bool(beyond or any(appeared.values()) or any(vanished.values())),
    }


def only(here: Side, there: Side) -> Entry:
    """What the one has and the other does not, each told once: a table, else a row, ..."""
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
