"""Picture files that people name: which they are, and reading them while the network works.

A file that cannot be used is a sentence in its place; the others are not held up.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.images import ENDINGS, read_image

READERS = 2  # threads
BATCH = 16  # pictures that go through the network together
Read = tuple[Path, Any]  # a file and what was made of it, or a sentence on why nothing was


def collect(named: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Files as named, and those below a folder whose ending is a picture's; remarks on the rest."""
    files: list[Path] = []
    remarks = []
    for path in named:
        if not path.is_dir():
            files.append(path)
            continue
        found = below(path)
        pictures = [file for file in found if file.suffix.lower() in ENDINGS]
        if not pictures:
            remarks.append(f"{path} holds no file that ends in {', '.join(ENDINGS)}")
        elif others := len(found) - len(pictures):
            remarks.append(f"{path}: {others} files that are no pictures are passed over")
        files += pictures
    return files, remarks


def below(folder: Path) -> list[Path]:
    """All files in order of names, without hidden ones; links to folders are not followed."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
    return found


def read(files: Sequence[Path], see: Callable[[np.ndarray], Any]) -> Iterator[list[Read]]:
    """Groups of at most BATCH, in order; `see` is called in a thread, and its answer is kept."""

    def one(path: Path) -> Read:
        try:
            return path, see(open_picture(path))
        except OSError as error:
            return path, str(error)

    with ThreadPoolExecutor(READERS) as pool:
        waiting: list[Any] = []
        for start in range(0, len(files) + BATCH, BATCH):
            ready, waiting = waiting, [pool.submit(one, p) for p in files[start : start + BATCH]]
            if ready:
                yield [future.result() for future in ready]


def open_picture(path: Path) -> np.ndarray:
    """Whatever is wrong is an OSError whose text names the file."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if not path.is_file():  # reading a pipe would wait for ever
        raise OSError(f"{path} is not a file")
    try:
        return read_image(path)
    except PermissionError:
        raise OSError(f"{path} may not be read: permission is missing") from None
