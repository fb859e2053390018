"""What verdicts depend on besides predictions and published files, as plain data.

Only runs that the study's tables need take part, so that no claim asks for a training of its own.
"""

from typing import Any

from labelgraph.study.config import Book
from labelgraph.tables import table_columns, tables, titles

Entry = dict[str, Any]
KEYS = ("columns", "task", "runs", "more", "counted")


def recipe(book: Book, names: list[str]) -> Entry:
    """`names`: the tables of the study.

    study, note   the study and what it says of itself
    rehearsal     whether its numbers mean nothing
    tables        name -> its columns, its rows' systems, and the seeds of each place (task/dataset)
                  and system
    runs          place -> system -> seeds, over all tables
    titles        system -> its title, without the encoder, which all of them share
    datasets      name -> the title of what was judged here
    printed       name -> the title that papers use
    sweeps        method -> title of a variant -> that variant's system
    """
    runs: dict[str, dict[str, list[int]]] = {}
    for run in tables.runs(book, names):
        seeds = runs.setdefault(f"{run.task}/{run.dataset}", {}).setdefault(run.system, [])
        seeds.append(run.seed)
    there = {system: place for place, systems in runs.items() for system in systems}
    methods = {system.partition("@")[0] for system in there}
    datasets = [name for name in book.datasets if book.runs_on(name)]
    return {
        "study": book.study,
        "note": book.size.note,
        "rehearsal": book.size.rehearsal,
        "tables": {name: table(book, book.tables[name]) for name in names if ours(name)},
        "runs": runs,
        "titles": {name: title(book, name, place) for name, place in there.items()},
        "datasets": {name: titles.dataset(book, name) for name in datasets},
        "printed": {name: book.dataset(name).title for name in datasets},
        "sweeps": {
            method: {
                variant.title: f"{method}@{name}"
                for name, variant in book.variants(method).items()
                if variant.title and " = " in variant.title
            }
            for method in sorted(methods)
        },
        "counts": tables.COUNTS if any(map(tables.costly, map(book.tables.get, names))) else None,
    }


def title(book: Book, system: str, place: str) -> str:
    """A variant whose title is a setting or a row's name is called by its method too."""
    method, _, variant = system.partition("@")
    name = titles.filled(book, plain(book.method(method).title), system, [place])
    own = book.variant(system).title if variant else name
    known = titles.filled(book, plain(own or variant), system, [place])
    return known if known.startswith((name, "linear")) else f"{name}, {known}"


def plain(text: str) -> str:
    return text.removeprefix("{encoder}, ")


def ours(name: str) -> bool:
    """Whether a table is of a paper, and not of the user's own data."""
    return not name.startswith("own_")


def table(book: Book, entry: Entry) -> Entry:
    found = {key: entry[key] for key in KEYS if key in entry}
    found["seeds"] = {
        f"{task}/{block['dataset']}": {
            system: tables.seeds(book, entry, block["dataset"], task, system)
            for system in tables.systems(entry).values()
        }
        for block in table_columns.trained(entry)
        if book.runs_on(block["dataset"])
        for task in filter(book.runs_task, table_columns.tasks(entry, block))
    }
    return found
