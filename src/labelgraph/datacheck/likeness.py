"""Pictures that are nearly the same: copies that were resized, squashed, re-encoded, brightened.

Each picture, small and grey, gives 128 bits, whether it gets brighter from cell to cell, and 256
numbers. Two are alike if few bits differ and the numbers rise and fall together. Cut away a tenth
of a picture's side and it is another one.

Shapes: N pictures, K pairs.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

BITS = 16  # of 128 that may differ; two photographs of different things differ in about 64
TOGETHER = 0.95  # correlation of the numbers, at least
FLAT = 2.0  # spread of the grey values below which a picture shows nothing to compare
CELLS = 8
SIDE = 16
CHUNK = 1024  # pictures that are compared with all others at a time


class Look(NamedTuple):
    """Of one picture."""

    bits: np.ndarray  # (16,) uint8
    mirrored: np.ndarray  # (16,) uint8, of its mirror image
    numbers: np.ndarray  # (SIDE, SIDE) uint8


class Pair(NamedTuple):
    first: int
    second: int
    mirrored: bool


def look(image: Image.Image) -> Look:
    """Of a grey picture, turned as it is meant to be seen."""
    numbers = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))
    return Look(bits(image), bits(ImageOps.mirror(image)), numbers)


def bits(image: Image.Image) -> np.ndarray:
    across = np.asarray(image.resize((CELLS + 1, CELLS), Image.Resampling.BOX))
    down = np.asarray(image.resize((CELLS, CELLS + 1), Image.Resampling.BOX))
    rises = [across[:, 1:] > across[:, :-1], down[1:] > down[:-1]]
    return np.packbits(np.concatenate([rise.ravel() for rise in rises]))


def pairs(looks: list[Look]) -> list[Pair]:
    """Every pair that is alike, the lower number first; a mirror image counts."""
    if len(looks) < 2:
        return []
    straight, turned = (
        np.stack([each[place] for each in looks]).view(np.uint64) for place in (0, 1)
    )  # (N, 2) each
    numbers = np.stack([each.numbers for each in looks]).astype(np.float32)  # (N, SIDE, SIDE)
    shows = numbers.std((1, 2)) > FLAT
    found: dict[tuple[int, int], Pair] = {}
    for mirrored, other in ((False, straight), (True, turned)):
        seen = numbers[:, :, ::-1] if mirrored else numbers
        left, right = standard(numbers), standard(seen)
        for first, second in near(straight, other):
            alike = shows[first] and shows[second] and left[first] @ right[second] > TOGETHER
            if alike:
                found.setdefault((first, second), Pair(first, second, mirrored))
    return [found[key] for key in sorted(found)]


def near(one: np.ndarray, other: np.ndarray) -> list[tuple[int, int]]:
    """Rows (first < second) whose bits differ in few places."""
    found = []
    for start in range(0, len(one), CHUNK):
        part = one[start : start + CHUNK]
        apart = sum(np.bitwise_count(part[:, None, k] ^ other[None, :, k]) for k in range(2))
        rows, columns = np.nonzero(apart <= BITS)
        found += [(start + r, c) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]
    return [(first, second) for first, second in found if first < second]


def standard(numbers: np.ndarray) -> np.ndarray:
    """Mean 0, length 1: (N, SIDE * SIDE)."""
    flat = numbers.reshape(len(numbers), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-6)
