"""The differences between two cells of the same row and column."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from labelgraph.tables.csv_cells import Cell, number

Entry = dict[str, Any]


def of_cell(a: Cell, b: Cell, tolerance: Decimal) -> Iterator[Entry]:
    """Published values and seeds must be equal, our values within the tolerance."""
    yield from field("published", a.published, b.published, Decimal(0))
    if a.status != b.status:
        yield from field("status", a.status, b.status, Decimal(0))
        return  # one of them has no value of ours, which needs no mention
    for name in ("reproduced", "std"):
        yield from field(name, getattr(a, name), getattr(b, name), tolerance)
    yield from field("seeds", a.seeds, b.seeds, Decimal(0))


def of_value(a: Cell, b: Cell, tolerance: Decimal) -> Iterator[Entry]:
    """Our value against the published one, if there are both; one of the cells is `published`."""
    yield from field("published", a.published, b.published, Decimal(0))
    for first, second in ((a.reproduced, b.published), (a.published, b.reproduced)):
        if first and second:
            yield from field("value", first, second, tolerance)
            return


def field(name: str, a: str, b: str, tolerance: Decimal) -> Iterator[Entry]:
    if a == b:
        return
    numbers = (number(a), number(b)) if a and b else (None, None)
    size = None if None in numbers else numbers[1] - numbers[0]
    yield {
        "field": name,
        "a": a,
        "b": b,
        "difference": None if size is None else float(size),
        "tolerance": float(tolerance),
        "beyond": size is None or abs(size) > tolerance or name == "published",
    }


def order(difference: Entry) -> tuple[bool, float]:
    size = difference["difference"]
    return not difference["beyond"], float("-inf") if size is None else -abs(size)
