"""A folder for each label, with the label's images in it, at any depth.

With `parts`, a folder for each part comes first: train/cat/1.jpg. One image under the same name in
several labels' folders, byte for byte, shows all of these labels. The images of the folder `none`
show no label.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from labelgraph.files.images import ENDINGS
from labelgraph.files.names import check as check_name
from labelgraph.files.small import sha256
from labelgraph.manifest.manifest import (
    NO,
    YES,
    Manifest,
    no_boxes,
)
from labelgraph.manifest.readers import _parts
from labelgraph.manifest.readers._reading import check_choice

MOST_LABELS = 5000
MOST_BYTES = 1 << 30  # of a picture
Place = tuple[str, str]  # part (empty where parts are drawn), and the path below the label's folder


def read(root: Path, *, parts: list[str] | None, draw: dict | None, none: str | None) -> Manifest:
    """Images in the order of parts and names, labels in alphabetical order."""
    check_choice("parts or draw: one of them, given", (parts is None) + (draw is None), (1,))
    found: dict[Place, list[tuple[str, Path]]] = {}  # the labels' folders with a file of this name
    for part in parts or [""]:
        for label, file in files(root / part):
            below = Path(*file.relative_to(root / part).parts[1:]).as_posix()
            check_name("label", label, str(file))
            check_name("image", below, str(file.parent))
            found.setdefault((part, below), []).append((label, file))
    labels = sorted({label for some in found.values() for label, _ in some} - {none})
    if not labels:
        raise ValueError(f"{root} has no folder with images; a folder for each label is expected")
    if len(labels) > MOST_LABELS:
        raise ValueError(
            f"{root} has {len(labels):,} folders with images, more labels than {MOST_LABELS:,}; a"
            " folder for each label is expected, not one for each image"
        )
    columns = {label: column for column, label in enumerate(labels)}
    rows, codes, sides = [], [], []
    for (part, _), some in found.items():
        for same in copies(some):
            if len(same) > 1 and none in [label for label, _ in same]:
                raise ValueError(
                    f"{same[0][1]} and {same[1][1]} are one picture, which is in the folder"
                    f" {none!r} of those without a label too; remove it from one of the folders"
                )
            code = np.full(len(labels), NO, np.int8)
            code[[columns[label] for label, _ in same if label != none]] = YES
            rows.append(same[0][1].relative_to(root).as_posix())
            codes.append(code)
            sides.append(part)
    shown = np.stack(codes)
    return Manifest(
        images=np.array(rows),
        parts=np.array(sides) if parts else _parts.drawn(shown == YES, draw, None),
        names=tuple(labels),
        labels=shown,
        **no_boxes(),
    )


def files(folder: Path) -> list[tuple[str, Path]]:
    """Label and path of every image; hidden files and folders are left out."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is missing; option parts names folders below the dataset"
        )
    found = []
    for place, names in walked(folder):
        for name in names:
            if name.startswith(".") or Path(name).suffix.lower() not in ENDINGS:
                continue
            label = Path(place, name).relative_to(folder).parts[0]
            if label == name:
                raise ValueError(
                    f"{place}/{name} is in no label's folder; move it into one, or into a folder"
                    " of its own kind that option none names: its images show no label"
                )
            found.append((label, regular(Path(place, name))))
    return found


def regular(path: Path) -> Path:
    """Reading a pipe would wait for ever. A link to nothing is a missing picture, told later."""
    if not path.is_file() and path.exists():
        raise ValueError(f"{path} is a pipe or a device, no picture; remove it")
    return path


def check_size(path: Path) -> None:
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(
            f"{path} has {size:,} bytes, too many for a picture, at most {MOST_BYTES:,};"
            " save it otherwise or remove it"
        )


def walked(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each folder with its files' names, in order. Several labels may share a folder by a link; a
    label has each folder once.
    """
    above: dict[str, tuple[Path, ...]] = {}  # a folder on the way -> it and those that hold it
    first: dict[tuple[str, Path], str] = {}  # label and real folder -> where it was met
    for place, below, names in os.walk(folder, followlinks=True):
        below[:] = sorted(name for name in below if not name.startswith("."))
        real = Path(place).resolve()
        chain = above.get(str(Path(place).parent), ()) if place != str(folder) else ()
        if any(real == other or real in other.parents for other in chain):
            raise ValueError(f"{place} is a link to a folder above it; remove it")
        above[place] = (*chain, real)
        label = (*Path(place).relative_to(folder).parts, "")[0]
        if (before := first.setdefault((label, real), place)) != place:
            raise ValueError(
                f"{place} and {before} are one folder, so its images would count twice for the"
                f" label {label!r}; remove one of the links"
            )
        yield place, sorted(names)


def copies(some: list[tuple[str, Path]]) -> list[list[tuple[str, Path]]]:
    """Files of the same name, grouped by what is in them."""
    if len(some) == 1:
        return [some]
    found: dict[str, list[tuple[str, Path]]] = {}
    for label, file in some:
        check_size(file)
        found.setdefault(sha256(file), []).append((label, file))
    return list(found.values())
