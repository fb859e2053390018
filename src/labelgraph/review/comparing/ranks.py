"""The ranks of rows in each column, and whether they changed."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations
from math import sqrt
from typing import Any

from labelgraph.tables.csv_cells import Cell, Cells, number

MAIN = "mAP"  # the metric by which methods are put in order


def changes(first: Cells, second: Cells, published: bool) -> Iterator[dict[str, Any]]:
    """An entry for each column in which both sides have values of ours in at least two rows."""
    for column, rows, a, b in columns_of(first, second, published):
        ranks = zip(rows, ranked(a), ranked(b), strict=True)
        yield {
            "column": column,
            "rows": len(rows),
            "tau": tau(a, b),
            "moved": [{"row": row, "a": one, "b": two} for row, one, two in ranks if one != two],
        }


def orders(first: Cells, second: Cells, published: bool) -> Iterator[dict[str, Any]]:
    """The same of mAP alone, with all rows; columns without two different values are left out."""
    for column, rows, a, b in columns_of(first, second, published):
        signs = [(sign(a[i] - a[j]), sign(b[i] - b[j])) for i, j in combinations(range(len(a)), 2)]
        pairs = sum(one != 0 for one, _ in signs)
        if column.rpartition(" ")[2] == MAIN and pairs:
            ranks = zip(rows, ranked(a), ranked(b), strict=True)
            order = [{"row": row, "a": one, "b": two} for row, one, two in ranks]
            yield {
                "column": column,
                "rows": len(rows),
                "tau": tau(a, b),
                "pairs": pairs,
                "kept": sum(one == two != 0 for one, two in signs),
                "order": sorted(order, key=lambda each: (each["b"], each["a"])),
            }


def columns_of(first: Cells, second: Cells, published: bool) -> Iterator[tuple]:
    """Column, its rows, and the values of both sides, where there are two rows or more."""
    columns: dict[str, list[tuple[str, Decimal, Decimal]]] = {}
    for place, cell in first.items():
        if place in second:
            pair = values(cell, second[place], published)
            if pair is not None:
                columns.setdefault(place[1], []).append((place[0], *pair))
    for column, found in columns.items():
        if len(found) > 1:
            yield (column, *zip(*found, strict=True))


def values(a: Cell, b: Cell, published: bool) -> tuple[Decimal, Decimal] | None:
    """Our values of both sides; against published values, ours and the published one."""
    pairs = [(a.reproduced, b.reproduced)]
    if published:
        pairs = [(a.reproduced, b.published), (a.published, b.reproduced)]
    for one, two in pairs:
        if one and two:
            return number(one), number(two)
    return None


def ranked(values: tuple[Decimal, ...]) -> list[int]:
    """1 is the highest value; equal values have the same rank."""
    return [1 + sum(other > value for other in values) for value in values]


def tau(a: tuple[Decimal, ...], b: tuple[Decimal, ...]) -> float | None:
    """Kendall's tau-b, which allows for ties; None if all values of one side are equal."""
    signs = [(sign(a[i] - a[j]), sign(b[i] - b[j])) for i, j in combinations(range(len(a)), 2)]
    total = sum(one * two for one, two in signs)
    untied = [sum(abs(pair[side]) for pair in signs) for side in (0, 1)]
    return total / sqrt(untied[0] * untied[1]) if all(untied) else None


def sign(value: Decimal) -> int:
    return (value > 0) - (value < 0)
