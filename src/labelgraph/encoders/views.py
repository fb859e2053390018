"""Turns a photograph into the square that an encoder reads: fixed views, random ones for training.

A view is a window of the photograph, possibly mirrored, resized to a square of S pixels.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import interpolate

SHARES = (1.0, 0.875, 0.75, 0.66, 0.5)  # multiscale: crop sides as fractions of a whole side
# pairs of them that a multi-scale crop has as width and height: at most two steps apart
PAIRS = [(a, b) for i, a in enumerate(SHARES) for j, b in enumerate(SHARES) if abs(i - j) <= 2]
# values of `mirror` for which half of the images are mirrored, and for which half are upside down
MIRRORED = (("sideways", "both"), ("both",))
# crop positions in quarters of the free space: corners, edges, middle, and four between
PLACES = (*((x, y) for x in (0, 2, 4) for y in (0, 2, 4)), (1, 1), (3, 1), (1, 3), (3, 3))


class Window(NamedTuple):
    """Part of a photograph, in fractions of its width and height."""

    left: float
    top: float
    right: float
    bottom: float
    mirrored: bool
    upside_down: bool = False


class Chances(NamedTuple):
    """How random windows are drawn: the lines of `train` in the settings with the same names."""

    crops: str
    crop_sides: list[float]
    mirror: str


WHOLE = Window(0.0, 0.0, 1.0, 1.0, False)


def middle(share: float) -> Window:
    """The middle of a photograph, as wide and high as `share` of it."""
    return Window((1 - share) / 2, (1 - share) / 2, (1 + share) / 2, (1 + share) / 2, False)


FIXED = {
    "plain": WHOLE,
    "flip": WHOLE._replace(mirrored=True),
    "centre_70": middle(0.7),  # 448 of 640 pixels
    "centre_90": middle(0.9),  # 576 of 640
}


def fixed(view: str) -> Window:
    """`plain`: all of it, squashed to the square; `flip`: that, mirrored; or the middle."""
    if view not in FIXED:
        raise ValueError(f"no view {view!r}; there are {sorted(FIXED)}")
    return FIXED[view]


def drawn(chances: Chances, width: int, height: int, draw: Generator) -> Window:
    """A random window; which one depends on `draw` alone."""
    window = CROPS[chances.crops](chances, width, height, draw)
    mirrored, upside_down = (
        bool(chances.mirror in wanted and draw.random() < 0.5) for wanted in MIRRORED
    )
    return window._replace(mirrored=mirrored, upside_down=upside_down)


def multiscale(chances: Chances, width: int, height: int, draw: Generator) -> Window:
    """Sides in fractions of the short side (ML-GCN)."""
    short = min(width, height)
    return at_a_place(short / width, short / height, draw)


def multiscale_square(chances: Chances, width: int, height: int, draw: Generator) -> Window:
    """The same of a photograph that was squashed to a square before (ADD-GCN, DSDL)."""
    return at_a_place(1.0, 1.0, draw)


def at_a_place(widest: float, highest: float, draw: Generator) -> Window:
    """One of PAIRS, each as likely as any other, at one of 13 places."""
    wide, high = PAIRS[int(draw.integers(len(PAIRS)))]
    wide, high = widest * wide, highest * high
    across, down = PLACES[int(draw.integers(len(PLACES)))]
    left, top = (1 - wide) * across / 4, (1 - high) * down / 4
    return Window(left, top, left + wide, top + high, False)


def squares(chances: Chances, width: int, height: int, draw: Generator) -> Window:
    """One of the given sides, at any place of a photograph that was squashed to a square."""
    side = chances.crop_sides[int(draw.integers(len(chances.crop_sides)))]
    left, top = ((1 - side) * draw.random(2)).tolist()
    return Window(left, top, left + side, top + side, False)


def uncropped(chances: Chances, width: int, height: int, draw: Generator) -> Window:
    return WHOLE


CROPS = {
    "multiscale": multiscale,
    "multiscale_square": multiscale_square,
    "squares": squares,
    "none": uncropped,
}


def least(window: Window, size: int) -> int:
    """Pixels of the photograph's short side so that `window` has `size`."""
    return math.ceil(size / min(window.right - window.left, window.bottom - window.top))


def least_drawn(chances: Chances, size: int) -> int:
    """The same for any random window."""
    sides = {"squares": chances.crop_sides, "none": [1.0]}.get(chances.crops, SHARES)
    return math.ceil(size / min(sides))


def cut(image: np.ndarray, window: Window, size: int) -> Tensor:
    """The window of a photograph (height, width, 3) as a view (3, S, S), channels last."""
    height, width, _ = image.shape
    part = image[
        pixels(window.top, window.bottom, height), pixels(window.left, window.right, width)
    ]
    part = np.require(part, requirements="W")  # torch needs a writable array
    square = torch.from_numpy(part).permute(2, 0, 1)[None]  # (1, 3, h, w)
    view = interpolate(square, (size, size), mode="bilinear", antialias=True)[0]
    turned = [-1] * window.mirrored + [-2] * window.upside_down
    return view.flip(turned) if turned else view


def pixels(start: float, end: float, side: int) -> slice:
    """Whole pixels, at least one, between two fractions of a side."""
    first = min(max(round(start * side), 0), side - 1)
    return slice(first, max(round(end * side), first + 1))
