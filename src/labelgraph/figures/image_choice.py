"""Chooses the reported images of a figure, by the rule in its entry and never by hand.

Shapes: N reported images, C labels.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.small import read_arrays
from labelgraph.manifest.manifest import YES
from labelgraph.score.predictions import join

RULES = {"first", "largest_gap"}
KEYS = {"rule", "count", "labels", "most"}


@dataclass(frozen=True)
class Report:
    """The reported images in the order of their names: labels, targets and probabilities."""

    images: np.ndarray  # (N,) names
    labels: list[str]  # C names
    target: np.ndarray  # (N, C) 1 yes, 0 no, -1 difficult
    probability: dict[str, np.ndarray]  # of each system, (N, C)

    def shown(self, row: int) -> np.ndarray:
        """Columns of the labels that an image shows."""
        return np.flatnonzero(self.target[row] == YES)


def read(targets: str, predictions: dict[str, str]) -> Report:
    stored = read_arrays(Path(targets))
    order = np.argsort(stored["images"], kind="stable")
    labels, target = stored["labels"].tolist(), stored["target"]
    probability = {}
    for system, path in predictions.items():
        joined = join(Path(path), Path(targets))
        probability[system] = (1 / (1 + np.exp(-joined.scores.astype(np.float64))))[order]
        labels, target = joined.labels, joined.target
    return Report(stored["images"][order], labels, target[order], probability)


def choose(rule: dict[str, Any], report: Report) -> list[int]:
    """Rows of the images that `rule` chooses; an empty rule chooses all of them.

    first         the first images by name
    largest_gap   half of them images on whose labels the second system is furthest ahead of the
                  first, by the mean difference of their probabilities, and half where it is
                  furthest behind, in turn
    """
    if not rule:
        return list(range(len(report.images)))
    known = (report.target == YES).sum(1)  # (N,)
    fits = (known >= rule["labels"]) & (known <= rule.get("most", known.max()))
    rows = np.flatnonzero(fits)
    if rule["rule"] == "largest_gap":
        first, second = report.probability.values()
        gap = [np.mean((second - first)[row, report.shown(row)]) for row in rows]
        ranked = rows[np.argsort(-np.array(gap), kind="stable")]
        half = -(-min(rule["count"], len(rows)) // 2)
        pairs = zip(ranked[:half], ranked[::-1][:half], strict=True)
        chosen = dict.fromkeys(int(row) for pair in pairs for row in pair)
        return [*chosen][: rule["count"]]
    return rows[: rule["count"]].tolist()


def in_words(rule: dict[str, Any], systems: dict[str, str]) -> str:
    """The rule as a sentence below the figure."""
    labels, most = rule["labels"], rule.get("most")
    many = f"{labels} labels" if most == labels else f"{labels} labels or more"
    if rule["rule"] == "largest_gap":
        first, second = systems.values()
        return (
            f"Images: of the reported ones with {many}, in turn the one where {second} is furthest"
            f" ahead of {first} in the mean probability of these labels, and the one where it is"
            " furthest behind."
        )
    return f"Images: the first {rule['count']} reported ones by name" + (
        f" that show {many}." if labels else "."
    )


def check(where: str, rule: dict[str, Any], systems: int) -> None:
    """Reports a wrong rule before anything starts."""
    if unknown := rule.keys() - KEYS:
        raise ValueError(f"{where} has unknown keys {sorted(unknown)}; known are {sorted(KEYS)}")
    if missing := KEYS - {"most"} - rule.keys():
        raise ValueError(f"{where} lacks {sorted(missing)}")
    if rule["rule"] not in RULES:
        raise ValueError(f"{where}: the rule is {rule['rule']!r}, not one of {sorted(RULES)}")
    if rule["rule"] == "largest_gap" and systems != 2:
        raise ValueError(
            f"{where}: the rule largest_gap compares two systems, but there are {systems}"
        )
