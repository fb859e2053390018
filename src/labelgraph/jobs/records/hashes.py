"""Hashes of files, computed again only when a file's size, time or place on disk changes."""

import contextlib
import os
from pathlib import Path
from typing import Any

from labelgraph.files.small import sha256

LARGE = 2**31  # bytes; larger files were checked when they were fetched, so their size is enough


class Hashes:
    """Looks at each file once; later changes are not seen."""

    def __init__(self, known: dict[str, list[Any]]):
        self.known = known  # path -> [size, times, inode], sha256
        self.looked: dict[str, str | None] = {}

    def exists(self, path: str) -> bool:
        return self.content(path) is not None

    def content(self, path: str) -> str | None:
        """The sha256 of a file; null where it does not exist."""
        if path not in self.looked:
            self.looked[path] = self.look(path)
        return self.looked[path]

    def size(self, path: str) -> int:
        return self.known[path][0][0]

    def read_time(self, path: str) -> int:
        """The time of an input for Snakemake: the later one of a link and its target, in ns."""
        return max(self.known[path][0][1:3])

    def write_time(self, path: str) -> int:
        """The time of an output for Snakemake: links are not followed."""
        return self.known[path][0][2]

    def look(self, path: str) -> str | None:
        if not os.path.isfile(path):  # noqa: PTH113  (a Path each costs more)
            self.known.pop(path, None)
            return None
        now, known = identity(path), self.known.get(path)
        if known is None or known[0] != now:
            found = f"size:{now[0]}" if now[0] > LARGE else sha256(Path(path))
            self.known[path] = known = [now, found]
        return known[1]

    def age(self, path: str, nanoseconds: int) -> None:
        """Sets a file's time and keeps its known content."""
        content = self.content(path)
        with contextlib.suppress(PermissionError):  # a link to a file that others own
            os.utime(path, ns=(nanoseconds, nanoseconds))
            os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)
        self.known[path] = [identity(path), content]


def identity(path: str) -> list[int]:
    state, link = os.stat(path), os.lstat(path)  # noqa: PTH116
    return [state.st_size, state.st_mtime_ns, link.st_mtime_ns, state.st_ino]
