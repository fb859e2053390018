"""Boxes that the user provides, in COCO's results format, for the images of any manifest.

A list of {"image_id": 42, "bbox": [left, top, width, height] in pixels, "score": 0.9}. An image is
found by "file_name" if the entry has it, else by "image_id": 42 matches 000042.jpg and
COCO_val2014_000000000042.jpg; a string is the file's name without its ending. In a dict of
{"images": [{"id", "file_name"}], "annotations": [entries]}, `images` gives the file name of an id.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.small import read_json

Entry = tuple[int, tuple[float, ...], float]  # row of the manifest, box in pixels, score


def read(path: Path, images: np.ndarray) -> list[Entry]:
    """Entries in file order. `images` are the manifest's."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; --boxes names a file of COCO results")
    content = read_json(path)
    names = {}
    if isinstance(content, dict) and {"images", "annotations"} <= content.keys():
        names = named(content["images"], path)
        content = content["annotations"]
    if not isinstance(content, list):
        raise ValueError(f"{path}: found {type(content).__name__}; expected a list of COCO results")
    places = Places(images.tolist())
    return [
        entry(item, places, names, f"{path}, entry {number}")
        for number, item in enumerate(content, start=1)
    ]


def named(images: Any, path: Path) -> dict[Any, str]:
    try:
        return {item["id"]: item["file_name"] for item in images}
    except (TypeError, KeyError):
        raise ValueError(
            f"{path}: `images` is not a list of entries with id and file_name"
        ) from None


class Places:
    """Rows of the manifest by path, file name, stem and number; None if two images share it."""

    def __init__(self, images: list[str]):
        self.rows: dict[Any, int | None] = {}
        for row, image in enumerate(images):
            path = Path(image)
            number = re.search(r"\d+$", path.stem)
            keys = {image, path.name, path.stem, *([int(number[0])] if number else [])}
            for key in keys:
                self.rows[key] = None if key in self.rows else row

    def find(self, key: Any, place: str) -> int:
        known = isinstance(key, str | int) and not isinstance(key, bool)
        row = self.rows.get(key, -1) if known else -1
        if row is None:
            raise ValueError(f"{place}: {key!r} matches several images; give their `file_name`")
        if row < 0:
            raise ValueError(f"{place}: no image of the manifest is called {key!r}")
        return row


def entry(item: Any, places: Places, names: dict[Any, str], place: str) -> Entry:
    try:
        key = item.get("file_name")
        if key is None:
            key = names.get(item["image_id"], item["image_id"])
        box, score = tuple(map(float, item["bbox"])), float(item["score"])
        if not isinstance(item["bbox"], list):
            raise TypeError
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise ValueError(
            f"{place}: found {str(item)[:80]}; expected image_id or file_name, bbox and score"
        ) from None
    if len(box) != 4 or not np.isfinite([*box, score]).all() or min(box[2:]) <= 0:
        raise ValueError(f"{place}: bbox {item['bbox']} is not left, top, width and height > 0")
    return places.find(key, place), box, score


def arrange(
    entries: list[Entry], sizes: np.ndarray, settings: dict[str, Any]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Boxes (n, 4) as fractions and scores (n,) of each image, the best `count`, best first."""
    chosen: list[list[Entry]] = [[] for _ in sizes]
    for one in entries:
        if one[2] >= settings["min_score"]:
            chosen[one[0]].append(one)
    return [
        relative(sorted(found, key=lambda one: -one[2])[: settings["count"]], size)
        for found, size in zip(chosen, sizes, strict=True)
    ]


def relative(found: list[Entry], size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`size`: width and height."""
    boxes = np.array([one[1] for one in found], np.float64).reshape(-1, 4)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1) / np.tile(size, 2)
    corners = corners.clip(0, 1).astype(np.float32)
    inside = (corners[:, 2:] > corners[:, :2]).all(1)
    return corners[inside], np.array([one[2] for one in found], np.float32)[inside]
