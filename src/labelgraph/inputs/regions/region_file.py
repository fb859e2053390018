"""The regions of a manifest's images in one file, from a detector or from the user.

regions.npz: images (N,), boxes (N, R, 4) float32 left, top, right, bottom as fractions of the
image, best first; scores (N, R) float32. If an image has fewer than R regions, zeros follow. The
step that writes the file adds their origin: source (a path), source_sha256 and settings (JSON).
"""

import sys
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from labelgraph.files.images import read_image
from labelgraph.inputs.regions import user_boxes

PROGRESS_SECONDS = 10


class Proposer(Protocol):
    def propose(self, pictures: list[np.ndarray], settings: dict[str, Any]) -> list: ...


def empty(images: np.ndarray, count: int) -> dict[str, np.ndarray]:
    return {
        "images": images,
        "boxes": np.zeros((len(images), count, 4), np.float32),
        "scores": np.zeros((len(images), count), np.float32),
    }


def fill(regions: dict[str, np.ndarray], row: int, boxes: Any, scores: Any) -> None:
    """Boxes and scores are best first; boxes without area are left out: they mark empty places."""
    boxes, scores = np.asarray(boxes, np.float32), np.asarray(scores, np.float32)
    inside = (boxes[:, 2:] > boxes[:, :2]).all(1)
    count = min(int(inside.sum()), regions["boxes"].shape[1])
    regions["boxes"][row, :count] = boxes[inside][:count]
    regions["scores"][row, :count] = scores[inside][:count]


def detect(
    proposer: Proposer, images: np.ndarray, root: Path, settings: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Reads images a few at a time and keeps only their regions."""
    regions, told = empty(images, settings["count"]), time.monotonic()
    for start in range(0, len(images), settings["batch"]):
        names = images[start : start + settings["batch"]].tolist()
        found = proposer.propose([read_image(root / name) for name in names], settings)
        for row, (boxes, scores) in enumerate(found, start=start):
            fill(regions, row, boxes, scores)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            print(f"regions of {start + len(names)} of {len(images)} images", file=sys.stderr)
    return regions


def from_user(
    path: Path, images: np.ndarray, sizes: np.ndarray, settings: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Boxes of a file in COCO's results format; `sizes` (N, 2) are width and height."""
    regions = empty(images, settings["count"])
    found = user_boxes.arrange(user_boxes.read(path, images), sizes, settings)
    for row, (boxes, scores) in enumerate(found):
        fill(regions, row, boxes, scores)
    return regions
