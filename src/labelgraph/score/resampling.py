"""Differences of systems, paired over report images that are drawn again and over seeds.

Shapes: S seeds, R draws. Values are in percent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelgraph.score import bootstrap, redrawn
from labelgraph.score.estimates import Estimate, estimate


@dataclass(frozen=True)
class End:
    """A metric of a system: its mean over places (task/dataset), for each seed.

    Without places it is a cost, which is counted.
    """

    system: str
    metric: str
    places: tuple[str, ...]
    seeds: tuple[int, ...]

    def folders(self) -> list[str]:
        return [f"{place}/{self.system}" for place in self.places]


class Numbers:
    """The metrics of a study's runs: as they are, and over draws."""

    def __init__(self, runs: Path, splits: Path, count: int = bootstrap.DRAWS):
        self.runs, self.splits, self.count = runs, splits, count
        self.found: dict[tuple[str, str], tuple[float | None, np.ndarray]] = {}
        self.images: dict[str, int] = {}  # place -> how many are judged

    def read(self, ends: Iterable[End]) -> None:
        """Reads every run behind `ends` once, and keeps what they need of it."""
        wanted: dict[str, set[str]] = {}
        for end in ends:
            for seed in end.seeds:
                for folder in end.folders():
                    wanted.setdefault(f"{folder}/seed{seed}", set()).add(end.metric)
        for folder in sorted(wanted, key=lambda name: (name.split("/")[1::-1], name)):
            self.read_run(folder, wanted[folder])

    def read_run(self, folder: str, names: set[str]) -> None:
        place = folder.rpartition("/")[0].rpartition("/")[0]
        targets = self.splits / place / "targets.npz"
        run = redrawn.read(self.runs / folder, targets, names, self.count)
        for name in names:
            self.found[folder, name] = run.values[name], run.drawn[name]
        self.images[place] = run.images

    def of(self, end: End, seeds: Iterable[int]) -> tuple[np.ndarray, np.ndarray] | None:
        """(S,) as they are, and (S, R) over draws; None if a run has no value."""
        found = [
            [self.found[f"{folder}/seed{seed}", end.metric] for folder in end.folders()]
            for seed in seeds
        ]
        if any(value is None for of_seed in found for value, _ in of_seed):
            return None
        values = [100 * np.mean([value for value, _ in of_seed]) for of_seed in found]
        drawn = [np.mean([some for _, some in of_seed], 0) for of_seed in found]
        return np.array(values), np.array(drawn)

    def difference(self, first: End, second: End | None, *less: End) -> Estimate | None:
        """`first` minus `second`, paired: the same images, and the seeds that all have.

        The difference of the two ends in `less`, of the same images too, is subtracted.
        """
        ends = [end for end in (first, second, *less) if end]
        seeds = common(*ends)
        known = [self.of(end, seeds) for end in ends]
        if None in known or not seeds:
            return None
        signs = np.array([1, -1, -1, 1])[: len(known)]
        values, drawn = (
            sum(sign * part for sign, part in zip(signs, parts, strict=True))
            for parts in zip(*known, strict=True)
        )
        return estimate(values, drawn)


def common(*ends: End) -> list[int]:
    return sorted(set.intersection(*({*end.seeds} for end in ends)))
