"""A method as a page shows it: idea, code, results, recipe with departures, cost."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from labelgraph.jobs import sourcecode
from labelgraph.report.table_pages import Part, TablePage
from labelgraph.study.config import Book
from labelgraph.study.recipes import ALL, TRAINING, Row, numbered
from labelgraph.tables import tables, titles

SAME = "same"  # the kind of a row that is no departure
TASKS = {ALL: "all tasks", "full": "all labels known", "partial": "some labels known"}
SHAPES = "Shapes:"  # starts the last paragraph of a method's docstring, on the letters of its code


@dataclass(frozen=True)
class Departure:
    """A note on the recipe; tables name it by its number."""

    number: int
    items: str  # what it is about
    note: str
    here: (
        bool  # whether it applies to the study: those on training do not where features are cached
    )
    same: bool  # whether it explains what is done as the paper or its released code does


@dataclass(frozen=True)
class Source:
    path: str  # below the repository
    text: str


@dataclass(frozen=True)
class MethodPage:
    name: str
    title: str
    idea: str
    about: tuple[str, ...]  # paragraphs: the paper, and more on the idea
    sources: tuple[Source, ...]
    departures: tuple[Departure, ...]
    recipe: dict[str, list[dict[str, str]]]  # kind of task -> its lines of recipes.csv
    results: tuple[tuple[TablePage, tuple[Part, ...]], ...]  # the method's rows of each table


def shown(book: Book) -> list[str]:
    """The methods that have a row in some table, in the order of methods.yaml."""
    entries = tables.of_study(book).values()
    named = [{**tables.systems(entry), **entry.get("counted", {})} for entry in entries]
    systems = [system for each in named for system in each.values()]
    found = {re.split("[@/]", system)[0] for system in systems}
    return [name for name in book.methods if name in found]


def code_files(book: Book) -> list[str]:
    """The files that the pages print, as paths from the repository."""
    return [below(path) for name in shown(book) for path in files(name)]


def below(path: Path) -> str:
    return path.relative_to(sourcecode.PACKAGE.parents[1]).as_posix()


def page(
    book: Book, name: str, pages: list[TablePage], recipes: list[dict[str, str]]
) -> MethodPage:
    idea, *about = docstring(name)
    own = [line for line in recipes if line["method"] == name]
    tasks = sorted({line["task"] for line in own}, key=[*TASKS, "fewshot"].index)
    parts = [(table, parts_of(table, name)) for table in pages]
    return MethodPage(
        name=name,
        title=titles.system(book, name),
        idea=idea,
        about=tuple(about),
        sources=tuple(
            Source(below(path), path.read_text(encoding="utf-8")) for path in files(name)
        ),
        departures=tuple(departures(book.recipes, name, book.usual.encoder.cached, own)),
        recipe={
            TASKS.get(task, "few shots"): [line for line in own if line["task"] == task]
            for task in tasks
        },
        results=tuple((table, found) for table, found in parts if found),
    )


def files(method: str) -> list[Path]:
    """The method's code: one file, or those of its folder with the one of its name first."""
    first = sourcecode.method_file(method)
    if first.parent.name != method:
        return [first]
    others = sorted(path for path in first.parent.glob("[!_]*.py") if path != first)
    return [first, *others]


@cache
def docstring(method: str) -> tuple[str, ...]:
    """The paragraphs of the method's file up to the one on shapes, read without importing torch.

    The first is the idea, without the method's name in front of it.
    """
    tree = ast.parse(sourcecode.method_file(method).read_text(encoding="utf-8"))
    text = ast.get_docstring(tree) or ""
    paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
    kept = [each for each in paragraphs if each and not each.startswith(SHAPES)]
    idea = re.sub(r"^[^:]{1,24}: ", "", kept[0]) if kept else ""
    return (idea[:1].upper() + idea[1:], *kept[1:])


def departures(
    rows: Iterable[Row], method: str, cached: bool, lines: list[dict[str, str]]
) -> list[Departure]:
    """`lines`: of recipes.csv, which has the kind of each row; without any all are departures."""
    own = [row for row in rows if row.method == method]
    kinds: dict[str, set[str]] = {}
    for line in lines:
        kinds.setdefault(line["note"], set()).add(line["kind"])
    found = []
    for note, number in numbered(own, method).items():
        items = dict.fromkeys(row.item for row in own if row.note == note)
        here = not (cached and {*items} <= {*TRAINING})
        same = kinds.get(note) == {SAME}
        found.append(Departure(number, ", ".join(items), note, here, same))
    return found


def parts_of(table: TablePage, method: str) -> tuple[Part, ...]:
    """The table with the method's rows alone; without any it has no part."""
    found = [
        replace(part, rows=tuple(row for row in part.rows if row.method == method))
        for part in table.parts
    ]
    return tuple(part for part in found if part.rows)


def cost_lines(lists: dict[str, list[dict[str, Any]]], method: str) -> dict[str, list[dict]]:
    """The method's networks in each list of costs."""
    return {
        name: [line for line in lines if re.split("[@/]", line["method"])[0] == method]
        for name, lines in lists.items()
    }
