"""One run's metrics as they are, and over report images that are drawn again and again.

The draws belong to the list of images, so all runs that are judged on the same images have the same
draws, whatever their method, seed or task; runs on other images have draws of their own.

Shapes: N images, R draws.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np

from labelgraph.files.small import read_arrays, read_json
from labelgraph.score import bootstrap, metrics
from labelgraph.score.predictions import join

AT_ONCE = 100  # draws that are made together


@dataclass(frozen=True)
class Redrawn:
    images: int  # how many are judged
    values: dict[str, float | None]  # metric -> its value, a fraction
    drawn: dict[str, np.ndarray]  # metric -> (R,), in percent


@lru_cache(maxsize=1)  # runs come in the order of their images
def draws(images: int, key: int, count: int) -> np.ndarray:
    """(R, N), one byte a count: no image is drawn 255 times."""
    blocks = [
        bootstrap.draws(images, min(AT_ONCE, count - start), (bootstrap.SEED, key, start))
        for start in range(0, count, AT_ONCE)
    ]
    return np.concatenate([block.astype(np.uint8) for block in blocks])


def read(run: Path, targets: Path, names: Collection[str], count: int) -> Redrawn:
    """`run`: its folder; `names`: the metrics; `count`: R."""
    scores = read_json(run / "scores.json")
    joined = join(run / "predictions.npz", targets)
    judged = metrics.in_pool(joined.target, scores["settings"]["pool"])
    images = read_arrays(targets)["images"][judged].tolist()
    counts = draws(len(images), crc32("\n".join(images).encode()), count)
    arrays = joined.scores[judged], joined.target[judged]
    named_at = None if joined.named_at is None else joined.named_at[judged]
    drawn = bootstrap.values(counts, *arrays, joined.labels, scores["settings"], names, named_at)
    return Redrawn(
        images=len(images),
        values={name: metrics.value(scores, name) for name in names},
        drawn={name: 100 * drawn[name] for name in names},
    )
