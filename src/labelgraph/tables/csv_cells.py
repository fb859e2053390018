"""A table's csv file -> its cells. The file may come from anybody, so every mistake is reported."""

import csv
import difflib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from labelgraph.tables import intervals, marks
from labelgraph.tables.tables import FIELDS

DIGITS = 16  # before the point, at most: no metric and no cost comes near
STATUSES = ("reproduced", "quoted")
MORE = ((), intervals.FIELDS, (marks.FIELD,), (marks.FIELD, *intervals.FIELDS))  # first older ones
HEADERS = [FIELDS + more for more in MORE]


@dataclass(frozen=True)
class Cell:
    """Text as in the file; empty where there is nothing."""

    published: str
    reproduced: str
    std: str
    seeds: str
    status: str
    best: str = ""  # of ours: whether it cannot be told from the best of its column
    low: str = ""
    high: str = ""


Cells = dict[tuple[str, str], Cell]  # by row and column, in the order of the file


def parse(name: str, content: bytes) -> Cells:
    """`name`: how errors refer to the file."""
    lines = read_lines(name, content)
    if tuple(lines[0]) not in HEADERS:
        shown = ",".join(lines[0])[:60]
        raise ValueError(
            f"{name} is not a table of cells: it starts with {shown!r}, not with"
            f" {','.join(FIELDS)!r}"
        )
    cells: Cells = {}
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(lines[0]):
            raise ValueError(
                f"{name}, line {number}: {len(line)} fields, expected {len(lines[0])}; the file is"
                " cut off or was edited by hand"
            )
        place, cell = (line[0], line[1]), Cell(**dict(zip(lines[0][2:], line[2:], strict=True)))
        check(f"{name}, line {number}", cell)
        if place in cells:
            raise ValueError(f"{name}, line {number}: row {place[0]!r}, column {place[1]!r} again")
        cells[place] = cell
    return cells


def read_lines(name: str, content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not text (UTF-8), so it is not a table of cells") from None
    if not text:
        raise ValueError(
            f"{name} is empty; expected the line {','.join(FIELDS)!r} and a line for each cell"
        )
    if "\0" in text:
        raise ValueError(f"{name} is a binary file, so it is not a table of cells")
    if not text.endswith("\n"):
        raise ValueError(f"{name} ends in the middle of a line; the file is cut off")
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(f"{name} is not csv: {error}") from None


def check(where: str, cell: Cell) -> None:
    if cell.status not in STATUSES:
        raise ValueError(f"{where}: status is {cell.status!r}, expected one of {STATUSES}")
    for field in ("published", "reproduced", "std", *intervals.FIELDS):
        text = getattr(cell, field)
        if text and number(text) is None:
            raise ValueError(f"{where}: {field} is {text!r}, expected a number or nothing")
    if cell.best not in ("", marks.BEST, marks.BEHIND):
        raise ValueError(
            f"{where}: best is {cell.best!r}, expected {marks.BEST}, {marks.BEHIND} or nothing"
        )
    if cell.seeds and not cell.seeds.isdecimal():
        raise ValueError(f"{where}: seeds is {cell.seeds!r}, expected a number or nothing")


def number(text: str) -> Decimal | None:
    """Exact, so that a difference of one printed digit is exactly that."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and value.adjusted() < DIGITS else None


def choose(kind: str, wanted: str, known: Iterable[str], where: str) -> str:
    """`wanted` if it is known; otherwise an error with the closest name and all names."""
    known = list(dict.fromkeys(known))
    if wanted in known:
        return wanted
    lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(wanted.lower(), lower, n=1, cutoff=0.5)
    hint = f"; did you mean {lower[near[0]]!r}?" if near else "."
    raise ValueError(f"{where} has no {kind} {wanted!r}{hint} It has {', '.join(map(repr, known))}")
