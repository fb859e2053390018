"""NUS-WIDE: 269,648 Flickr photographs, 81 concepts.

`root` holds ImageList, Groundtruth/AllLabels, Concepts81.txt and the images below Flickr. Files are
joined by line: line n of every label file belongs to the image on line n of Imagelist.txt. Flickr
ids cannot join them, because some occur twice. Of the 161,789 and 107,859 listed images, 125,449
and 83,898 show a concept.
"""

from pathlib import Path

import numpy as np

from labelgraph.manifest.manifest import Manifest, no_boxes
from labelgraph.manifest.readers._reading import (
    check_choice,
    positions,
    present,
    read_lines,
)

LISTS = {"train": "TrainImagelist.txt", "test": "TestImagelist.txt"}
CONCEPTS = ("ConceptsList/Concepts81.txt", "Concepts81.txt", "Groundtruth/Concepts81.txt")


def read(root: Path, *, without_concept: str) -> Manifest:
    """Images in the order of Imagelist.txt; `without_concept` is keep or drop."""
    check_choice("without_concept", without_concept, ("keep", "drop"))
    everything = root / "ImageList" / "Imagelist.txt"
    images = read_images(everything)
    parts = read_parts(everything, images)
    names = read_concepts(root)
    folder = root / "Groundtruth" / "AllLabels"
    columns = [read_labels(folder / f"Labels_{name}.txt", len(images)) for name in names]
    labels = np.stack(columns, axis=1)  # (N, C)
    stays = labels.any(1) | (without_concept == "keep")  # (N,)
    return Manifest(
        images=np.array([f"Flickr/{image}" for image in images])[stays],
        parts=parts[stays],
        names=tuple(names),
        labels=labels[stays],
        **no_boxes(),
    )


def read_images(path: Path) -> list[str]:
    """Lines look like `actor\\0001_2124494179.jpg`, with Windows' separator."""
    images = [line.replace("\\", "/") for line in read_lines(path)]
    for number, image in enumerate(images, start=1):
        folder, _, file = image.partition("/")
        if not (folder and file) or "/" in file:
            raise ValueError(f"{path}, line {number}: {image!r}; expected folder\\file")
    return images


def read_parts(everything: Path, images: list[str]) -> np.ndarray:
    """The part (N,) of each image: every image is in one of the two lists, none in both."""
    rows = positions(images, f"{everything}, line")
    parts = np.full(len(images), "", "<U5")
    for part, file in LISTS.items():
        path = everything.with_name(file)
        for number, image in enumerate(read_images(path), start=1):
            row = rows.get(image)
            if row is None:
                raise ValueError(f"{path}, line {number}: {image!r} is not in {everything}")
            if parts[row]:
                raise ValueError(f"{path}, line {number}: {image!r} is already in {parts[row]}")
            parts[row] = part
    if not parts.all():
        row = int(np.argmin(parts != ""))
        raise ValueError(
            f"{everything}, line {row + 1}: {images[row]!r} is in neither"
            f" {' nor '.join(LISTS.values())}; the three lists must come from one archive"
        )
    return parts


def read_concepts(root: Path) -> list[str]:
    found = [root / file for file in CONCEPTS if (root / file).is_file()]
    path = found[0] if found else present(root / CONCEPTS[0])
    names = read_lines(path)
    positions(names, f"{path}, line")
    if "" in names:
        raise ValueError(f"{path}, line {names.index('') + 1}: empty; expected a concept")
    return names


def read_labels(path: Path, count: int) -> np.ndarray:
    """One 0 or 1 per line, one line per image: (count,)."""
    content = present(path).read_bytes().translate(None, b" \t\r").rstrip(b"\n")
    values = np.array(content.split(b"\n"))
    wrong = np.flatnonzero((values != b"0") & (values != b"1"))
    if len(wrong):
        value = values[wrong[0]].decode(errors="replace")
        raise ValueError(f"{path}, line {wrong[0] + 1}: {value!r}; expected 0 or 1")
    if len(values) != count:
        raise ValueError(f"{path} has {len(values)} lines; Imagelist.txt has {count}")
    return (values == b"1").astype(np.int8)
