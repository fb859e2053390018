"""PASCAL VOC 2007: 9,963 photographs, 20 classes.

Labels come from `ImageSets/Main/<class>_<part>.txt`; the XML files give boxes only. `root` holds
VOCdevkit/VOC2007, or is one of these two folders.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from labelgraph.datasets._reading import (
    as_boxes,
    box_fields,
    check_choice,
    positions,
    present,
    read_lines,
)
from labelgraph.manifest import DIFFICULT, NO, UNKNOWN, YES, Manifest, no_boxes

NAMES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
PARTS = ("trainval", "test")
EDGES = ("xmin", "ymin", "xmax", "ymax")
MEANING = {"1": YES, "-1": NO, "0": DIFFICULT}  # the archive's code -> ours


def read(root: Path, *, boxes: bool) -> Manifest:
    """Images in list order, `trainval` first. `boxes` are those of all objects, difficult too."""
    check_choice("boxes", boxes, (True, False))
    folder = find_folder(root)
    lists = {part: folder / "ImageSets" / "Main" / f"{part}.txt" for part in PARTS}
    ids = {part: read_lines(path) for part, path in lists.items()}
    for part in PARTS:
        positions(ids[part], f"{lists[part]}, line")
    if both := set(ids["trainval"]) & set(ids["test"]):
        raise ValueError(f"{lists['test']}: image {min(both)!r} is in {lists['trainval']} too")
    everything = [image for part in PARTS for image in ids[part]]
    below = folder.relative_to(root)
    return Manifest(
        images=np.array(
            [(below / "JPEGImages" / f"{image}.jpg").as_posix() for image in everything]
        ),
        parts=np.repeat(PARTS, [len(ids[part]) for part in PARTS]),
        names=NAMES,
        labels=np.concatenate([read_part(lists[part], ids[part]) for part in PARTS]),
        **(read_boxes(folder / "Annotations", everything) if boxes else no_boxes()),
    )


def find_folder(root: Path) -> Path:
    for folder in (root / "VOCdevkit" / "VOC2007", root / "VOC2007", root):
        if (folder / "ImageSets").is_dir():
            return folder
    raise FileNotFoundError(
        f"{root} holds no VOCdevkit/VOC2007/ImageSets; unpack both archives there"
    )


def read_part(path: Path, ids: list[str]) -> np.ndarray:
    """Labels (images, 20) of the part that `path` lists."""
    classes = [path.with_name(f"{name}_{path.stem}.txt") for name in NAMES]
    return np.stack([read_class(file, path, ids) for file in classes], axis=1)


def read_class(path: Path, listing: Path, ids: list[str]) -> np.ndarray:
    """Labels (images,) of one class. Lines look like `000012 -1`."""
    rows = {image: row for row, image in enumerate(ids)}
    labels = np.full(len(ids), UNKNOWN, np.int8)
    for number, line in enumerate(read_lines(path), start=1):
        image, code = (*line.split(), "", "")[:2]
        if code not in MEANING or len(line.split()) != 2:
            raise ValueError(
                f"{path}, line {number}: {line!r}; expected an image id and -1, 0 or 1"
            )
        if image not in rows:
            raise ValueError(f"{path}, line {number}: image {image!r} is not in {listing}")
        if labels[rows[image]] != UNKNOWN:
            raise ValueError(f"{path}, line {number}: image {image!r} is listed twice")
        labels[rows[image]] = MEANING[code]
    if (labels == UNKNOWN).any():
        image = ids[int(np.argmax(labels == UNKNOWN))]
        raise ValueError(f"{path} has no line for image {image!r} of {listing}; unpack it again")
    return labels


def read_boxes(folder: Path, ids: list[str]) -> dict[str, np.ndarray]:
    rows, columns, boxes = [], [], []
    for row, image in enumerate(ids):
        for column, box in read_objects(folder / f"{image}.xml"):
            rows.append(row)
            columns.append(column)
            boxes.append(box)
    return box_fields(rows, columns, as_boxes(boxes, f"{folder}, object"))


def read_objects(path: Path) -> list[tuple[int, tuple[float, ...]]]:
    """Column and box of every object. Only direct children count: body parts are nested deeper."""
    try:
        tree = ElementTree.parse(present(path))
    except ElementTree.ParseError as error:
        raise ValueError(f"{path}, line {error.position[0]}: not XML: {error}") from None
    objects = []
    for number, item in enumerate(tree.getroot().findall("object"), start=1):
        name = item.findtext("name", "").strip()
        if name not in NAMES:
            raise ValueError(f"{path}, object {number}: class {name!r} is not one of VOC's {NAMES}")
        try:
            edges = (float(item.findtext(f"bndbox/{edge}")) for edge in EDGES)
            left, top, right, bottom = edges
        except (TypeError, ValueError):
            raise ValueError(
                f"{path}, object {number}: expected numbers {EDGES} in bndbox"
            ) from None
        # VOC counts pixels from 1 and includes the last one
        objects.append((NAMES.index(name), (left - 1, top - 1, right - left + 1, bottom - top + 1)))
    return objects
