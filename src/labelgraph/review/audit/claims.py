"""Claims of a paper about its tables (claims.csv), in its text or in bold print.

A line of claims.csv: paper, table, claim (in our words), kind, cell, against, value. A cell is
`DATASET METHOD SETTING METRIC`; the setting is left out if there is none, the dataset is `-` if the
table names none, and `*` in setting or metric matches anything.

    value    the cell is `value`
    gain     the cell is `value` above the cell `against`
    percent  the cell is `value` percent below the cell `against`
    above    the cell is above `against`, each with the same metric
    equal    the cell and `against` differ by less than `value`, a margin of ours: the text calls
             them comparable and gives none
    best     nothing in the cell's column is above it; for a cell with a setting, only rows with
             that setting count, if there are any
    lead     the same, if the text praises the cell without calling it best
    wins     that many of the cells are best in their column

A table `Fig. 4` is a figure that draws a metric against a setting of a method. It prints no
numbers, so its kinds are above, best, lead and equal, and the audit leaves it out. The setting of
its cells is `SYMBOL = VALUE`: the title of a variant in methods.yaml or, if no variant has that
title, the method itself. `best`, `lead` and `equal` compare a cell with the other values of its
symbol.

own_claims.csv has claims that no paper makes. Its `paper` is `labelgraph`, `table` a table of
tables.yaml that shows the runs, a cell's method is METHOD[@VARIANT], and its setting is a task like
`partial-10`; without one, all labels are known. Its kinds are `above` and

    structure  the cell is above `against` by more than on the dataset's control, DATASET_control
    learning   the cell is above `against` by more than both are with a frozen encoder
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path

from labelgraph.review.audit.findings import Finding, finding
from labelgraph.review.audit.printed import (
    Interval,
    Row,
    interval,
    lines,
)

KIND = "claim"
Cell = tuple[Row, str]

EQUAL = "equal"
KINDS = ("value", "gain", "percent", "above", EQUAL, "best", "lead", "wins")
PRINTED = ("value", "gain", "percent", "wins")  # whose value a table can contradict
WITH_VALUE = (*PRINTED, EQUAL)
DOUBLE = ("structure", "learning")  # differences of two differences
AGAINST = ("gain", "percent", "above", EQUAL, *DOUBLE)
FIGURE = "Fig. "
FILE = "claims.csv"
OWN_FILE, OWN_KINDS = "own_claims.csv", ("above", *DOUBLE)  # no paper's, judged by runs alone


@dataclass(frozen=True)
class Place:
    """A cell, or several if it has a `*`."""

    dataset: str
    method: str
    setting: str
    metric: str

    def fits(self, row: Row) -> bool:
        names = (row.dataset, row.method) == (self.dataset, self.method)
        return names and matches(row.setting, self.setting)


def matches(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern) if "*" in pattern else text == pattern


@dataclass(frozen=True)
class Claim:
    paper: str
    table: str
    claim: str
    kind: str
    cell: Place
    against: Place | None
    value: str
    line: int = field(default=0, compare=False)  # of the file

    @property
    def figure(self) -> str:
        """The number of the figure; empty if the claim is about a table."""
        return self.table.removeprefix(FIGURE) if self.table.startswith(FIGURE) else ""


def read(folder: Path, file: str = FILE, kinds: tuple[str, ...] = KINDS) -> list[Claim]:
    path = folder / file
    found = []
    for number, line in enumerate(lines(path, 7), 2):
        paper, table, claim, kind, cell, against, value = line
        where = f"{path}, line {number}"
        if kind not in kinds:
            raise ValueError(f"{where}: kind is {kind!r}, not one of {kinds}")
        alone = kind == EQUAL and table.startswith(FIGURE)
        if bool(against) != (kind in AGAINST and not alone):
            raise ValueError(f"{where}: `against` is needed by {AGAINST} and by no other kind")
        if (interval(value) is not None) != (kind in WITH_VALUE):
            raise ValueError(f"{where}: `value` is needed by {WITH_VALUE} and by no other kind")
        if table.startswith(FIGURE) and kind in PRINTED:
            raise ValueError(f"{where}: {table} prints no numbers, so kind cannot be {kind!r}")
        ends = place(where, cell), place(where, against) if against else None
        found.append(Claim(paper, table, claim, kind, *ends, value, number))
    return found


def check_names(folder: Path, claims: list[Claim], rows: list[Row]) -> None:
    """A name that no table of any paper has is a mistake of the file, not of a paper."""
    papers = {(row.paper, row.table) for row in rows}
    known = {
        "dataset": {row.dataset for row in rows},
        "system": {row.method for row in rows},
        "metric": {metric for row in rows for metric in row.printed},
    }
    for claim in claims:
        where = f"{folder / FILE}, line {claim.line}"
        if not claim.figure and (claim.paper, claim.table) not in papers:
            raise ValueError(f"{where}: {folder}/{claim.paper}.csv has no table {claim.table!r}")
        for each in filter(None, (claim.cell, claim.against)):
            names = {"dataset": each.dataset, "system": each.method, "metric": each.metric}
            for kind, name in names.items():
                if not any(matches(other, name) for other in known[kind]):
                    raise ValueError(
                        f"{where}: no table has the {kind} {name!r}{near(name, known[kind])}"
                    )


def near(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def place(where: str, text: str) -> Place:
    words = text.split(" ")
    if len(words) < 3:
        raise ValueError(f"{where}: cell {text!r}: expected DATASET METHOD [SETTING] METRIC")
    dataset = "" if words[0] == "-" else words[0]
    return Place(dataset, words[1], " ".join(words[2:-1]), words[-1])


def cells(table: list[Row], wanted: Place) -> Iterator[Cell]:
    for row in table:
        if wanted.fits(row):
            for metric in row.printed:
                if matches(metric, wanted.metric):
                    yield row, metric


def one(table: list[Row], place: Place) -> Cell:
    found = list(cells(table, place))
    if len(found) != 1:
        raise ValueError(
            f"claims.csv: {place} {place.metric} matches {len(found)} cells; expected one"
        )
    return found[0]


def of(cell: Cell) -> Interval | None:
    return interval(cell[0].printed[cell[1]])


def exact(cell: Cell) -> Fraction:
    return Fraction(cell[0].printed[cell[1]])


def claimed(row: Row, metric: str, text: str, found: str, sure: str, reason: str) -> Finding:
    """A finding whose `printed` is the number in the text, and `recomputed` the table's."""
    return replace(finding(row, metric, found, KIND, sure, reason), printed=text)
