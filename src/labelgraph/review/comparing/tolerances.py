"""How much a cell may differ: a number, a preset by name, or a number for each metric."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from labelgraph.files.yaml_reader import read_yaml
from labelgraph.tables.csv_cells import choose, number

ALL = "all"


@dataclass(frozen=True)
class Tolerances:
    text: str  # as given
    named: dict[str, Decimal]  # by metric; `AP` is every AP:<label>, `all` is any other metric

    def of(self, column: str) -> Decimal:
        """`column`: as in the csv; its last word is the metric."""
        for name in names(column):
            if name in self.named:
                return self.named[name]
        return Decimal(0)

    def check(self, given: set[str], columns: Iterable[str]) -> None:
        """Reports a metric on the command line that no table has."""
        known = {name for column in columns for name in names(column)}
        for name in sorted(given):
            choose("metric", name, sorted(known), "what is compared")


def names(column: str) -> list[str]:
    metric = column.rpartition(" ")[2]
    return [metric, *(["AP"] if metric.startswith("AP:") else []), ALL]


def read(text: str, presets: Path) -> tuple[Tolerances, set[str]]:
    """`text`: parts with commas between, each NUMBER, PRESET or METRIC=NUMBER.

    A metric's own tolerance wins over `all`. The set holds the metrics named in `text`.
    """
    found: dict[str, Decimal] = {}
    given = set()
    for part in text.split(","):
        name, equals, value = part.strip().rpartition("=")
        if equals:
            found[name] = size(f"--tolerance {part.strip()}", value)
            given.add(name)
        elif number(value) is not None:
            found[ALL] = size(f"--tolerance {part.strip()}", value)
        else:
            found |= preset(value, presets)
    return Tolerances(text, found), given


def preset(name: str, path: Path) -> dict[str, Decimal]:
    known = read_yaml(path)
    entry = known[choose("tolerance", name, known, str(path))]
    return {metric: size(f"{path}: {name}: {metric}", value) for metric, value in entry.items()}


def size(where: str, value: Any) -> Decimal:
    found = number(str(value).strip())
    if found is None or found < 0:
        raise ValueError(f"{where}: {value!r} is not a tolerance; expected a number, 0 or more")
    return found
