"""Rows that should print the same numbers: one system on one dataset, in two tables.

A row is paired with at most one row of each other table of its paper, and with at most one row of
each other paper: the row with the most equal values. A row with a setting (a variant, an ablation)
is paired only with the same setting; a row without one may be any variant.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from labelgraph.review.audit.printed import Row, interval

ANOTHER = 0.75  # share of different values above which two rows are two trainings


@dataclass(frozen=True)
class Pair:
    row: Row
    other: Row  # of the table or paper that comes later

    @property
    def shared(self) -> list[str]:
        return [metric for metric in self.row.printed if metric in self.other.printed]

    @property
    def different(self) -> list[str]:
        mine, theirs = self.row.printed, self.other.printed
        return [metric for metric in self.shared if mine[metric] != theirs[metric]]

    @property
    def equal(self) -> int:
        return len(self.shared) - len(self.different)

    @property
    def another_run(self) -> bool:
        """Whether so many values differ that the rows come from two trainings."""
        return len(self.different) > ANOTHER * len(self.shared)

    @property
    def one_paper(self) -> bool:
        return self.row.paper == self.other.paper

    def distance(self, metric: str) -> Fraction:
        ends = interval(self.row.printed[metric]), interval(self.other.printed[metric])
        return Fraction(0) if None in ends else abs(ends[0].low - ends[1].low)

    def turned(self) -> "Pair":
        return Pair(self.other, self.row)


def find(rows: list[Row]) -> list[Pair]:
    """In the order of the rows, each once."""
    place = {id(row): number for number, row in enumerate(rows)}
    systems = defaultdict(list)
    for row in rows:
        systems[row.dataset, row.method].append(row)
    found = {}
    for same in systems.values():
        for row in same:
            for other in partners(row, same):
                ends = sorted((row, other), key=lambda each: place[id(each)])
                found[place[id(ends[0])], place[id(ends[1])]] = Pair(*ends)
    return [found[key] for key in sorted(found)]


def partners(row: Row, same: list[Row]) -> Iterator[Row]:
    """The best row of each group, unless that is better paired with another row of this group."""
    groups = defaultdict(list)
    for other in same:
        groups[group(other, row)].append(other)
    own = groups.pop(group(row, row))
    for others in groups.values():
        fitting = [other for other in others if comparable(row, other)]
        if not fitting:
            continue
        best = max(fitting, key=lambda other: likeness(row, other))
        rivals = [each for each in own if each.table == row.table and comparable(each, best)]
        if all(likeness(each, best) <= likeness(row, best) for each in rivals):
            yield best


def group(other: Row, row: Row) -> tuple[str, ...]:
    """Each other table of the row's paper is a group, and so is each other paper."""
    return (other.paper, other.table) if other.paper == row.paper else (other.paper,)


def comparable(row: Row, other: Row) -> bool:
    if row.amount != other.amount or not row.printed.keys() & other.printed.keys():
        return False
    if row.paper == other.paper:
        return row.setting in ("", other.setting)
    return row.variant in ("", other.variant)


def likeness(row: Row, other: Row) -> tuple[int, int, float]:
    """To sort by: equal values, then few different ones, or if none are equal many shared ones."""
    pair = Pair(row, other)
    count = -len(pair.different) if pair.equal else len(pair.shared)
    return pair.equal, count, -float(sum(map(pair.distance, pair.shared)))
