"""Published cells as printed, grouped into rows, and the values that a printed number can mean."""

import csv
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

PAPERS = ("ml_gcn", "gm_mlic", "ia_gcn", "ml_sgm")  # later ones quote earlier ones
FIELDS = ["table", "dataset", "method", "setting", "metric", "value", "note"]
RESOLUTION = re.compile(r"\(\d+, \d+\)")
AMOUNT = re.compile(r"(\d+)(%|-shot)|avg")  # how much training is given: a task, not a variant


@dataclass(frozen=True)
class Interval:
    """All numbers that round to the printed digits, both ends included."""

    low: Fraction
    high: Fraction

    def apart(self, other: "Interval") -> bool:
        return self.low > other.high or self.high < other.low

    @property
    def middle(self) -> str:
        return f"{float(self.low + self.high) / 2:.2f}"

    def __str__(self) -> str:
        low, high = f"{float(self.low):.2f}", f"{float(self.high):.2f}"
        return low if low == high else f"{low} to {high}"


@cache  # few texts, many calls
def interval(text: str) -> Interval | None:
    """None if the text is not a complete number."""
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        return None
    half = Fraction(1, 2 * 10 ** len(text.partition(".")[2]))
    return Interval(Fraction(text) - half, Fraction(text) + half)


def mean(parts: list[Interval]) -> Interval:
    return Interval(
        sum(part.low for part in parts) / len(parts), sum(part.high for part in parts) / len(parts)
    )


@dataclass(frozen=True)
class Row:
    """A line of a published table, of one dataset."""

    paper: str
    table: str
    dataset: str
    method: str
    setting: str
    title: str  # as printed in the table
    printed: dict[str, str] = field(hash=False, compare=False)  # metric -> text, in printed order

    def intervals(self, *metrics: str) -> list[Interval] | None:
        """The values that the metrics can mean; None if one is not printed as a number."""
        found = [interval(self.printed.get(metric, "")) for metric in metrics]
        return None if None in found else found

    @property
    def variant(self) -> str:
        """The setting, unless it is only an image size."""
        return "" if RESOLUTION.fullmatch(self.setting) else self.setting

    @property
    def amount(self) -> str:
        return self.setting if AMOUNT.fullmatch(self.setting) else ""

    @property
    def where(self) -> str:
        return f"{self.paper}, table {self.table}, {self.title}"


def read(folder: Path) -> list[Row]:
    """The rows of every paper's tables, in the order of the files."""
    titles = {tuple(line[:4]): line[4] for line in lines(folder / "systems.csv", 6)}
    uses = Counter((*key[:2], title) for key, title in titles.items())
    found: dict[tuple[str, ...], Row] = {}
    for paper in PAPERS:
        path = folder / f"{paper}.csv"
        for number, (table, dataset, method, setting, metric, text, _) in enumerate(
            lines(path, len(FIELDS)), 2
        ):
            title = titles.get((paper, table, method, setting))
            if title is None:
                raise ValueError(f"{path}, line {number}: systems.csv has no title for this row")
            full = f"{title} {setting}" if uses[paper, table, title] > 1 else title
            key = (paper, table, dataset, method, setting)
            row = found.setdefault(key, Row(*key, full.strip(), {}))
            if metric in row.printed:
                raise ValueError(f"{path}, line {number}: {metric} of {full} is given twice")
            row.printed[metric] = text
    return [*found.values()]


def by_table(rows: list[Row]) -> list[list[Row]]:
    """The rows of each table, those of each dataset by themselves."""
    found = defaultdict(list)
    for row in rows:
        found[row.paper, row.table, row.dataset].append(row)
    return [*found.values()]


def lines(path: Path, fields: int) -> list[list[str]]:
    """Without the header."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing; the audit reads a folder like workflow/published"
        )
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            found = list(csv.reader(stream, strict=True))[1:]
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(f"{path} is not csv text") from None
    for number, line in enumerate(found, 2):
        if len(line) != fields:
            raise ValueError(f"{path}, line {number}: {len(line)} fields, expected {fields}")
    return found
