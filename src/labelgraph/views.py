"""From a photograph to the square that an encoder sees: fixed views, and random ones for training.

Shapes: a photograph is (height, width, 3) bytes, a view (3, S, S) bytes.
"""

import numpy as np
from PIL import Image

SHARES = (1.0, 0.875, 0.75, 0.66, 0.5)  # multiscale: crop sides as shares of the short side
MARGIN = 10 / 7  # crop640: 640 pixels for a crop of 448


def fixed(image: np.ndarray, view: str, size: int) -> np.ndarray:
    """`plain` squashes to the square, `flip` mirrors that, `centre` crops the middle."""
    if view not in FIXED:
        raise ValueError(f"no view {view!r}; there are {sorted(FIXED)}")
    return FIXED[view](image, size)


def augmented(image: np.ndarray, how: str, size: int, draw: np.random.Generator) -> np.ndarray:
    """One random view; which one depends on `draw` alone."""
    if how not in AUGMENTED:
        raise ValueError(f"no augmentation {how!r}; there are {sorted(AUGMENTED)}")
    view = AUGMENTED[how](image, size, draw)
    return mirror(view) if how != "none" and draw.random() < 0.5 else view


def plain(image: np.ndarray, size: int) -> np.ndarray:
    height, width, _ = image.shape
    return resize(image, (0, 0, width, height), size)


def flip(image: np.ndarray, size: int) -> np.ndarray:
    return mirror(plain(image, size))


def centre(image: np.ndarray, size: int) -> np.ndarray:
    """The middle of the squashed image, in the proportion that crop640 cuts."""
    height, width, _ = image.shape
    left, top = (width - width / MARGIN) / 2, (height - height / MARGIN) / 2
    return resize(image, (left, top, width - left, height - top), size)


def multiscale(image: np.ndarray, size: int, draw: np.random.Generator) -> np.ndarray:
    """Sides from SHARES, at most two steps apart, at one of 13 places (ML-GCN and its heirs)."""
    height, width, _ = image.shape
    short = min(height, width)
    first = draw.integers(len(SHARES))
    second = draw.integers(max(0, first - 2), min(len(SHARES), first + 3))
    wide, high = short * SHARES[first], short * SHARES[second]
    across, down = PLACES[draw.integers(len(PLACES))]
    left, top = (width - wide) * across / 4, (height - high) * down / 4
    return resize(image, (left, top, left + wide, top + high), size)


def crop640(image: np.ndarray, size: int, draw: np.random.Generator) -> np.ndarray:
    """Squashed to 640 pixels, 448 of them at a random place (ML-SGM); any size in proportion."""
    height, width, _ = image.shape
    wide, high = width / MARGIN, height / MARGIN
    left, top = (width - wide) * draw.random(), (height - high) * draw.random()
    return resize(image, (left, top, left + wide, top + high), size)


def squashed(image: np.ndarray, size: int, draw: np.random.Generator) -> np.ndarray:
    return plain(image, size)


def resize(image: np.ndarray, box: tuple[float, float, float, float], size: int) -> np.ndarray:
    small = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, box)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))


def mirror(view: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(view[:, :, ::-1])


# in quarters of what the crop leaves free: corners, edges, middle, and the four between
PLACES = (*((x, y) for x in (0, 2, 4) for y in (0, 2, 4)), (1, 1), (3, 1), (1, 3), (3, 3))
FIXED = {"plain": plain, "flip": flip, "centre": centre}
AUGMENTED = {"multiscale": multiscale, "crop640": crop640, "flip": squashed, "none": squashed}
