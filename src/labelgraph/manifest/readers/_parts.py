"""Draws the parts of a dataset that has none: similar in labels, with related images together.

Shapes: N images, C labels, U groups of images that must stay together.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

TRAIN, TEST = 0, 1
NAMES = np.array(["train", "test"])


def check(draw: Any) -> None:
    """`draw`: {share: fraction of the images for the part `test`, seed: a whole number}."""
    share = draw.get("share") if isinstance(draw, dict) else None
    right = isinstance(share, float) and 0 < share < 1
    if not right or draw.keys() != {"share", "seed"} or not isinstance(draw["seed"], int):
        raise ValueError(
            f"option draw is {draw!r}; expected something like {{share: 0.25, seed: 0}}"
        )


def drawn(shown: np.ndarray, draw: dict[str, Any], groups: Sequence[str] | None) -> np.ndarray:
    """The part (N,) of each image. `shown` (N, C) bool; images of one group share a part.

    Iterative stratification (Sechidis et al., ECML PKDD 2011): the rarest label comes first. Each
    of its images, in random order, goes to the part that lacks most images of the label; then the
    rarest remaining label follows.
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
        column = some[left[some].argmin()] if len(some) else len(left)  # last, unlabelled images
        for unit in order[(side[order] < 0) & (content[order, column] > 0)]:
            side[unit] = TEST if wanted[TEST, column] >= wanted[TRAIN, column] else TRAIN
            wanted[side[unit]] -= content[unit]
            left -= counts[unit]
    parts = NAMES[side[images]]
    if len({*parts.tolist()}) < 2:
        what = "images" if groups is None else "groups of images"
        raise ValueError(
            f"the parts train and test cannot be drawn from {len(sizes)} {what}; add images, or"
            " name the parts in the options"
        )
    return parts
