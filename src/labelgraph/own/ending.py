"""The last lines of a workflow on your own data: where the tables are, and what to do next."""

import shlex
from pathlib import Path

from labelgraph.files.small import read_json
from labelgraph.own import choosing
from labelgraph.predict import calibration
from labelgraph.score.metrics import value
from labelgraph.study.config import Book
from labelgraph.tables import intervals, tables

MAIN = "mAP"


def lines(book: Book, made: set[str]) -> list[str]:
    """`made`: the files of this workflow. Only tables of your own data get lines."""
    found = []
    for name, entry in tables.of_study(book).items():
        path = f"results/tables/{book.study}/{name}.csv"
        if entry["paper"] == "own" and path in made:
            found += ["", f"Table: {path.removesuffix('.csv')}.md", *best(book, name)]
    return found


def best(book: Book, name: str) -> list[str]:
    """The best of the table's runs; no lines if they are not calibrated."""
    titles = {system: title for title, system in tables.systems(book.tables[name]).items()}
    runs = {Path("results/runs", run.folder): run for run in tables.runs(book, [name])}
    chosen = choosing.best(sorted(runs))
    if chosen is None:
        return []
    title = titles[runs[chosen.folder].system]
    run = shlex.quote(str(chosen.folder))
    return [
        f"Best run: {title}, {chosen.reason}.",
        f"  {measured(chosen)}",
        f"  {calibration.describe(chosen.calibration, chosen.folder / choosing.FILE)}",
        "  Use it on a picture:",
        f"    uv run labelgraph predict {run} photo.jpg --save seen",
    ]


def measured(chosen: choosing.Best) -> str:
    """How good it is on the reported pictures."""
    scores = read_json(chosen.folder / "scores.json")
    assessed = read_json(chosen.folder / intervals.FILE)
    role = (
        "which also chose it, so these numbers are too high"
        if chosen.calibration.selection == "report"
        else "which were not used to choose it"
    )
    whole = [value(scores, MAIN), *assessed["intervals"].get(MAIN, [])]
    numbers = ", ".join(
        f"{name} {shown(values)}"
        for name, values in (
            (MAIN, whole),
            ("OF1 at the thresholds of predict", assessed["rule"]["OF1"]),
        )
        if values and values[0] is not None
    )
    return f"On {assessed['images']} reported pictures, {role}: {numbers}."


def shown(values: list[float]) -> str:
    """In percent, with the two ends of the interval if there is one."""
    first, *ends = (f"{100 * each:.1f}" for each in values)
    return f"{first} [{', '.join(ends)}]" if ends else first
