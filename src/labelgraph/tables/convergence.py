"""What a table says of methods that have not converged.

Where a study has a block `convergence`, each method is trained once more with more epochs at some
places (task/dataset), and the step `check_convergence` writes its verdict beside that run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.files.small import read_json
from labelgraph.score.convergence import NOT_CONVERGED
from labelgraph.study import longer
from labelgraph.study.config import Book, Run, run_of
from labelgraph.study.recipes import kind
from labelgraph.tables import tables, titles
from labelgraph.tables.table_columns import tasks, trained

FILE = "convergence.json"  # in the folder of the run that learns longer
WORDS = {2: "twice", 3: "three times", 4: "four times"}
Entry = dict[str, Any]


@dataclass(frozen=True, order=True)
class Check:
    """One system, trained at one place as its settings say and for longer."""

    place: str  # task/dataset
    system: str

    @property
    def longer(self) -> str:
        return longer.system_of(self.system)


def places(book: Book) -> list[str]:
    """Those that the study checks and runs."""
    block = book.size.convergence
    return [place for place in block.places if book.runs_on(of(place)[1])] if block else []


def of(place: str) -> tuple[str, str]:
    task, _, dataset = place.partition("/")
    return task, dataset


def of_table(book: Book, name: str) -> list[Check]:
    """Where each method of a table is checked."""
    entry, block = book.tables[name], book.size.convergence
    if block is None or entry["paper"] == "own":
        return []
    own = {*block.variants}
    shown = {system if system in own else system.partition("@")[0]
             for system in tables.systems(entry).values()}  # fmt: skip
    found = (Check(place, system) for place in nearest(book, entry) for system in shown)
    return sorted(check for check in found if worth_it(book, check))


def worth_it(book: Book, check: Check) -> bool:
    """What is solved has no epochs, and what has fewer seeds than others is there to compare."""
    run = run_of(book.study, *of(check.place), check.system, 0)
    solved = book.settings(run).training.train.optimizer == "exact"
    return not solved and book.seeds_of(check.system.partition("@")[0]) == book.size.seeds


def nearest(book: Book, entry: Entry) -> list[str]:
    """The places of a table's datasets that are checked; if none is, the first of its tasks."""
    wanted: dict[str, set[str]] = {}
    for block in trained(entry):
        if book.runs_on(block["dataset"]):
            for task in tasks(entry, block):
                wanted.setdefault(kind(task), set()).add(block["dataset"])
    found = []
    for each, datasets in wanted.items():
        known = [place for place in places(book) if kind(of(place)[0]) == each]
        found += [place for place in known if of(place)[1] in datasets] or known[:1]
    return found


def of_tables(book: Book, names: Iterable[str]) -> list[Check]:
    """The checks of the named tables, each once."""
    return sorted({check for name in names for check in of_table(book, name)})


def seeds(book: Book, place: str, system: str) -> list[int]:
    """All seeds that a table shows of a system at a place, whichever tables are made."""
    task, dataset = of(place)
    shown = [
        tables.seeds(book, entry, dataset, task, system)
        for entry in book.tables.values()
        for block in trained(entry)
        if block["dataset"] == dataset and task in tasks(entry, block)
    ]
    if not shown:
        raise ValueError(
            f"studies/{book.study}: convergence.places has {place}, which no table shows"
        )
    return max(shown, key=len)


def runs(book: Book, names: Iterable[str]) -> list[Run]:
    """The runs behind the checks of the named tables."""
    check_variants(book)
    found = set()
    for check in of_tables(book, names):
        usual = seeds(book, check.place, check.system)
        each = [(check.system, seed) for seed in usual] + [(check.longer, usual[0])]
        found |= {run_of(book.study, *of(check.place), *one) for one in each}
    return sorted(found)


def check_variants(book: Book) -> None:
    block = book.size.convergence
    shown = {system for entry in book.tables.values() for system in tables.systems(entry).values()}
    if block and (strangers := [name for name in block.variants if name not in shown]):
        raise ValueError(
            f"studies/{book.study}: convergence.variants has {strangers}, which no table shows"
        )


def folder(book: Book, check: Check) -> str:
    first = seeds(book, check.place, check.system)[0]
    run = run_of(book.study, *of(check.place), check.longer, first)
    return f"results/runs/{run.folder}"


def inputs(book: Book, names: Iterable[str]) -> list[str]:
    """The verdicts that the named tables print."""
    return [f"{folder(book, check)}/{FILE}" for check in of_tables(book, names)]


def settings(book: Book, run: Run) -> Entry:
    """What a check depends on besides scores and predictions; `run` is the longer one."""
    place, usual = f"{run.task}/{run.dataset}", longer.usual(run.variant)
    system = f"{run.method}@{usual}" if usual else run.method
    chosen = seeds(book, place, system)
    once = run_of(book.study, run.task, run.dataset, system, chosen[0])
    return {
        "place": place,
        "system": system,
        "longer": run.system,
        "seeds": chosen,
        "epochs": [book.settings(each).training.train.epochs for each in (once, run)],
    }


def recipe(book: Book, names: Iterable[str]) -> Entry:
    """The checks of the named tables and the words for them; empty if there are none."""
    found, block = of_tables(book, names), book.size.convergence
    if not found:
        return {}
    return {
        "times": WORDS.get(block.times, f"{block.times} times"),
        "checks": [
            {
                "place": check.place,
                "system": check.system,
                "title": title(book, check),
                "where": where(book, check.place),
                "file": f"{folder(book, check)}/{FILE}",
            }
            for check in found
        ],
    }


def title(book: Book, check: Check) -> str:
    """A variant whose title is a row's name is called by its method too."""
    method = check.system.partition("@")[0]
    name, own = (titles.system(book, each, [check.place]) for each in (method, check.system))
    return own if own.startswith(name.partition(" (")[0]) else f"{name}, {own}"


def where(book: Book, place: str) -> str:
    task, dataset = of(place)
    known = f", {task.partition('-')[2]} % of labels known" * task.startswith("partial-")
    return f"{titles.dataset(book, dataset)}{known}"


def noted(table: Entry) -> Entry:
    """The table with a note on the methods that have not converged, if there are any."""
    about = table.get("convergence") or {"checks": []}
    found: dict[str, list[str]] = {}  # where -> what more training adds there
    for check in about["checks"]:
        result = read_json(Path(check["file"]))
        if result["verdict"] == NOT_CONVERGED:
            gain = f"{check['title']} {result['difference']:+.1f}"
            found.setdefault(check["where"], []).append(gain)
    if not found:
        return table
    gains = "; ".join(f"{', '.join(each)} (checked on: {place})" for place, each in found.items())
    note = f"Not converged: {about['times']} the epochs give {gains}."
    return table | {"notes": [*table["notes"], note]}
