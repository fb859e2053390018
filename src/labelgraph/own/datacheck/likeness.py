"""Near-duplicate pictures: copies that were resized, squashed, re-encoded or brightened.

Each picture, shrunk and grey, gives 128 bits (does it get brighter from cell to cell?) and 256
numbers. Two are alike if few bits differ and the numbers correlate. A picture with a tenth of its
side cut away counts as another one.

Shapes: N pictures, K pairs.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

BITS = 16  # of 128 that may differ; unrelated photographs differ in about 64
TOGETHER = 0.95  # correlation of the numbers, at least
FLAT = 2.0  # standard deviation of the grey values below which a picture is blank
CELLS = 8
SIDE = 16
CHUNK = 256  # pictures compared with all others at a time
MOST = 200  # pairs of each kind that are kept


class Look(NamedTuple):
    """What is compared of one picture."""

    bits: np.ndarray  # (16,) uint8
    mirrored: np.ndarray  # (16,) uint8, of its mirror image
    numbers: np.ndarray  # (SIDE, SIDE) uint8


class Pair(NamedTuple):
    first: int
    second: int
    mirrored: bool


class Pairs(list[Pair]):
    """The pairs that are kept, and the number of those that are not."""

    left_out = 0


def look(image: Image.Image) -> Look:
    """`image`: grey, with its orientation applied."""
    numbers = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))
    return Look(bits(image), bits(ImageOps.mirror(image)), numbers)


def bits(image: Image.Image) -> np.ndarray:
    across = np.asarray(image.resize((CELLS + 1, CELLS), Image.Resampling.BOX))
    down = np.asarray(image.resize((CELLS, CELLS + 1), Image.Resampling.BOX))
    rises = [across[:, 1:] > across[:, :-1], down[1:] > down[:-1]]
    return np.packbits(np.concatenate([rise.ravel() for rise in rises]))


def pairs(looks: list[Look], traits: np.ndarray | None = None) -> Pairs:
    """Pairs that are alike, the lower number first; mirror images count.

    Pairs are of one kind if they differ in the same `traits` (N, T). At most MOST of each kind are
    kept, so that many of one kind do not hide another; the rest are counted.
    """
    found = Pairs()
    if len(looks) < 2:
        return found
    straight, turned = (
        np.stack([each[place] for each in looks]).view(np.uint64) for place in (0, 1)
    )  # (N, 2) each
    numbers = np.stack([each.numbers for each in looks]).astype(np.float32)  # (N, SIDE, SIDE)
    shows = numbers.std((1, 2)) > FLAT
    left, right = (standard(n) * shows[:, None] for n in (numbers, numbers[:, :, ::-1]))
    traits = np.zeros((len(looks), 0), int) if traits is None else traits
    kept: dict[int, int] = {}  # kind -> pairs
    for start in range(0, len(looks), CHUNK):
        part = slice(start, start + CHUNK)
        later = np.arange(len(looks)) > np.arange(len(looks))[part, None]  # (CHUNK, N)
        same = alike(straight[part], straight, left[part], left, later)
        flipped = alike(straight[part], turned, left[part], right, later & ~same)
        kinds = sum(
            ((trait[part, None] != trait) << place for place, trait in enumerate(traits.T)),
            np.zeros((1, 1), int),
        )
        for kind in np.unique(kinds).tolist():
            chosen = (same | flipped) & (kinds == kind)
            room = MOST - kept.get(kind, 0)
            rows, columns = first_of(chosen, room)
            kept[kind] = kept.get(kind, 0) + len(rows)
            found.left_out += int(chosen.sum()) - len(rows)
            found += [
                Pair(start + row, column, bool(flipped[row, column]))
                for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            ]
    found.sort()
    return found


def alike(
    bits: np.ndarray, others: np.ndarray, numbers: np.ndarray, seen: np.ndarray, among: np.ndarray
) -> np.ndarray:
    """The pairs `among` (CHUNK, N) that differ in few bits and whose numbers correlate."""
    apart = sum(np.bitwise_count(bits[:, None, k] ^ others[None, :, k]) for k in range(2))
    near = (apart <= BITS) & among
    rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
    near[np.ix_(rows, columns)] &= numbers[rows] @ seen[columns].T > TOGETHER
    return near


def first_of(chosen: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the first `count` true entries."""
    enough = int(np.searchsorted(chosen.sum(1).cumsum(), count)) + 1
    rows, columns = np.nonzero(chosen[:enough])
    return rows[:count], columns[:count]


def standard(numbers: np.ndarray) -> np.ndarray:
    """Mean 0, length 1: (N, SIDE * SIDE)."""
    flat = numbers.reshape(len(numbers), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-6)
