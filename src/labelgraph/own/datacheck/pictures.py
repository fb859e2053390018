"""Opens every picture of a dataset once, at reduced size, on all cores."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from labelgraph.files.images import (
    SIDEWAYS,
    TURNS,
    odd_kinds,
    opened,
    orientation,
    to_rgb,
)
from labelgraph.manifest.readers.folders import check_size
from labelgraph.own.datacheck.likeness import Look, look

SMALL = 64  # pixels of the side that a JPEG is decoded to, about
TINY = 32  # pixels of the short side below which little can be seen


class Seen(NamedTuple):
    error: str  # why the file cannot be used; empty if it can
    size: tuple[int, int]  # width and height with the orientation applied
    look: Look | None


def see(paths: Sequence[Path]) -> list[Seen]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(see_one, paths))


def see_one(path: Path) -> Seen:
    if not path.is_file():
        what = "a pipe, a device or a folder, not a file" if path.exists() else "missing"
        return Seen(f"{path} is {what}", (0, 0), None)
    try:
        check_size(path)
        with path.open("rb") as stream, opened(stream, path) as image:
            turned = orientation(image)
            odd_kinds(image, turned)  # as in the manifest's step; may find pages missing
            size = image.size[::-1] if turned in SIDEWAYS else image.size
            image.draft("L", (SMALL, SMALL))  # only for JPEG; the file is still read to its end
            grey = to_rgb(image).convert("L") if image.mode != "L" else image.convert("L")
            grey.thumbnail((4 * SMALL, 4 * SMALL), Image.Resampling.BOX)
            if turned in TURNS:
                grey = grey.transpose(TURNS[turned])
            return Seen("", size, look(grey))
    except (OSError, ValueError) as error:
        return Seen(str(error), (0, 0), None)
