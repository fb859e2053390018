"""A cell of a committed table -> the chain behind it: runs, settings, commit, inputs, cost.

`trace` gives one object, which `labelgraph trace --json` prints:

    {"table": "results/tables/mini/ml_sgm_II.csv", "study": "mini", "row": "ML-SGM",
     "column": "mAP", "status": "reproduced" or "quoted",
     "published": null, or {"paper", "table", "value", "note", "file", "line"},
     "reproduced": {"mean", "std", "seeds"} as in the csv, in text; empty where there is nothing,
     "recomputed": the same three from the runs on this disk; null if one is missing or none needed,
     "counted": null, or {"network", "metric", "value", "file", "found"}: counted, not trained,
     "runs": [{"folder", "task", "dataset", "method", "variant", "seed", "found", and where found:
               "value" in percent, "settings", "as_configured", "git": {"commit", "clean"},
               "packages", "python", "hardware", "wall_seconds", "cpu_seconds", "peak_mb",
               "inputs": [{"path", "sha256", "state": a key of STATES}]}],
     "command": null, or what makes the files that are missing,
     "problems": [a sentence for each gap in the chain]}
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelgraph.review.tracing import place
from labelgraph.review.tracing.behind import counted, ran
from labelgraph.review.tracing.place import (
    axes,
    checkout,
    named,
    printed,
)
from labelgraph.study import own_tables, recipe
from labelgraph.tables import csv_cells, tables
from labelgraph.tables.csv_cells import choose

Entry = dict[str, Any]
STATES = {
    "same": "is as it was",
    "changed": "is changed since",
    "gone": "is gone since",
    "outside": "leads out of the checkout, so it was not opened",
    "no file": "is no regular file, so it was not opened",
}


def trace(path: Path, row: str, column: str, given: Entry | None = None) -> Entry:
    """`path`: results/tables/<study>/<table>.csv of a checkout; its settings and runs are meant.

    `row` is a title as in the csv, or the name of a method as methods.yaml has it; `column` is as
    in the csv, or as the table for people has it. `given`: as for `recipe.read_study`.
    """
    root, study = checkout(path)
    cells = csv_cells.parse(str(path), path.read_bytes())
    book = recipe.read_study(root / "workflow/config", (given or {}) | {"study": study})
    if path.stem not in book.tables and path.stem.startswith(own_tables.PREFIX):
        raise ValueError(f"{path} shows data of one's own; --configfile FILE says which")
    table = tables.recipe(book, choose("table", path.stem, book.tables, "tables.yaml"))
    published = place.printed_in(root, table)
    keys, columns = axes(table, root, published)
    row, column = named(book, row, keys), place.column(table, column, columns)
    choose("row", row, (title for title, _ in cells), str(path))
    choose("column", column, (name for _, name in cells), str(path))
    where = f"{path.stem} in tables.yaml"
    key = keys[choose("row", row, keys, where)]
    shown = columns[choose("column", column, columns, where)]
    cell = cells[row, column]
    found = {
        "table": str(path),
        "study": study,
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
    return found | conclusion(found)


def conclusion(found: Entry) -> Entry:
    missing = [run["folder"] + "/scores.json" for run in found["runs"] if not run["found"]]
    if found["counted"] and not found["counted"]["found"]:
        missing.append(found["counted"]["file"])
    study = f" --config study={found['study']}" * (found["study"] not in ("mini", "own"))
    command = f"snakemake --cores 8 {' '.join(missing)}{study}" if missing else None
    return {"command": command, "problems": [*problems(found, missing)]}


def problems(found: Entry, missing: list[str]) -> Iterator[str]:
    for path in missing:
        yield f"{path} is not on this disk, or not all that belongs to it"
    again = found["recomputed"]
    if again is not None and again != found["reproduced"]:
        yield f"the csv says {found['reproduced']}, what is on this disk gives {again}"
    for run in found["runs"]:
        if not run["found"]:
            continue
        if not run["as_configured"]:
            yield f"{run['folder']}: the study's settings are others today"
        for file in run["inputs"]:
            if file["state"] != "same":
                yield f"{run['folder']}: {file['path']} {STATES[file['state']]}"
