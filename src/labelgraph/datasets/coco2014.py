"""MS-COCO 2014: 82,783 and 40,504 photographs, 80 categories.

`root` holds annotations/instances_<part>.json and a folder of images for each part. 82,081 and
40,137 of the images carry an annotation: `empty_images: drop` keeps these only.
"""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO

from labelgraph.datasets._reading import (
    as_boxes,
    box_fields,
    check_choice,
    pick,
    positions,
    read_entries,
)
from labelgraph.manifest import Manifest, no_boxes

PARTS = ("train2014", "val2014")
ORDERS = {"alphabetical": lambda category: category[1], "id": lambda category: category[0]}


def read(root: Path, *, crowd: str, empty_images: str, boxes: bool, order: str) -> Manifest:
    """Images in file order. With `crowd: drop`, crowd annotations give neither label nor box."""
    check_choice("crowd", crowd, ("keep", "drop"))
    check_choice("empty_images", empty_images, ("keep", "drop"))
    check_choice("boxes", boxes, (True, False))
    check_choice("order", order, ORDERS)
    parts = [
        read_part(root, part, crowd == "keep", empty_images == "keep", order) for part in PARTS
    ]
    if parts[0].names != parts[1].names:
        raise ValueError(
            f"{root}/annotations: the parts differ in their categories; unpack it again"
        )
    first, second = parts
    shifted = second.box_image + np.int32(len(first.images))
    fields = ("images", "parts", "labels", "box_label", "boxes")
    both = {name: np.concatenate([getattr(part, name) for part in parts]) for name in fields}
    both["box_image"] = np.concatenate([first.box_image, shifted])
    return Manifest(names=first.names, **both | ({} if boxes else no_boxes()))


def read_part(root: Path, part: str, crowd: bool, empty_images: bool, order: str) -> Manifest:
    path = root / "annotations" / f"instances_{part}.json"
    index = open_index(path)
    categories = sorted(((c["id"], c["name"]) for c in index.cats.values()), key=ORDERS[order])
    columns = {identity: column for column, (identity, _) in enumerate(categories)}
    rows = {identity: row for row, identity in enumerate(index.imgs)}
    items = index.dataset["annotations"]
    kept = np.array([crowd or not item.get("iscrowd", 0) for item in items], bool)  # (M,)
    box_image = np.array([rows[item["image_id"]] for item in items], np.int32)[kept]
    box_label = np.array([columns[item["category_id"]] for item in items], np.int16)[kept]
    boxes = as_boxes([item["bbox"] for item in items], f"{path}, annotation")[kept]
    labels = np.zeros((len(rows), len(columns)), np.int8)
    labels[box_image, box_label] = 1
    images = np.array([f"{part}/{image['file_name']}" for image in index.imgs.values()])
    stays = labels.any(1) | empty_images  # (N,) every row that has a box stays
    return Manifest(
        images=images[stays],
        parts=np.full(stays.sum(), part),
        names=tuple(name for _, name in categories),
        labels=labels[stays],
        **box_fields((np.cumsum(stays) - 1)[box_image], box_label, boxes),
    )


def open_index(path: Path) -> COCO:
    """The annotation file as pycocotools holds it, after checks that it leaves to its user."""
    index = COCO()
    index.dataset = read_entries(path)
    if not isinstance(index.dataset, dict):
        raise ValueError(f"{path}: found a list, expected images, annotations and categories")
    images = pick(index.dataset.get("images"), ("id", "file_name"), f"{path}, image")
    categories = pick(index.dataset.get("categories"), ("id", "name"), f"{path}, category")
    keys = ("id", "image_id", "category_id", "bbox")
    annotations = pick(index.dataset.get("annotations"), keys, f"{path}, annotation")
    known = positions([identity for identity, _ in images], f"{path}, image")
    positions([file for _, file in images], f"{path}, image")
    columns = positions([identity for identity, _ in categories], f"{path}, category")
    positions([identity for identity, *_ in annotations], f"{path}, annotation")
    for number, (identity, image, category, _) in enumerate(annotations, start=1):
        if image not in known or category not in columns:
            kind, value = ("category", category) if image in known else ("image", image)
            raise ValueError(
                f"{path}, annotation {number} (id {identity}): {kind} {value!r} is not in the file"
            )
    with redirect_stdout(StringIO()):  # createIndex prints its progress
        index.createIndex()
    return index
