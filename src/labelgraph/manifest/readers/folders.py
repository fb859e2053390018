"""A folder for each label, with the label's images in it, at any depth.

With `parts`, a folder for each part comes first: train/cat/1.jpg. A file that is in the folders of
several labels, with the same name and content, is one image with all of these labels. The images of
the folder `none` show no label.
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
from labelgraph.manifest.readers._reading import check_parts

MOST_LABELS = 5000
MOST_BYTES = 1 << 30  # of a picture
Place = tuple[str, str]  # part (empty where parts are drawn), and the path below the label's folder


def read(root: Path, *, parts: list[str] | None, draw: dict | None, none: str | None) -> Manifest:
    """Images in the order of parts and names, labels in alphabetical order."""
    check_parts(parts=parts, draw=draw)
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
                    f"{same[0][1]} and {same[1][1]} are the same image, and the folder {none!r} is"
                    " for images without a label; remove one of them"
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
                    f"{place}/{name} is not in a label's folder; move it into one or, if it shows"
                    " no label, into a folder that option none names"
                )
            found.append((label, regular(Path(place, name))))
    return found


def regular(path: Path) -> Path:
    """Refuses pipes, which block reading. A dangling link is reported later, as a missing image."""
    if not path.is_file() and path.exists():
        raise ValueError(f"{path} is a pipe or a device, not an image; remove it")
    return path


def check_size(path: Path) -> None:
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(
            f"{path} has {size:,} bytes; an image may have at most {MOST_BYTES:,}; make it smaller"
            " or remove it"
        )


def walked(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each folder with its file names, in order.

    Several labels may share a folder through links, but a label may have each folder only once.
    """
    above: dict[str, tuple[Path, ...]] = {}  # each folder -> itself and the folders above it
    first: dict[tuple[str, Path], str] = {}  # label and real folder -> its first path
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
                f"{place} and {before} are the same folder, so images would count twice for the"
                f" label {label!r}; remove one of the links"
            )
        yield place, sorted(names)


def copies(some: list[tuple[str, Path]]) -> list[list[tuple[str, Path]]]:
    """Files of the same name, grouped by content."""
    if len(some) == 1:
        return [some]
    found: dict[str, list[tuple[str, Path]]] = {}
    for label, file in some:
        check_size(file)
        found.setdefault(sha256(file), []).append((label, file))
    return list(found.values())
