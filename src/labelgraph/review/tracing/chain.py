"""A cell of a committed table -> what it was computed from: runs, settings, commit, inputs, cost.

`trace` gives one object, which `labelgraph trace --json` prints:

    {"table": "results/tables/mini/ml_sgm_II.csv", "study": "mini", "row": "ML-SGM",
     "column": "mAP", "status": "reproduced" or "quoted",
     "published": null, or {"paper", "table", "value", "note", "file", "line"},
     "reproduced": {"mean", "std", "seeds"} as in the csv, in text; empty where there is nothing,
     "recomputed": the same three from the runs on disk; null if a run is missing or none is needed,
     "counted": null, or {"network", "metric", "value", "file", "found"} of a cost,
     "runs": [{"folder", "task", "dataset", "method", "variant", "seed", "found", and where found:
               "value" in percent, "settings", "as_configured", "git": {"commit", "clean"},
               "packages", "python", "hardware", "wall_seconds", "cpu_seconds", "peak_mb",
               of which those from circumstances.json are null where the run was trained elsewhere,
               "inputs": [{"path", "sha256", "state": a key of STATES}]}],
     "command": null, or the command that makes the missing files,
     "problems": [a sentence for each problem]}

For a claim, `row` is the claim, `column` its metric, `status` its verdict, the numbers are those of
the difference, and `runs` has the runs of both sides.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelgraph.review.tracing import claimed, place
from labelgraph.review.tracing.behind import counted, ran
from labelgraph.review.tracing.place import (
    axes,
    checkout,
    named,
    printed,
)
from labelgraph.study import own_tables
from labelgraph.study.config import Book, read_study
from labelgraph.tables import csv_cells, tables
from labelgraph.tables.csv_cells import choose

Entry = dict[str, Any]
STATES = {
    "same": "is unchanged",
    "changed": "has changed since",
    "gone": "no longer exists",
    "outside": "is outside the checkout, so it was not opened",
    "no file": "is not a regular file, so it was not opened",
}


def trace(path: Path, row: str, column: str | None, given: Entry | None = None) -> Entry:
    """`path`: results/tables/<study>/<table>.csv of a checkout, whose settings and runs are used.

    `row` and `column`: names in the csv or headings of the table; `row` may also be a method's name
    in methods.yaml. In claims.csv `row` is the number of a line, and there is no column. `given`:
    as for `read_study`.
    """
    root, study = checkout(path)
    book = read_study(root / "workflow/config", (given or {}) | {"study": study})
    if path.name == claimed.FILE:
        found = claimed.trace(book, root, path, row)
    elif column is None:
        raise ValueError(f"{path} is a table of cells; pass --column, the name of one of them")
    else:
        found = trace_cell(book, root, path, row, column)
    return found | conclusion(found)


def trace_cell(book: Book, root: Path, path: Path, row: str, column: str) -> Entry:
    cells = csv_cells.parse(str(path), path.read_bytes())
    if path.stem not in book.tables and path.stem.startswith(own_tables.PREFIX):
        raise ValueError(f"{path} shows your own data; pass their settings with --configfile FILE")
    table = tables.recipe(book, choose("table", path.stem, book.tables, "tables.yaml"))
    published = place.printed_in(root, table)
    keys, columns = axes(table, root, published)
    row, column = named(book, table, row, keys), place.column(table, column, columns)
    choose("row", row, (title for title, _ in cells), str(path))
    choose("column", column, (name for _, name in cells), str(path))
    where = f"{path.stem} in tables.yaml"
    key = keys[choose("row", row, keys, where)]
    shown = columns[choose("column", column, columns, where)]
    cell = cells[row, column]
    found = {
        "table": str(path),
        "study": book.study,
        "row": row,
        "column": column,
        "status": cell.status,
        "published": printed(published, table, key, shown),
        "reproduced": {"mean": cell.reproduced, "std": cell.std, "seeds": cell.seeds},
        "recomputed": None,
        "counted": None,
        "runs": [],
    }
    if cell.status == "reproduced":
        behind = counted if shown.cost else ran
        found |= behind(book, root, table, key, shown)
    return found


def conclusion(found: Entry) -> Entry:
    missing = [run["folder"] + "/scores.json" for run in found["runs"] if not run["found"]]
    if found["counted"] and not found["counted"]["found"]:
        missing.append(found["counted"]["file"])
    study = f" --config study={found['study']}" * (found["study"] not in ("mini", "own"))
    command = f"snakemake --cores 8 {' '.join(missing)}{study}" if missing else None
    return {"command": command, "problems": [*problems(found, missing)]}


def problems(found: Entry, missing: list[str]) -> Iterator[str]:
    for path in missing:
        yield f"{path}, or a file beside it, is not on this disk"
    again = found["recomputed"]
    if again is not None and again != found["reproduced"]:
        yield f"the csv has {found['reproduced']}, but the runs on this disk give {again}"
    for run in found["runs"]:
        if not run["found"]:
            continue
        if not run["as_configured"]:
            yield f"{run['folder']}: the study's settings have changed since"
        for file in run["inputs"]:
            if file["state"] != "same":
                yield f"{run['folder']}: {file['path']} {STATES[file['state']]}"
