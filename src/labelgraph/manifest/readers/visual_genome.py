"""Visual Genome: 108,249 photographs; an object's label is the first of its names.

`root` holds image_data.json, objects.json, VG_100K and VG_100K_2. The labels are the N names shown
by most images (all images count; equal counts are in alphabetical order; names are lower-cased and
stripped), or the first N of a published index, an object `{"2328403.jpg": [label number, ...]}`.
In both cases VG-200 is the first 200 labels of VG-500.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from labelgraph.manifest.manifest import Manifest, no_boxes
from labelgraph.manifest.readers._published import read_index, read_names, read_parts
from labelgraph.manifest.readers._reading import (
    as_boxes,
    box_fields,
    check_choice,
    pick,
    positions,
    read_entries,
)

FOLDERS = ("VG_100K", "VG_100K_2")


@dataclass(frozen=True)
class Objects:
    """M named objects."""

    rows: np.ndarray  # (M,) int64: the image's row
    words: np.ndarray  # (M,) int64: position in `vocabulary`
    vocabulary: list[str]
    boxes: np.ndarray  # (M, 4) float32: left, top, width, height

    def labelled(self, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, columns and boxes of the objects that carry one of `names`."""
        column = {name: position for position, name in enumerate(names)}
        columns = np.array([column.get(word, -1) for word in self.vocabulary])[self.words]
        kept = np.flatnonzero(columns >= 0)
        return self.rows[kept], columns[kept], self.boxes[kept]

    def shown(self, names: Sequence[str], count: int) -> np.ndarray:
        """Labels (count, names) of all images."""
        labels = np.zeros((count, len(names)), np.int8)
        rows, columns, _ = self.labelled(names)
        labels[rows, columns] = 1
        return labels


def read(
    root: Path,
    *,
    labels: int,
    index: str | None,
    names: str | None,
    lists: dict[str, str] | None,
    test_images: int | None,
    seed: int | None,
    boxes: bool,
) -> Manifest:
    """`index`, `names` (one per line) and the files of `lists` (part: file) are paths below `root`.

    Image order: `lists`, then part `unused`; without lists by id, where `seed` draws part `test`.
    """
    check_choice("boxes", boxes, (True, False))
    if (names and not index) or (index and boxes and not names):
        raise ValueError("option `names` needs `index`; `boxes: true` with `index` needs `names`")
    paths = read_paths(root / "image_data.json")
    if lists and test_images is None and seed is None:
        parts = read_parts({part: root / file for part, file in lists.items()}, paths)
    elif test_images is not None and seed is not None and not lists:
        parts = draw_parts(sorted(paths), test_images, seed)
    else:
        raise ValueError("options: give either `lists` or both `test_images` and `seed`")
    rows = {image: row for row, image in enumerate(parts)}
    objects = None if index and not boxes else read_objects(root / "objects.json", rows)
    if index:
        chosen = read_names(root / names if names else None, labels)
        matrix = read_index(root / index, parts, labels)
    else:
        chosen = most_shown(objects, labels)
        matrix = objects.shown(chosen, len(rows))
    return Manifest(
        np.array([paths[image] for image in parts]),
        np.array(list(parts.values())),
        tuple(chosen),
        matrix,
        **(box_fields(*objects.labelled(chosen)) if boxes else no_boxes()),
    )


def read_paths(path: Path) -> dict[int, str]:
    """`VG_100K/1.jpg` for image 1: the folder is the last one of the image's address."""
    entries = pick(read_entries(path), ("image_id", "url"), f"{path}, image")
    positions([image for image, _ in entries], f"{path}, image")
    paths = {}
    for number, (image, url) in enumerate(entries, start=1):
        file = "/".join(str(url).split("/")[-2:])
        if file not in [f"{folder}/{image}.jpg" for folder in FOLDERS]:
            raise ValueError(
                f"{path}, image {number}: url {url!r}; expected it to end in one of {FOLDERS}"
                f" and {image}.jpg"
            )
        paths[image] = file
    return paths


def draw_parts(images: list[int], test_images: int, seed: int) -> dict[int, str]:
    """`test` for the first `test_images` of NumPy's legacy permutation of the ids, else `train`."""
    if not 0 < test_images < len(images):
        raise ValueError(
            f"option test_images is {test_images}; expected 1 to {len(images) - 1}, as there are"
            f" {len(images)} images"
        )
    drawn = np.random.RandomState(seed).permutation(len(images))[:test_images]
    test = {images[place] for place in drawn}
    return {image: "test" if image in test else "train" for image in images}


def read_objects(path: Path, rows: dict[int, int]) -> Objects:
    """Every named object of the images in `rows`, which must be those of the file."""
    entries = pick(read_entries(path), ("image_id", "objects"), f"{path}, image")
    seen = positions([image for image, _ in entries], f"{path}, image")
    if strange := sorted(seen.keys() ^ rows.keys(), key=str):
        raise ValueError(
            f"{path}: image {strange[0]} is only in one of objects.json and image_data.json"
            f" ({len(strange)} such images); take both from one release"
        )
    vocabulary: dict[str, int] = {}
    image_rows, words, boxes, nameless = [], [], [], 0
    for image, items in entries:
        place = f"{path}, image {image}, object"
        for names, *box in pick(items, ("names", "x", "y", "w", "h"), place):
            name = first_name(names, place)
            if name:
                words.append(vocabulary.setdefault(name, len(vocabulary)))
                image_rows.append(rows[image])
                boxes.append(box)
            nameless += not name
    if nameless:
        warn(f"{path}: {nameless} objects have no name and give no label", stacklevel=2)
    return Objects(
        np.array(image_rows, np.int64),
        np.array(words, np.int64),
        list(vocabulary),
        as_boxes(boxes, f"{path}, named object"),
    )


def first_name(names: Any, place: str) -> str:
    """The label of an object, empty if it has none."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{place}: names {names!r}; expected a list of strings")
    return names[0].lower().strip() if names else ""


def most_shown(objects: Objects, count: int) -> list[str]:
    """The `count` names that most images show, the most frequent first."""
    size = len(objects.vocabulary)
    if not 0 < count <= size:
        raise ValueError(f"option labels is {count}; objects.json has {size} names")
    shown = np.unique(objects.rows * size + objects.words) % size  # one entry an image and name
    images = np.bincount(shown, minlength=size)
    order = sorted(range(size), key=lambda word: (-images[word], objects.vocabulary[word]))
    return [objects.vocabulary[word] for word in order[:count]]
