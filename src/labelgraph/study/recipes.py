"""What papers and their released code do: the rows of workflow/published/recipes.csv.

A row's note says why a method departs there from its paper. Notes have numbers, by which tables
name those that apply to them.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

ALL = "all"  # of the tasks
TASKS = (ALL, "full", "partial", "fewshot")
BASE = "base stage: "  # before items of the first stage of a few-shot task
NETWORK = "network: "  # before items that only some methods have
# How networks are trained on images. Studies on cached features do all of this otherwise and say
# so in their own note, so notes on these items are not theirs.
TRAINING = (
    "optimizer",
    "encoder's rate",
    "head's rate",
    "weight decay",
    "decay of biases and normalisation",
    "clipping",
    "epochs",
    "schedule",
    "batch",
    "precision",
    "learned parts",
    "batch normalisation",
    "image size",
    "test size",
    "resize",
    "training crops",
    "mirroring",
    "test view",
    "checkpoint",
)


WEIGHTS = "first weights"
TOLD = (*TRAINING, "difficult objects", WEIGHTS)  # by settings, or by a network's weights
TYPED = (
    "loss",
    "loss's reduction",
    "crowds",
    "images without labels",
    "metric",
    "word vectors",
    "label graph",
)


@dataclass(frozen=True)
class Row:
    """One item of one method's recipe."""

    method: str
    task: str  # full, partial, fewshot, or all of those that the method's rows have
    item: str
    paper: str  # empty: the paper does not say
    released: str  # empty: the released code does not do it, or there is none
    source: str  # where both were read
    here: str  # empty: settings or code say it
    note: str  # the reason of a departure


def read(path: Path, methods: Iterable[str]) -> tuple[Row, ...]:
    """`methods`: the entries of methods.yaml."""
    try:
        return tuple(checked(path, {*methods}))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a csv file in UTF-8: {error}") from None


def checked(path: Path, methods: set[str]) -> Iterator[Row]:
    names = [each.name for each in fields(Row)]
    seen = set()
    with path.open(newline="", encoding="utf-8-sig") as stream:
        lines = csv.DictReader(stream, strict=True)
        if lines.fieldnames != names:
            raise ValueError(f"{path} has the columns {lines.fieldnames}; expected {names}")
        for line in lines:
            where = f"{path}, line {lines.line_num}"
            if None in line or None in line.values():
                raise ValueError(f"{where}: expected {len(names)} cells")
            row = Row(**{name: text.strip() for name, text in line.items()})
            if found := mistake(row, methods):
                raise ValueError(f"{where}: {found}")
            if (row.method, row.task, row.item) in seen:
                raise ValueError(f"{where}: {row.method}, {row.task}, {row.item} is there twice")
            seen.add((row.method, row.task, row.item))
            yield row


def mistake(row: Row, methods: set[str]) -> str:
    if row.method not in methods:
        return f"methods.yaml has no method {row.method!r}"
    if row.task not in TASKS:
        return f"the task is {row.task!r}; it may be one of {TASKS}"
    item = row.item.removeprefix(BASE)
    if item not in (*TOLD, *TYPED) and not item.startswith(NETWORK):
        return f"no item {row.item!r}; others than {(*TOLD, *TYPED)} begin with {NETWORK!r}"
    if row.here and item in TOLD:
        return f"settings or weights say what is done here of {item!r}; leave `here` empty"
    return ""


def kind(task: str) -> str:
    """`partial` of partial-10, and so on."""
    return task.split("-")[0]


def notes(rows: Iterable[Row], method: str, tasks: Iterable[str], cached: bool) -> list[str]:
    """Those of a method that apply to these tasks, each once; `cached`: features are cached."""
    shown = {ALL, *map(kind, tasks)}
    found = [
        row.note
        for row in rows
        if row.method == method and row.task in shown and not (cached and row.item in TRAINING)
    ]
    return list(dict.fromkeys(filter(None, found)))


def numbered(rows: Iterable[Row], method: str) -> dict[str, int]:
    """Note of a method -> its number, in the order of the file."""
    found = dict.fromkeys(row.note for row in rows if row.method == method and row.note)
    return {note: place for place, note in enumerate(found, 1)}


def ranges(numbers: Iterable[int]) -> str:
    """1, 2, 3, 5 as `1\N{EN DASH}3, 5`."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(
        f"{part[0]}\N{EN DASH}{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts
    )
