"""What papers and their released code do: the rows of workflow/published/recipes.csv.

A row's note says why a method departs there from its paper. Notes have numbers, by which tables
name those that apply to them.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

ALL = "all"  # of the tasks
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


def read(path: Path) -> tuple[Row, ...]:
    names = [each.name for each in fields(Row)]
    with path.open(newline="", encoding="utf-8") as stream:
        lines = csv.DictReader(stream, strict=True)
        if lines.fieldnames != names:
            raise ValueError(f"{path} has the columns {lines.fieldnames}; expected {names}")
        rows = []
        for line in lines:
            if None in line or None in line.values():
                raise ValueError(f"{path}, line {lines.line_num}: expected {len(names)} cells")
            rows.append(Row(**{name: text.strip() for name, text in line.items()}))
    return tuple(rows)


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
