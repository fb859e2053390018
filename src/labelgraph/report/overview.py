"""What the first page says, in the order of a reader's questions."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from labelgraph.report import distances, gains
from labelgraph.report.distances import Distance
from labelgraph.report.gains import (
    AHEAD,
    BEHIND,
    LEVEL,
    UNKNOWN,
    Gain,
)
from labelgraph.report.material import Material
from labelgraph.study.recipe import Book

WIDTH = 165  # of a strip of dots, in pixels
CONTROL = "_control"  # what the name of a dataset's control ends in
VERDICTS = (AHEAD, LEVEL, BEHIND)


def page(material: Material) -> dict[str, Any]:
    book = material.book
    found = places(book, gains.compare(book, material.runs, material.main))
    far = distances.compare(material.sheets)
    differ = differs(far)
    return {
        "note": book.size["note"],
        "made": made(material),
        "verdicts": VERDICTS,
        "places": found,
        "rows": rows(book, found),
        "scale": scale(found),
        "distances": {each.sheet.name: each for each in far},
        "differs": differ,
        "audit": material.audit,
        "next": after(material, found),
        "sheets": material.sheets,
        "number": material.number,
    }


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
    control: bool  # nothing for a graph to find, as it was drawn
    gains: dict[str, Gain]  # the largest first
    best: str  # whose it is

    @property
    def largest(self) -> Gain:
        return max(self.gains.values(), key=lambda gain: gain.mean)

    @property
    def verdicts(self) -> list[tuple[str, int]]:
        """How many methods have which; none where one seed each allows none."""
        count = Counter(gain.verdict for gain in self.gains.values())
        return [(verdict, count[verdict]) for verdict in VERDICTS if count.total() > count[UNKNOWN]]


def places(book: Book, found: dict[str, list[Gain]]) -> list[Place]:
    """First the datasets that have a control, which follows; then those with most methods."""
    controls = {name for name in found if control(book, name)}
    pairs = {name: name.removesuffix(CONTROL) for name in found}
    paired = {pairs[name] for name in controls}

    def order(name: str) -> tuple:
        return pairs[name] not in paired, -len(found.get(pairs[name], [])), name in controls

    return [
        Place(
            book.dataset(name)["title"],
            name in controls,
            {gain.system: gain for gain in found[name]},
            title(book, found[name][0].system),
        )
        for name in sorted(found, key=order)
    ]


def control(book: Book, dataset: str) -> bool:
    drawn = book.size.get("drawn", {}).get(book.dataset(dataset)["raw"], {})
    return drawn.get("structure") is False


def rows(book: Book, found: list[Place]) -> list[dict[str, str]]:
    """Methods in the order of the first dataset, then those that only others have."""
    order = dict.fromkeys(system for place in found for system in place.gains)
    titles = {name: book.method(name)["title"] for name in order}
    base = {name: next(place.gains[name].baseline for place in found if name in place.gains)
            for name in order}  # fmt: skip
    return [{"name": name, "title": titles[name], "against": title(book, base[name])}
            for name in order]  # fmt: skip


def title(book: Book, system: str) -> str:
    """What tables call a method, or a variant that has a name of its own."""
    method, _, variant = system.partition("@")
    entry = book.method(method)
    named = entry.get("variants", {}).get(variant, {}).get("title")
    return named or (f"{entry['title']}, {variant}" if variant else entry["title"])


def scale(found: list[Place]) -> Scale:
    """One for all datasets, so that strips can be compared."""
    seen = [
        end for place in found for gain in place.gains.values() for end in (*gain.seeds, *gain.band)
    ]
    return Scale(math.floor(min(seen, default=0)), math.floor(max(seen, default=0)) + 1)


def made(material: Material) -> dict[str, Any]:
    """What was run, where, and what it cost."""
    runs, found, pools = material.runs, material.pooled["runs"], material.pooled["pools"]
    titles = [material.book.dataset(name)["title"] for name in material.book.datasets
              if name in {run.dataset for run in runs}]  # fmt: skip
    return {
        "runs": len(runs),
        "systems": len({run.system for run in runs}),
        "datasets": titles,
        "seeds": len(material.book.size["seeds"]),
        "reproduced": sum(cell.reproduced for sheet in material.sheets for cell in sheet.cells),
        "quoted": sum(sheet.quoted for sheet in material.sheets),
        "commit": commits([pools["git"][run["git"]] for run in found]),
        "machines": [machine(each) for each in pools["machine"]],
        "cpu": sum(run["cpu"] for run in found),
        "peak": max((run["peak"] for run in found), default=0),
    }


def machine(found: dict[str, Any]) -> str:
    parts = [found.get("processor") or found["machine"], found.get("gpu")]
    if found.get("cores"):
        parts.insert(1, f"{found['cores']} cores")
    return ", ".join(filter(None, parts))


def commits(states: list[dict[str, Any]]) -> str:
    """The one that most runs come from; each cell has its own."""
    count = Counter(state["commit"][:9] for state in states if state["commit"])
    if not count:
        return "outside a repository"
    others = f" and {len(count) - 1} more" * (len(count) > 1)
    changed = any(state["clean"] is False for state in states)
    return count.most_common(1)[0][0] + others + ", some uncommitted" * changed


def differs(found: list[Distance]) -> dict[str, Any]:
    """All tables together."""
    cells = sum(each.cells for each in found)
    return {
        "cells": cells,
        "mean": sum(each.mean * each.cells for each in found) / max(cells, 1),
        "pairs": sum(each.pairs for each in found),
        "kept": sum(each.kept for each in found),
        "far": max(found, key=lambda each: abs(each.largest), default=None),
    }


def after(material: Material, found: list[Place]) -> list[dict[str, str]]:
    """What to open next, and why."""
    links = []
    if found:
        links.append(("#gains", "Method by method", "each seed beside its baseline's"))
    if most := max(material.sheets, key=lambda sheet: sheet.reproduced, default=None):
        why = "most was run of it; each cell opens its runs"
        name = material.source(most) if most.printed else most.caption
        links.append((f"tables/{most.name}.html", name, why))
    if material.figures:
        links.append(("figures.html", "Figures", "drawn from the same runs"))
    if material.runs:
        links.append(("runs.html", "Runs", "curves, settings, inputs of each"))
    if material.audit:
        why = f"{len(material.audit)} findings in the published numbers"
        links.append(("audit.html", "Audit", why))
    return [dict(zip(("href", "text", "why"), link, strict=True)) for link in links]
