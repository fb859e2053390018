"""Partial labels as in SST, SARB and ML-SGM: each entry is kept or hidden by a draw of its own.

The draws depend on the shape alone, so the mask is the same for all methods, and the entries known
at 10 % are known at 20 % too. Shapes: N images of the training part, in the manifest's order, C
labels.
"""

import numpy as np

from labelgraph.files.small import fingerprint
from labelgraph.manifest.manifest import UNKNOWN

SEED = 0  # of the published protocol, not a setting
SIZES = {
    "voc2007": (5011, 20),
    "coco2014": (82783, 80),
    "vg200": (82904, 200),
}  # full training parts


def known_mask(images: int, labels: int, proportion: float) -> np.ndarray:
    """(N, C) bool: draws a number in [0, 1) per entry, row by row; known if below `proportion`."""
    return np.random.RandomState(SEED).random_sample((images, labels)) < proportion


def hide(labels: np.ndarray, proportion: float) -> np.ndarray:
    """(N, C) codes, with the entries that are not known replaced."""
    return np.where(known_mask(*labels.shape, proportion), labels, np.int8(UNKNOWN))


def mask_fingerprint(images: int, labels: int, proportion: float) -> str:
    return fingerprint(known=known_mask(images, labels, proportion))
