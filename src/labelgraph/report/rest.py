"""What a report of some tables and figures leaves out, and what would be trained for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.figures import plans
from labelgraph.study.config import Book, Run, run_of
from labelgraph.tables import convergence, tables, titles

CHOICES = ("tables", "figures")  # lines of the command line that choose


@dataclass(frozen=True)
class Missing:
    kind: str  # table or figure
    name: str
    caption: str
    trainings: int  # that nothing in the report needs


def read(whole: Book, book: Book) -> list[Missing]:
    """`whole`: the study without a choice on the command line; `book`: with it."""
    known = runs_of(book)
    found = [
        Missing("table", name, entry["caption"], added(behind_tables(whole, [name]), known, whole))
        for name, entry in tables.of_study(whole).items()
        if name not in tables.of_study(book)
    ]
    drawn = plans.of_study(book)
    for name, entry in plans.of_study(whole).items():
        if name not in drawn:
            caption = titles.caption(whole, entry["caption"], plans.shown(whole, entry))
            runs = behind_figure(whole, name, entry)
            found.append(Missing("figure", name, caption, added(runs, known, whole)))
    return found


def added(runs: list[Run], known: set[Run], book: Book) -> int:
    return len(with_bases(book, runs) - known)


def with_bases(book: Book, runs: list[Run]) -> set[Run]:
    """The runs, and those whose weights they start from."""
    bases = {book.base(run) for run in runs} - {None}
    return {*runs, *bases}


def runs_of(book: Book) -> set[Run]:
    """All trainings of the tables and figures of a study."""
    found = behind_tables(book, list(tables.of_study(book)))
    for name, entry in plans.of_study(book).items():
        found += behind_figure(book, name, entry)
    return with_bases(book, found)


def behind_tables(book: Book, names: list[str]) -> list[Run]:
    return tables.runs(book, names) + convergence.runs(book, names)


def behind_figure(book: Book, name: str, entry: dict[str, Any]) -> list[Run]:
    paths = {Path(path) for path in plans.inputs(plans.plan(book, name, entry))}
    return [run_at(path) for path in paths if path.name in ("scores.json", "predictions.npz")]


def run_at(path: Path) -> Run:
    """The run that a file belongs to."""
    *_, study, task, dataset, system, seed = path.parent.parts
    return run_of(study, task, dataset, system, int(seed.removeprefix("seed")))
