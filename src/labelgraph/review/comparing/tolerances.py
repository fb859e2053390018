"""How much a cell may differ: one number, a named preset, or a number for each metric."""

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
    named: dict[str, Decimal]  # by metric; `AP` stands for every AP:<label>, `all` for the rest

    def of(self, column: str) -> Decimal:
        """`column` as in the csv: the metric is its last word."""
        for name in names(column):
            if name in self.named:
                return self.named[name]
        return Decimal(0)

    def check(self, given: set[str], columns: Iterable[str]) -> None:
        """A metric given by hand that no table has is a mistake in typing."""
        known = {name for column in columns for name in names(column)}
        for name in sorted(given):
            choose("metric", name, sorted(known), "what is compared")


def names(column: str) -> list[str]:
    metric = column.rpartition(" ")[2]
    return [metric, *(["AP"] if metric.startswith("AP:") else []), ALL]


def read(text: str, presets: Path) -> tuple[Tolerances, set[str]]:
    """`text`: parts by comma, each NUMBER, PRESET or METRIC=NUMBER.

    What names the metric counts before `all`. The set has the metrics that were given by hand.
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
        raise ValueError(f"{where}: {value!r} is no tolerance; expected 0 or more")
    return found
