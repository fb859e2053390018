"""Predictions of runs -> their metrics over report images that are drawn again and again.

The draws belong to the list of images, so all runs that are judged on the same images have the same
draws, whatever their method, seed or task; runs on other images have draws of their own.

Shapes: N images, S seeds, R draws. Values are in percent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np

from labelgraph.files.small import read_arrays, read_json
from labelgraph.score import bootstrap, metrics
from labelgraph.score.estimates import Estimate, estimate
from labelgraph.score.predictions import join

AT_ONCE = 100  # draws that are made together


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


@lru_cache(maxsize=1)  # runs come in the order of their images
def draws(images: int, key: int, count: int) -> np.ndarray:
    """(R, N), one byte a count: no image is drawn 255 times."""
    blocks = [
        bootstrap.draws(images, min(AT_ONCE, count - start), (bootstrap.SEED, key, start))
        for start in range(0, count, AT_ONCE)
    ]
    return np.concatenate([block.astype(np.uint8) for block in blocks])


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
        scores = read_json(self.runs / folder / "scores.json")
        targets = self.splits / place / "targets.npz"
        joined = join(self.runs / folder / "predictions.npz", targets)
        judged = metrics.in_pool(joined.target, scores["settings"]["pool"])
        images = read_arrays(targets)["images"][judged].tolist()
        counts = draws(len(images), crc32("\n".join(images).encode()), self.count)
        arrays = joined.scores[judged], joined.target[judged]
        drawn = bootstrap.values(counts, *arrays, joined.labels, scores["settings"], names)
        for name in names:
            self.found[folder, name] = metrics.value(scores, name), 100 * drawn[name]
        self.images[place] = len(images)

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

    def difference(self, first: End, second: End | None) -> Estimate | None:
        """`first` minus `second`, paired: the same images, and the seeds that both have."""
        seeds = common(first, second)
        known = [self.of(end, seeds) for end in (first, second) if end]
        if None in known or not seeds:
            return None
        values, drawn = known[0]
        if second is not None:
            values, drawn = values - known[1][0], drawn - known[1][1]
        return estimate(values, drawn)


def common(first: End, second: End | None) -> list[int]:
    return sorted({*first.seeds} & {*(second or first).seeds})
