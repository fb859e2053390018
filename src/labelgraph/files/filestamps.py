"""Sizes and modification times of files, which show whether a file was written again."""

from collections.abc import Iterator
from os import walk
from pathlib import Path


def stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Skips hidden files, follows a link to a folder once, and never one to a folder above."""
    seen, above = set(), {*folder.resolve().parents}
    for place, below, names in walk(folder, followlinks=True):
        real = Path(place).resolve()
        if real in above:
            below[:] = []
            continue
        below[:] = [] if real in seen else [n for n in below if not n.startswith(".")]
        seen.add(real)
        for name in names:
            path = Path(place, name)
            if not name.startswith(".") and path.is_file():
                found = path.stat()
                yield path.relative_to(folder).as_posix(), found.st_size, found.st_mtime_ns


def stamp(file: Path) -> str:
    """Changes when the file is written."""
    found = file.stat()
    return f"{found.st_size}-{found.st_mtime_ns}"
