"""The content of the first page, in the order of a reader's questions."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from labelgraph.report import against_baseline, against_published
from labelgraph.report.against_baseline import (
    AHEAD,
    BEHIND,
    LEVEL,
    UNKNOWN,
    Gain,
)
from labelgraph.report.against_published import Distance
from labelgraph.report.results import Results
from labelgraph.report.runs import cost
from labelgraph.study.config import Book
from labelgraph.tables import titles

WIDTH = 165  # of a strip of dots, in pixels
CONTROL = "_control"  # ending of the name of a dataset's control
VERDICTS = (AHEAD, LEVEL, BEHIND)


def page(results: Results) -> dict[str, Any]:
    book = results.book
    found = compared(results)
    far = against_published.compare(results.tables)
    differ = differs(far)
    return {
        "note": book.size.note,
        "made": made(results),
        "verdicts": VERDICTS,
        "places": found,
        "rows": rows(book, found),
        "distances": {each.table.name: each for each in far},
        "differs": differ,
        "audit": results.audit,
        "next": after(results, found),
        "tables": results.tables,
        "rest": results.rest,
        "claims": results.verdicts,
        "number": results.number,
    }


def gains_of(results: Results) -> dict[str, list[tuple[str, Gain]]]:
    """Method -> title of a dataset and the gain there, in the order of the overview."""
    found: dict[str, list[tuple[str, Gain]]] = {}
    for place in compared(results):
        for gain in place.gains.values():
            found.setdefault(gain.system, []).append((place.title, gain))
    return found


def compared(results: Results) -> list["Place"]:
    known = results.verdicts.intervals if results.verdicts else {}
    gains = against_baseline.compare(results.book, results.runs, results.main, known)
    return places(results.book, gains)


@dataclass(frozen=True)
class Scale:
    """Points of mAP -> pixels of a strip."""

    low: int
    high: int
    width: int = WIDTH

    def __call__(self, points: float) -> float:
        return round(4 + (self.width - 8) * (points - self.low) / (self.high - self.low), 1)

    def length(self, low: float, high: float) -> float:
        return round(max(self(high) - self(low), 1), 1)


@dataclass(frozen=True)
class Place:
    """One dataset of the comparison."""

    title: str
    control: bool  # drawn without anything for a graph to find
    gains: dict[str, Gain]  # the largest first
    best: str  # the method with the largest gain

    @property
    def scale(self) -> Scale:
        """The whole width for this dataset: on a common scale most strips would be a point."""
        ends = [
            end
            for gain in self.gains.values()
            for end in (*gain.seeds, *gain.band, *(gain.interval or ()), 0)
        ]
        return Scale(math.floor(min(ends)), math.floor(max(ends)) + 1)

    @property
    def largest(self) -> Gain:
        return max(self.gains.values(), key=lambda gain: gain.mean)

    @property
    def verdicts(self) -> list[tuple[str, int]]:
        """How many methods have each verdict; empty if all have one seed, so no verdict."""
        count = Counter(gain.verdict for gain in self.gains.values())
        return [(verdict, count[verdict]) for verdict in VERDICTS if count.total() > count[UNKNOWN]]


def places(book: Book, found: dict[str, list[Gain]]) -> list[Place]:
    """First each dataset with a control, and the control; then the others, by number of methods."""
    controls = {name for name in found if control(book, name)}
    pairs = {name: name.removesuffix(CONTROL) for name in found}
    paired = {pairs[name] for name in controls}

    def order(name: str) -> tuple:
        return pairs[name] not in paired, -len(found.get(pairs[name], [])), name in controls

    return [
        Place(
            titles.dataset(book, name),
            name in controls,
            {gain.system: gain for gain in found[name]},
            titles.system(book, found[name][0].system),
        )
        for name in sorted(found, key=order)
    ]


def control(book: Book, dataset: str) -> bool:
    drawn = book.size.drawn.get(book.dataset(dataset).raw)
    return drawn is not None and drawn.settings().get("structure") is False


def rows(book: Book, found: list[Place]) -> list[dict[str, str]]:
    """The methods, in the order of the first dataset that has them."""
    order = dict.fromkeys(system for place in found for system in place.gains)
    base = {name: next(place.gains[name].baseline for place in found if name in place.gains)
            for name in order}  # fmt: skip
    return [{"name": name, "title": titles.system(book, name),
             "against": titles.system(book, base[name])}
            for name in order]  # fmt: skip


def made(results: Results) -> dict[str, Any]:
    """What was run, where, and at what cost."""
    runs, records, pools = results.runs, results.pooled["runs"], results.pooled["pools"]
    shown = {run.dataset for run in runs}
    names = [titles.dataset(results.book, name) for name in results.book.datasets
             if name in shown]  # fmt: skip
    return {
        "runs": len(runs),
        "systems": len({run.system for run in runs}),
        "datasets": names,
        "seeds": len(results.book.size.seeds),
        "reproduced": sum(cell.reproduced for table in results.tables for cell in table.cells),
        "quoted": sum(table.quoted for table in results.tables),
        "commit": commits([pools["git"][record["git"]] for record in records]),
        "machines": [machine(found) for found in pools["machine"]],
        **cost(records),
    }


def machine(found: dict[str, Any]) -> str:
    parts = [found.get("processor") or found.get("machine", "another machine"), found.get("gpu")]
    if found.get("cores"):
        parts.insert(1, f"{found['cores']} cores")
    return ", ".join(filter(None, parts))


def commits(states: list[dict[str, Any]]) -> str:
    """The commit of most runs; each cell shows its own."""
    count = Counter(state["commit"][:9] for state in states if state["commit"])
    if not count:
        return "unknown"
    others = f" and {len(count) - 1} more" * (len(count) > 1)
    changed = any(state["clean"] is False for state in states)
    return count.most_common(1)[0][0] + others + ", some uncommitted" * changed


def differs(found: list[Distance]) -> dict[str, Any]:
    """The differences of all tables together."""
    cells = sum(each.cells for each in found)
    return {
        "cells": cells,
        "mean": sum(each.mean * each.cells for each in found) / max(cells, 1),
        "pairs": sum(each.pairs for each in found),
        "kept": sum(each.kept for each in found),
        "far": max(found, key=lambda each: abs(each.largest), default=None),
    }


def after(results: Results, found: list[Place]) -> list[dict[str, str]]:
    """What to open next, and why."""
    links = []
    if found:
        links.append(("#gains", "Method by method", "each beside its baseline, seed by seed"))
    if most := max(results.tables, key=lambda table: table.reproduced, default=None):
        why = "the table with the most results; click a cell for its runs"
        name = results.source(most) if most.printed else most.caption
        links.append((f"tables/{most.name}.html", name, why))
    if results.figures:
        links.append(("figures.html", "Figures", "drawn from the same runs"))
    if results.runs:
        links.append(("runs.html", "Runs", "the curves, settings and inputs of each"))
    if results.audit:
        why = f"{len(results.audit)} findings in the published numbers"
        links.append(("audit.html", "Audit", why))
    return [dict(zip(("href", "text", "why"), link, strict=True)) for link in links]
