"""Assigns roles: images to fit, images to choose the checkpoint (tune), images to report.

Shapes: N images, C labels.
"""

import numpy as np

from labelgraph.manifest.manifest import YES, Manifest

FIT, TUNE, SHOT = 0, 1, 2
NAMES = {"fit": FIT, "tune": TUNE, "shot": SHOT}


def part_rows(manifest: Manifest, part: str) -> np.ndarray:
    rows = manifest.rows(part)
    if not len(rows):
        parts = sorted(set(manifest.parts.tolist()))
        raise ValueError(f"no image is in part {part!r}; the manifest's parts are {parts}")
    return rows


def assign(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """(N,) roles. Images are held out in random order until their number is `share` of N.

    An image with a label's last known positive is not held out, so that every label with a known
    positive keeps one in fit.
    """
    role = np.full(len(labels), FIT, np.uint8)
    shown = labels == YES
    left = shown.sum(0)  # (C,) known positives that are still fitted
    wanted = round(share * len(labels))
    for row in np.random.RandomState(seed).permutation(len(labels)):
        if wanted == 0:
            break
        if (left[shown[row]] > 1).all():
            role[row] = TUNE
            left -= shown[row]
            wanted -= 1
    return role
