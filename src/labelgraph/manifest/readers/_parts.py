"""Parts for data that come without: drawn, alike in their labels, related images together.

Shapes: N images, C labels, U groups of images that must not be parted.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

TRAIN, TEST = 0, 1
NAMES = np.array(["train", "test"])


def check(draw: Any) -> None:
    """`draw`: {share: of the images that become the part `test`, seed: a whole number}."""
    share = draw.get("share") if isinstance(draw, dict) else None
    right = isinstance(share, float) and 0 < share < 1
    if not right or draw.keys() != {"share", "seed"} or not isinstance(draw["seed"], int):
        raise ValueError(
            f"option draw is {draw!r}; expected something like {{share: 0.25, seed: 0}}"
        )


def drawn(shown: np.ndarray, draw: dict[str, Any], groups: Sequence[str] | None) -> np.ndarray:
    """The part (N,) of each image. `shown` (N, C) bool; images of one group share a part.

    The rarest label goes first (Sechidis et al., ECML PKDD 2011): its images go, in drawn order,
    where most of it is still wanted; then the rarest of what is left.
    """
    check(draw)
    images = np.arange(len(shown)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(images)  # (U,)
    counts = np.zeros((len(sizes), shown.shape[1]))  # (U, C)
    np.add.at(counts, images, shown)
    shares = np.array([1 - draw["share"], draw["share"]])
    wanted = np.outer(shares, [*counts.sum(0), sizes.sum()])  # (2, C + 1) of each label; of images
    content = np.column_stack([counts, sizes])  # (U, C + 1)
    order = np.random.RandomState(draw["seed"]).permutation(len(sizes))
    side = np.full(len(sizes), -1)
    left = counts.sum(0)
    for _ in range(shown.shape[1] + 1):
        some = np.flatnonzero(left > 0.5)
        column = some[left[some].argmin()] if len(some) else len(left)  # at last, those without
        for unit in order[(side[order] < 0) & (content[order, column] > 0)]:
            side[unit] = TEST if wanted[TEST, column] >= wanted[TRAIN, column] else TRAIN
            wanted[side[unit]] -= content[unit]
            left -= counts[unit]
    parts = NAMES[side[images]]
    if len({*parts.tolist()}) < 2:
        what = "images" if groups is None else "groups of images"
        raise ValueError(
            f"the parts train and test cannot be drawn of {len(sizes)} {what}; more are needed, or"
            " parts of their own"
        )
    return parts
