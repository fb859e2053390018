"""Hashes of files, computed again only when a file's size, time or place on disk changes."""

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from labelgraph.files.small import sha256

LARGE = 2**31  # bytes; larger files were checked when they were fetched, so their size is enough
# A run's account also says when and where it ran. Two runs that differ in nothing else have the
# same records.
ACCOUNT = "provenance.json"
CIRCUMSTANCES = {"git", "hardware", "wall_seconds", "cpu_seconds", "peak_mb", "processes"}


class Hashes:
    """Looks at each file once; later changes are not seen."""

    def __init__(self, known: dict[str, list[Any]]):
        self.known = known  # path -> [size, times, inode], sha256 of the bytes, of the content
        self.looked: dict[str, list[str] | None] = {}

    def exists(self, path: str) -> bool:
        return self.both(path) is not None

    def bytes(self, path: str) -> str | None:
        """The sha256 of a file; null where it does not exist."""
        both = self.both(path)
        return both and both[0]

    def content(self, path: str) -> str | None:
        """The same, but without the circumstances in the account of a run."""
        both = self.both(path)
        return both and both[1]

    def size(self, path: str) -> int:
        return self.known[path][0][0]

    def read_time(self, path: str) -> int:
        """The time of an input for Snakemake: the later one of a link and its target, in ns."""
        return max(self.known[path][0][1:3])

    def write_time(self, path: str) -> int:
        """The time of an output for Snakemake: links are not followed."""
        return self.known[path][0][2]

    def both(self, path: str) -> list[str] | None:
        if path not in self.looked:
            self.looked[path] = self.look(path)
        return self.looked[path]

    def look(self, path: str) -> list[str] | None:
        if not os.path.isfile(path):  # noqa: PTH113  (a Path each costs more)
            self.known.pop(path, None)
            return None
        now, known = identity(path), self.known.get(path)
        if known is None or known[0] != now:
            found = f"size:{now[0]}" if now[0] > LARGE else sha256(Path(path))
            self.known[path] = known = [now, found, account(path) or found]
        return known[1:]

    def age(self, path: str, nanoseconds: int) -> None:
        """Sets a file's time and keeps its known content."""
        content = self.both(path)
        with contextlib.suppress(PermissionError):  # a link to a file that others own
            os.utime(path, ns=(nanoseconds, nanoseconds))
            os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)
        self.known[path] = [identity(path), *content]


def identity(path: str) -> list[int]:
    state, link = os.stat(path), os.lstat(path)  # noqa: PTH116
    return [state.st_size, state.st_mtime_ns, link.st_mtime_ns, state.st_ino]


def is_account(path: str) -> bool:
    return path.endswith(f"/{ACCOUNT}")


def account(path: str) -> str | None:
    """The sha256 of an account without the circumstances; null for other files."""
    if not is_account(path):
        return None
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
        kept = {key: value for key, value in told.items() if key not in CIRCUMSTANCES}
    except (ValueError, AttributeError):
        return None
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
