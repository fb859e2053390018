"""A line of claims.csv -> the runs of both sides of its difference."""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.review.audit.claims import DOUBLE
from labelgraph.review.claims import listing
from labelgraph.review.claims.comparisons import CONTROL
from labelgraph.review.claims.verdicts import Line
from labelgraph.review.tracing.behind import a_run
from labelgraph.study import frozen
from labelgraph.study.config import Book

Entry = dict[str, Any]
FILE = listing.FILE


def trace(book: Book, root: Path, path: Path, row: str) -> Entry:
    """As for a cell; `row`: the number of a line of the file, whose header is line 1."""
    lines = listing.parse(path.read_text("utf-8"))
    if not row.isdecimal() or not 2 <= int(row) <= len(lines) + 1:
        raise ValueError(
            f"{path} has no line {row!r}; pass a number from 2 to {len(lines) + 1}, as"
            " `labelgraph claims` prints it before each claim"
        )
    line = lines[int(row) - 2]
    if line.verdict and not line.seeds:
        raise ValueError(f"{path}, line {row}, has no run: {line.reason or 'costs are counted'}")
    sides = [runs_of(book, root, line, text) for text in (line.first, line.second)]
    return {
        "table": str(path),
        "study": book.study,
        "row": line.claim,
        "column": line.metric,
        "status": line.verdict,
        "published": None,
        "reproduced": {"mean": line.here, "std": "", "seeds": ""},
        "recomputed": again(line, sides),
        "counted": None,
        "runs": [*sides[0], *sides[1], *controls(book, root, line)],
    }


def runs_of(book: Book, root: Path, line: Line, text: str) -> list[Entry]:
    """`text`: task/dataset/system of each run, without its seed."""
    metric = line.metric if "*" not in line.metric else "mAP"  # of a count over labels
    folders = [
        Path("results/runs", book.study, name, f"seed{seed}")
        for name in text.split()
        for seed in line.seeds.split()
    ]
    return [a_run(book, root, folder / "scores.json", metric) for folder in folders]


def controls(book: Book, root: Path, line: Line) -> list[Entry]:
    """The runs of the difference that is subtracted."""
    if line.kind not in DOUBLE:
        return []
    texts = []
    for text in (line.first, line.second):
        task, dataset, system = text.split("/")
        if line.kind == "structure":
            dataset += CONTROL
        else:
            system = frozen.system_of(system)
        texts.append(f"{task}/{dataset}/{system}")
    return [run for text in texts for run in runs_of(book, root, line, text)]


def again(line: Line, sides: list[list[Entry]]) -> Entry | None:
    """The difference that the runs on disk give; None if it is not one of two means."""
    every = [run for side in sides for run in side]
    if line.kind in ("wins", "value", *DOUBLE) or not all(run["found"] for run in every):
        return None
    first, second = (np.mean([run["value"] for run in side]) for side in sides)
    return {"mean": f"{first - second:.6f}", "std": "", "seeds": ""}
