"""A claim -> the pairs of numbers that its words compare, here and in print."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from labelgraph.review.audit import claims, leading, printed
from labelgraph.review.audit.claims import EQUAL, Cell, Claim, Place, cells, of
from labelgraph.review.audit.printed import Interval, Row, interval
from labelgraph.score.resampling import End
from labelgraph.study import frozen
from labelgraph.tables import table_columns, tables

Entry = dict[str, Any]
OWN = "labelgraph"  # in the place of a paper, for claims that are made here
CONTROL = "_control"  # what the name of a dataset's control ends with


@dataclass(frozen=True)
class Pair:
    """`first` minus `second`. An end that nothing computes here is None."""

    first: End | None
    second: End | None = None
    size: Interval | None = None  # of the difference, as printed
    controls: tuple[End, End] | None = None  # their difference is subtracted

    def ends(self) -> list[End]:
        found = [self.first, self.second, *(self.controls or ())]
        return [end for end in found if end is not None]


@dataclass(frozen=True)
class Comparison:
    claim: Claim
    pairs: tuple[Pair, ...]  # all that the words need
    needs: str  # what that is, in words

    def here(self) -> list[Pair]:
        """The pairs whose ends are computed here."""
        level = self.claim.kind == "value"
        return [pair for pair in self.pairs if pair.first and (level or pair.second)]


def of_study(recipe: Entry, folder: Path) -> list[Comparison]:
    """The papers' claims, ours, and every two methods. `folder`: workflow/published.

    Ours are about tables of our own, which only some studies make.
    """
    rows, found = made(folder)
    asked = [claim for claim in found if claim.paper != OWN or claim.table in recipe["tables"]]
    return [of_claim(recipe, rows, claim) for claim in asked] + duels(recipe)


def made(folder: Path) -> tuple[list[Row], list[Claim]]:
    """The printed tables, and the claims that are made in words."""
    rows, found = printed.read(folder), claims.read(folder)
    claims.check_names(folder, found, rows)
    return rows, found + claims.read(folder, claims.OWN_FILE, claims.OWN_KINDS)


def ends(found: Iterable[Comparison]) -> set[End]:
    """Everything that is computed for some comparisons, except costs."""
    judged = (pair for each in found for pair in each.here())
    return {end for pair in judged for end in pair.ends() if end.places}


def folders(found: Iterable[Comparison]) -> list[str]:
    """The runs behind them: task/dataset/system/seed."""
    every = ends(found)
    runs = {f"{name}/seed{seed}" for end in every for name in end.folders() for seed in end.seeds}
    return sorted(runs)


def of_claim(recipe: Entry, rows: list[Row], claim: Claim) -> Comparison:
    if claim.paper == OWN:
        return own(recipe, claim)
    if claim.figure:
        return of_figure(recipe, claim)
    table = [row for row in rows if (row.paper, row.table) == (claim.paper, claim.table)]
    entry = recipe["tables"].get(f"{claim.paper}_{claim.table}")
    pairs = tuple(KINDS[claim.kind](recipe, entry, table, claim))
    return Comparison(claim, pairs, needs(claim, pairs, len([*cells(table, claim.cell)])))


def needs(claim: Claim, pairs: tuple[Pair, ...], found: int) -> str:
    """What the words need, where it is more than the sign of one difference."""
    if claim.kind == "value":
        return "the level of a number"
    if claim.kind == "wins":
        return f"first in {claim.value} of {found} columns, against every other row"
    if claim.kind == EQUAL:
        return margin(claim)
    if len(pairs) < 2:
        return ""
    if claim.kind in ("best", "lead"):
        columns = f" in each of {found} columns" if found > 1 else ""
        return f"ahead of every other row{columns}: {len(pairs)} differences"
    return f"ahead in each of {len(pairs)} columns"


def margin(claim: Claim) -> str:
    return f"no more than {claim.value} apart, a margin of ours"


def value(recipe: Entry, entry: Entry | None, table: list[Row], claim: Claim) -> Iterator[Pair]:
    for cell in cells(table, claim.cell):
        yield Pair(end(entry, *cell), size=interval(claim.value))


def above(recipe: Entry, entry: Entry | None, table: list[Row], claim: Claim) -> Iterator[Pair]:
    """Also `gain` and `percent`, whose text has a size, and `equal`, whose value is a margin."""
    lower = {metric: row for row, metric in cells(table, claim.against)}
    for row, metric in cells(table, claim.cell):
        if metric in lower:
            other = lower[metric], metric
            printed = difference((row, metric), other)
            size = printed if claim.kind == EQUAL else interval(claim.value) or printed
            yield Pair(end(entry, row, metric), end(entry, *other), size)


def best(recipe: Entry, entry: Entry | None, table: list[Row], claim: Claim) -> Iterator[Pair]:
    """Also `lead` and `wins`. A rival that is the same run here is none."""
    for row, metric in cells(table, claim.cell):
        first = end(entry, row, metric)
        for rival in leading.rivals(table, row, metric):
            second = end(entry, rival, metric)
            if of((rival, metric)) and (first is None or first != second):
                yield Pair(first, second, difference((row, metric), (rival, metric)))


KINDS = {
    "value": value,
    "gain": above,
    "percent": above,
    "above": above,
    EQUAL: above,
    "best": best,
    "lead": best,
    "wins": best,
}


def difference(first: Cell, second: Cell) -> Interval | None:
    """All differences that round to the printed digits."""
    one, other = of(first), of(second)
    if one is None or other is None:
        return None
    return Interval(Fraction(one.low - other.high), Fraction(one.high - other.low))


def end(entry: Entry | None, row: Row, metric: str) -> End | None:
    """What stands behind a published cell, by the mapping of the table's runs."""
    if entry is None:
        return None
    columns = table_columns.settings(entry)
    systems = tables.systems(entry) | entry.get("counted", {})
    system = systems.get(tables.row_key(row.method, row.setting, columns))
    setting = row.setting if row.setting in columns else ""
    for block in entry["columns"] if system else []:
        listed = block.get("costs") or block["metrics"]
        every = metric.startswith("AP:") and "AP:*" in listed
        if block.get("dataset", "") != row.dataset or not (every or metric in listed):
            continue
        if "costs" in block:
            return End(system, metric, (), ())
        for name, places in table_columns.parts(entry, block):
            if name == setting and all(place in entry["seeds"] for place in places):
                return End(system, metric, places, seeds(entry, places, system))
    return None


def seeds(entry: Entry, places: tuple[str, ...], system: str) -> tuple[int, ...]:
    common = set.intersection(*({*entry["seeds"][place][system]} for place in places))
    return tuple(sorted(common))


def of_figure(recipe: Entry, claim: Claim) -> Comparison:
    """A point of a sweep against another one, or against all others."""
    first = point(recipe, claim.cell)
    symbol = claim.cell.setting.partition(" = ")[0]
    if claim.against:
        others = [point(recipe, claim.against)]
    else:
        variants = recipe["sweeps"].get(claim.cell.method, {})
        same = [title for title in variants if title.partition(" = ")[0] == symbol]
        here = [variants[title] for title in same if title != claim.cell.setting]
        others = [run(recipe, claim.cell, system) for system in here]
    pairs = tuple(Pair(first, other) for other in others)
    every = f"ahead of every other value of {symbol}: {len(pairs)} differences"
    if claim.kind == EQUAL:
        return Comparison(claim, pairs, f"{margin(claim)}, for every other value of {symbol}")
    return Comparison(claim, pairs, every if len(pairs) > 1 else "")


def point(recipe: Entry, place: Place) -> End | None:
    variants = recipe["sweeps"].get(place.method, {})
    return run(recipe, place, variants.get(place.setting, place.method))


def run(recipe: Entry, place: Place, system: str, task: str = "full") -> End | None:
    """A system, if a table of the study needs it."""
    there = f"{task}/{place.dataset}"
    known = recipe["runs"].get(there, {}).get(system)
    return End(system, place.metric, (there,), tuple(known)) if known else None


def own(recipe: Entry, claim: Claim) -> Comparison:
    """A claim that is made here; its cells name systems."""
    both = claim.cell, claim.against
    here = [run(recipe, place, place.method, place.setting or "full") for place in both]
    if claim.kind == "above":
        return Comparison(claim, (Pair(*here),), "")
    words, other = CONTROLS[claim.kind]
    there = map(other, both)
    controls = [run(recipe, place, place.method, place.setting or "full") for place in there]
    if None in controls:
        return Comparison(claim, (Pair(None, None),), words)
    return Comparison(claim, (Pair(*here, controls=tuple(controls)),), words)


def without_structure(place: Place) -> Place:
    return replace(place, dataset=f"{place.dataset}{CONTROL}")


def frozen_encoder(place: Place) -> Place:
    return replace(place, method=frozen.system_of(place.method))


CONTROLS = {
    "structure": ("two differences, of independent images", without_structure),
    "learning": ("two differences, of the same images", frozen_encoder),
}


def duels(recipe: Entry) -> list[Comparison]:
    """Every two methods, and linear layers, with all labels known: who is ahead in mAP?"""
    found = []
    for place, systems in recipe["runs"].items():
        task, dataset = place.split("/")
        most = max(map(len, systems.values()))  # others were trained for one table alone
        full = [name for name, seeds in systems.items() if len(seeds) == most]
        plain = [name for name in full if "@" not in name or name == "baseline@max"]
        for number, first in enumerate(plain if task == "full" else []):
            for second in plain[number + 1 :]:
                both = [Place(dataset, name, "", "mAP") for name in (first, second)]
                words = f"{recipe['titles'][first]} is ahead of {recipe['titles'][second]}"
                claim = Claim(OWN, place, words, "above", *both, "")
                found.append(own(recipe, claim))
    return found
