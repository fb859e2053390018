"""Picture files given on the command line: listing them, and reading them in the background.

For a file that cannot be used a sentence takes its place; the others go on.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.images import ENDINGS, read_image
from labelgraph.files.plurals import counted

READERS = 2  # threads that decode
BATCH = 16  # pictures that go through the network together
Read = tuple[Path, Any]  # a file and what was made from it, or why it cannot be used


def collect(named: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The named files, and in folders all files with a picture's ending; remarks on the rest."""
    files: list[Path] = []
    remarks = []
    for path in named:
        if not path.is_dir():
            files.append(path)
            continue
        found = below(path)
        pictures = [file for file in found if file.suffix.lower() in ENDINGS]
        if not pictures:
            remarks.append(f"{path} has no file that ends in {', '.join(ENDINGS)}")
        elif others := len(found) - len(pictures):
            kind = counted(others, "file that is not a picture", "files that are not pictures")
            remarks.append(f"{path}: skipped {kind}")
        files += pictures
    return files, remarks


def below(folder: Path) -> list[Path]:
    """All files but hidden ones, sorted by name; links to folders are not followed."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
    return found


def read(files: Sequence[Path], see: Callable[[np.ndarray], Any]) -> Iterator[list[Read]]:
    """Groups of at most BATCH, in order; `see` runs in a thread, and only its result is kept."""

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
    """Raises OSError with the file's name if anything is wrong."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if not path.is_file():  # reading a pipe would wait for ever
        raise OSError(f"{path} is not a file but a pipe or a device")
    try:
        return read_image(path)
    except PermissionError:
        raise OSError(f"{path} cannot be read: permission denied") from None
