"""Images and boxes in COCO's JSON: `images`, `annotations` and `categories`, in one file or more.

`annotations` is a file for each part, {train: train.json, test: test.json}, or one file, from
which parts are drawn. `images` is the folder of the image files; `{part}` in it is replaced by the
part. Boxes are kept as they are in the file: training clips them to the image and leaves out those
without area.
"""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO

from labelgraph.files.names import check as check_name
from labelgraph.manifest.manifest import YES, Manifest, no_boxes
from labelgraph.manifest.readers import _parts
from labelgraph.manifest.readers._reading import (
    as_boxes,
    below,
    box_fields,
    check_choice,
    check_column,
    pick,
    positions,
    read_entries,
)

MOST = int(np.iinfo(np.int16).max) + 1  # categories: a manifest has 16 bits for a box's label
ORDERS = {"alphabetical": lambda category: category[1], "id": lambda category: category[0]}


def read(
    root: Path,
    *,
    annotations: dict[str, str] | str,
    images: str,
    draw: dict | None,
    crowd: str,
    empty_images: str,
    boxes: bool,
    order: str,
    outside: bool,
) -> Manifest:
    """Images in file order. With `crowd: drop`, crowd annotations give neither label nor box."""
    check_choice("crowd", crowd, ("keep", "drop"))
    check_choice("empty_images", empty_images, ("keep", "drop"))
    check_choice("boxes", boxes, (True, False))
    check_choice("order", order, ORDERS)
    check_choice("outside", outside, (True, False))
    several = isinstance(annotations, dict)
    if several != (draw is None):
        raise ValueError(
            f"option draw is {draw!r}; set it with one file of annotations, not with several"
        )
    files = annotations if several else {"": annotations}
    keep = crowd == "keep", empty_images == "keep"
    found = [
        read_part(root / file, part, images.replace("{part}", part), keep, boxes, order, outside)
        for part, file in files.items()
    ]
    if any(other.names != found[0].names for other in found):
        raise ValueError(
            f"{root}: the parts differ in their categories; fetch {[*files.values()]} again"
        )
    whole = joined(found)
    if draw:
        parts = _parts.drawn(whole.labels == YES, draw, None)
        whole = Manifest(**{**vars(whole), "parts": parts})
    return whole


def joined(parts: list[Manifest]) -> Manifest:
    fields = ("images", "parts", "labels", "box_label", "boxes")
    all_of_it = {name: np.concatenate([getattr(part, name) for part in parts]) for name in fields}
    before = np.cumsum([0, *(len(part.images) for part in parts)])
    shifted = [
        part.box_image + np.int32(start) for part, start in zip(parts, before[:-1], strict=True)
    ]
    return Manifest(names=parts[0].names, **all_of_it, box_image=np.concatenate(shifted))


def read_part(
    path: Path,
    part: str,
    folder: str,
    keep: tuple[bool, bool],
    boxes: bool,
    order: str,
    outside: bool,
) -> Manifest:
    """`keep`: whether to keep crowd annotations, and images without annotations."""
    index = open_index(path, boxes)
    categories = sorted(((c["id"], c["name"]) for c in index.cats.values()), key=ORDERS[order])
    if len(categories) > MOST:
        raise ValueError(f"{path}: {len(categories):,} categories; at most {MOST:,} can be read")
    columns = {identity: column for column, (identity, _) in enumerate(categories)}
    rows = {identity: row for row, identity in enumerate(index.imgs)}
    items = index.dataset["annotations"]
    kept = np.array([keep[0] or not item.get("iscrowd", 0) for item in items], bool)  # (M,)
    image = np.array([rows[item["image_id"]] for item in items], np.int32)[kept]
    label = np.array([columns[item["category_id"]] for item in items], np.int16)[kept]
    labels = np.zeros((len(rows), len(columns)), np.int8)
    labels[image, label] = YES
    paths = [
        below(folder, entry["file_name"], "", outside, f"{path}, image {number}")
        for number, entry in enumerate(index.imgs.values(), start=1)
    ]
    stays = labels.any(1) | keep[1]  # (N,) every row that has a box stays
    fields = no_boxes()
    if boxes:
        edges = as_boxes([item["bbox"] for item in items], f"{path}, annotation")[kept]
        fields = box_fields((np.cumsum(stays) - 1)[image], label, edges)
    return Manifest(
        images=np.array(paths)[stays],
        parts=np.full(stays.sum(), part),
        names=tuple(name for _, name in categories),
        labels=labels[stays],
        **fields,
    )


def open_index(path: Path, boxes: bool) -> COCO:
    """The annotation file as pycocotools reads it, after checks that pycocotools does not make."""
    index = COCO()
    index.dataset = read_entries(path)
    if not isinstance(index.dataset, dict):
        raise ValueError(f"{path}: found a list, expected images, annotations and categories")
    images = pick(index.dataset.get("images"), ("id", "file_name"), f"{path}, image")
    categories = pick(index.dataset.get("categories"), ("id", "name"), f"{path}, category")
    keys = ("id", "image_id", "category_id", *(["bbox"] if boxes else []))
    annotations = pick(index.dataset.get("annotations"), keys, f"{path}, annotation")
    check_column([file for _, file in images], str, f"{path}, image: file_name")
    check_column([name for _, name in categories], str, f"{path}, category: name")
    for number, (_, name) in enumerate(categories, start=1):
        check_name("label", name, f"{path}, category {number}")
    for what, entries in (("image", images), ("category", categories)):
        check_column([entry[0] for entry in entries], (int, str), f"{path}, {what}: id")
    check_column([identity for identity, *_ in annotations], (int, str), f"{path}, annotation: id")
    for place in (1, 2):
        check_column(
            [entry[place] for entry in annotations],
            (int, str),
            f"{path}, annotation: {keys[place]}",
        )
    known = positions([identity for identity, _ in images], f"{path}, image")
    positions([file for _, file in images], f"{path}, image")
    columns = positions([identity for identity, _ in categories], f"{path}, category")
    positions([name for _, name in categories], f"{path}, category")
    positions([identity for identity, *_ in annotations], f"{path}, annotation")
    for number, (identity, image, category, *_) in enumerate(annotations, start=1):
        if image not in known or category not in columns:
            kind, value = ("category", category) if image in known else ("image", image)
            raise ValueError(
                f"{path}, annotation {number} (id {identity}): {kind} {value!r} is not in the file"
            )
    with redirect_stdout(StringIO()):  # createIndex prints its progress
        index.createIndex()
    return index
