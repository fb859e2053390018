"""Checks each claim of the text against its table."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from labelgraph.review.audit import differences, leading
from labelgraph.review.audit.claims import (
    KIND,
    Claim,
    Place,
    cells,
    claimed,
    of,
    one,
)
from labelgraph.review.audit.findings import CERTAIN, LIKELY, Finding
from labelgraph.review.audit.printed import Row, interval


def check(rows: list[Row], claims: list[Claim]) -> Iterator[Finding]:
    missing = set()
    for claim in claims:
        table = [row for row in rows if (row.paper, row.table) == (claim.paper, claim.table)]
        places = [place for place in (claim.cell, claim.against) if place]
        absent = [place for place in places if not any(cells(table, place))]
        for place in absent:
            if place not in missing:
                missing.add(place)
                yield no_row(table, claim, place)
        if not absent:
            yield from CHECKS[claim.kind](table, claim)


def no_row(table: list[Row], claim: Claim, place: Place) -> Finding:
    """The text names a row that the table lacks; perhaps another row has its numbers."""
    fits = [row.title for row in table if fills(table, claim, place, row)]
    hint = f"; the claim is true of {fits[0]}" if fits else ""
    name = f"{place.method} {place.setting}".strip()
    reason = f"the text names {name}, but the table has no such row{hint}"
    where = (claim.paper, claim.table, name, place.dataset, place.metric)
    return Finding(*where, claim.value, "", KIND, CERTAIN, reason)


def fills(table: list[Row], claim: Claim, place: Place, row: Row) -> bool:
    """Whether the claim would be true of this row."""
    if (row.dataset, row.setting) != (place.dataset, place.setting):
        return False
    there = replace(place, method=row.method)
    ends = {"cell": there} if place == claim.cell else {"against": there}
    other = replace(claim, **ends)
    known = [end for end in (other.cell, other.against) if end]
    return all(any(cells(table, end)) for end in known) and not any(
        CHECKS[claim.kind](table, other)
    )


def value(table: list[Row], claim: Claim) -> Iterator[Finding]:
    row, metric = one(table, claim.cell)
    printed = of((row, metric))
    if printed is None or not printed.apart(interval(claim.value)):
        return
    same = [
        (name == metric, f"{name} of {other.title}")
        for other in table
        if (other.method, other.dataset) == (row.method, row.dataset)
        for name, text in other.printed.items()
        if text == claim.value
    ]
    other_row, where = max(same, default=(False, ""))  # the same metric before any other
    hint = f"; {claim.value} is {where}" if same else "; no row of this method has that value"
    sure = LIKELY if other_row else CERTAIN  # the text may mean that row
    reason = f"the text says {claim.value} ({claim.claim}){hint}"
    yield claimed(row, metric, claim.value, row.printed[metric], sure, reason)


def equal(table: list[Row], claim: Claim) -> Iterator[Finding]:
    """The margin is ours, so no cell contradicts the text."""
    yield from ()


CHECKS: dict[str, Callable[[list[Row], Claim], Iterator[Finding]]] = {
    "value": value,
    "gain": differences.gain,
    "percent": differences.percent,
    "above": leading.above,
    "equal": equal,
    "best": leading.best,
    "lead": leading.lead,
    "wins": leading.wins,
}
