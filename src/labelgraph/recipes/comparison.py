"""Each item of each recipe: what the paper says, the released code does, and this repository does.

An item that differs from the paper, or from the released code where the paper is silent, is a
departure; it must have a note that says why.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace

from labelgraph.costs import counting
from labelgraph.encoders import encoder as encoders
from labelgraph.recipes import first_weights, here
from labelgraph.study import tasks
from labelgraph.study.config import Book, Run
from labelgraph.study.recipes import ALL, BASE, WEIGHTS, Row, kind
from labelgraph.tables import tables

SAME, DEPARTURE, OURS = "same", "departure", "ours"
WIDTH = 2048  # features of ResNet-101
LABELS = 80  # of MS-COCO
Place = tuple[str, str]  # kind of task, dataset


@dataclass(frozen=True)
class Item:
    """A row of recipes.csv, completed."""

    row: Row
    here: str
    kind: str  # same, departure or ours; the paper and the released code are silent on what is ours

    @property
    def unstated(self) -> bool:
        return self.kind == DEPARTURE and not self.row.note


def items(book: Book) -> list[Item]:
    """`book`: the study with the papers' protocol."""
    runs = {method: places(book, method) for method in book.methods}
    drawn = {
        row.method: drawn_weights(book, row.method) for row in book.recipes if row.item == WEIGHTS
    }
    found = []
    for row in book.recipes:
        done = drawn[row.method] if row.item == WEIGHTS else done_here(book, row, runs[row.method])
        found.append(Item(row, done, judged(row, done)))
    return found


def places(book: Book, method: str) -> dict[Place, Run]:
    """A run of the method as it is, for each kind of task and dataset that tables show."""
    order = list(book.datasets)
    shown = sorted(
        tables.runs(book, book.tables), key=lambda run: (run.task, order.index(run.dataset))
    )
    return {
        (kind(run.task), run.dataset): run
        for run in shown
        if run.method == method and not run.variant
    }


def done_here(book: Book, row: Row, runs: dict[Place, Run]) -> str:
    """From the settings, if they say it; otherwise from the row."""
    item = row.item.removeprefix(BASE)
    if item not in here.ITEMS:
        return row.here
    told = {}
    for place, run in runs.items():
        if row.task in (ALL, place[0]):
            stage = replace(run, task=tasks.BASE, seed=0) if row.item != item else run
            told[place] = here.ITEMS[item](book.settings(stage))
    if not told:
        raise ValueError(f"recipes.csv: {row.method} is in no table of the task {row.task!r}")
    return summary(told)


def summary(told: dict[Place, str]) -> str:
    """What most places do, then those that differ, by dataset or kind of task."""
    usual = Counter(told.values()).most_common(1)[0][0]
    others: dict[str, list[str]] = {}
    for (task, dataset), text in told.items():
        if text != usual:
            whole = [value for place, value in told.items() if place[0] == task]
            name = task if {*whole} == {text} and len(whole) < len(told) else dataset
            others.setdefault(text, []).append(name)
    parts = [f"{', '.join(dict.fromkeys(names))}: {text}" for text, names in others.items()]
    return "; ".join([usual, *parts])


def drawn_weights(book: Book, method: str) -> str:
    """Of a network of the papers' size, built for this."""
    model = book.method(method).model or {}
    encoder = encoders.Cached(WIDTH)
    return first_weights.text(counting.build(method, model, counting.label_space(LABELS), encoder))


def judged(row: Row, done: str) -> str:
    if not (row.paper or row.released):
        return OURS
    return SAME if plain(done) == plain(row.paper or row.released) else DEPARTURE


def plain(text: str) -> str:
    """Without words in brackets, for comparing; brackets in formulas stay."""
    return " ".join(re.sub(r"\s\([^()]*\)", "", text).split()).casefold()
