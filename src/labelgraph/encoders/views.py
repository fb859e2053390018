"""Turns a photograph into the square that an encoder reads: fixed views, random ones for training.

A view is a window of the photograph, possibly mirrored, resized to a square of S pixels.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

SHARES = (1.0, 0.875, 0.75, 0.66, 0.5)  # multiscale: crop sides as fractions of the short side
CROP = 0.7  # crop640: 448 of 640 pixels
# crop positions in quarters of the free space: corners, edges, middle, and four between
PLACES = (*((x, y) for x in (0, 2, 4) for y in (0, 2, 4)), (1, 1), (3, 1), (1, 3), (3, 3))


class Window(NamedTuple):
    """Part of a photograph, in fractions of its width and height."""

    left: float
    top: float
    right: float
    bottom: float
    mirrored: bool


WHOLE = Window(0.0, 0.0, 1.0, 1.0, False)
FIXED = {
    "plain": WHOLE,
    "flip": WHOLE._replace(mirrored=True),
    "centre": Window((1 - CROP) / 2, (1 - CROP) / 2, (1 + CROP) / 2, (1 + CROP) / 2, False),
}


def fixed(view: str) -> Window:
    """`plain`: all of it, squashed to the square; `flip`: that, mirrored; `centre`: the middle."""
    if view not in FIXED:
        raise ValueError(f"no view {view!r}; there are {sorted(FIXED)}")
    return FIXED[view]


def augmented(how: str, width: int, height: int, draw: np.random.Generator) -> Window:
    """A random window; which one depends on `draw` alone."""
    if how not in AUGMENTED:
        raise ValueError(f"no augmentation {how!r}; there are {sorted(AUGMENTED)}")
    window = AUGMENTED[how](width, height, draw)
    return window._replace(mirrored=bool(how != "none" and draw.random() < 0.5))


def multiscale(width: int, height: int, draw: np.random.Generator) -> Window:
    """Sides from SHARES, at most two steps apart, at one of 13 places (ML-GCN and successors)."""
    short = min(width, height)
    first = int(draw.integers(len(SHARES)))
    second = int(draw.integers(max(0, first - 2), min(len(SHARES), first + 3)))
    wide, high = short * SHARES[first] / width, short * SHARES[second] / height
    across, down = PLACES[int(draw.integers(len(PLACES)))]
    left, top = (1 - wide) * across / 4, (1 - high) * down / 4
    return Window(left, top, left + wide, top + high, False)


def crop640(width: int, height: int, draw: np.random.Generator) -> Window:
    """448 of 640 pixels at a random place, squashed (ML-SGM); other sizes in proportion."""
    left, top = (1 - CROP) * draw.random(2)
    return Window(float(left), float(top), float(left) + CROP, float(top) + CROP, False)


def squashed(width: int, height: int, draw: np.random.Generator) -> Window:
    return WHOLE


AUGMENTED = {"multiscale": multiscale, "crop640": crop640, "flip": squashed, "none": squashed}


def least(window: Window | None, size: int) -> int:
    """Pixels of the photograph's short side so that `window` (None: any random one) has `size`."""
    if window is None:
        return math.ceil(size / min(SHARES))
    return math.ceil(size / min(window.right - window.left, window.bottom - window.top))


def cut(image: np.ndarray, window: Window, size: int) -> Tensor:
    """The window of a photograph (height, width, 3) as a view (3, S, S), channels last."""
    height, width, _ = image.shape
    part = image[
        pixels(window.top, window.bottom, height), pixels(window.left, window.right, width)
    ]
    part = np.require(part, requirements="W")  # torch needs a writable array
    square = torch.from_numpy(part).permute(2, 0, 1)[None]  # (1, 3, h, w)
    view = interpolate(square, (size, size), mode="bilinear", antialias=True)[0]
    return view.flip(-1) if window.mirrored else view


def pixels(start: float, end: float, side: int) -> slice:
    """Whole pixels, at least one, between two fractions of a side."""
    first = min(max(round(start * side), 0), side - 1)
    return slice(first, max(round(end * side), first + 1))
