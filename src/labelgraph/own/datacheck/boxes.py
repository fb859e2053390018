"""Boxes outside their picture or without area, and whether a detector can learn from the rest.

Shapes: N images, M boxes.
"""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.inputs.regions import user_boxes
from labelgraph.manifest.manifest import Manifest

LISTED = 20
SENTENCES = {  # for one box, and for several
    "flat": ("box has no area and is ignored", "boxes have no area and are ignored"),
    "beyond": (
        "box is outside its picture and is ignored",
        "boxes are outside their pictures and are ignored",
    ),
    "cut": (
        "box extends beyond its picture and is cut off at the edge",
        "boxes extend beyond their pictures and are cut off at the edge",
    ),
}


def find(manifest: Manifest, sizes: np.ndarray, fit: np.ndarray) -> dict[str, Any]:
    """`sizes` (N, 2) width and height, 0 where unknown; `fit` (N,) bool."""
    size = sizes[manifest.box_image]  # (M, 2)
    low, high = manifest.boxes[:, :2], manifest.boxes[:, :2] + manifest.boxes[:, 2:]
    flat = (manifest.boxes[:, 2:] <= 0).any(1)
    known = (size > 0).all(1) & ~flat
    beyond = known & ((low >= size) | (high <= 0)).any(1)
    cut = known & ~beyond & ((low < -0.5) | (high > size + 0.5)).any(1)  # by more than rounding
    usable = ~flat & ~beyond & fit[manifest.box_image]
    kinds = {"flat": flat, "beyond": beyond, "cut": cut}
    found = {kind: listed(manifest, np.flatnonzero(chosen)) for kind, chosen in kinds.items()}
    return found | {"to_learn_from": int(usable.sum())}


def listed(manifest: Manifest, rows: np.ndarray) -> dict[str, Any]:
    first = [
        f"{manifest.images[manifest.box_image[row]]} {manifest.boxes[row].tolist()}"
        for row in rows[:LISTED]
    ]
    return {"count": len(rows), "first": first}


def given_regions(path: Path, images: np.ndarray) -> list[str]:
    """Images without a region in the file `path`; raises ValueError if the file is wrong."""
    some = {row for row, *_ in user_boxes.read(path, images)}
    return [str(image) for row, image in enumerate(images) if row not in some]
