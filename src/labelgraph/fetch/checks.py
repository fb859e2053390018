"""Checks of a downloaded file (kind, size, checksums) and of the free space on the disk."""

import errno
import fcntl
import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from labelgraph.fetch.progress import size
from labelgraph.fetch.sources import Source

BLOCK = 1 << 20  # bytes read at a time
START = 1024  # bytes that show what kind of file it is
FULL = (errno.ENOSPC, errno.EDQUOT)
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")
PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml")
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with members, without


def check(path: Path, source: Source) -> str:
    """A sentence that says what was verified; ValueError for a wrong file."""
    with path.open("rb") as stream:
        check_start(stream.read(START), source)
    found = path.stat().st_size
    if source.bytes is not None and found != source.bytes:
        kind = "truncated" if found < source.bytes else "too long"
        raise ValueError(f"{found:,} bytes, expected {source.bytes:,}: {kind}, or another file")
    for name, expected in source.checksums.items():
        if (digest := digest_of(path, name)) != expected:
            raise ValueError(f"{name} is {digest}, expected {expected}: damaged, or another file")
    good = ["size"] * (source.bytes is not None) + list(source.checksums)
    if source.checksums:
        return f"{' and '.join(good)} verified"
    return f"{'only its size' if good else 'nothing'} could be verified: no checksum is known"


def check_copy(path: Path, source: Source) -> str:
    """The same for a copy that the user has; it stays where it is."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; expected a copy of {source.file} there")
    try:
        return check(path, source)
    except ValueError as error:
        raise ValueError(f"{path} is not {source.name}: {error}; replace it") from None


def digest_of(path: Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        make = partial(hashlib.new, algorithm, usedforsecurity=False)
        return hashlib.file_digest(stream, make).hexdigest()


def check_start(start: bytes, source: Source) -> None:
    """ValueError if a file that begins with `start` cannot be what its name says."""
    kind = next((end for end in ARCHIVES if source.file.endswith(end)), "")
    wanted = f"a {kind.lstrip('.')} archive" if kind else source.file
    text = start[:START].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(PAGES):
        raise ValueError(f"a web page, probably a login or error page, instead of {wanted}")
    fits = {
        ".zip": start.startswith(ZIP),
        ".tar": len(start) < tarfile.BLOCKSIZE or is_tar(start),
        ".tar.gz": start.startswith(b"\x1f\x8b"),
        ".tgz": start.startswith(b"\x1f\x8b"),
    }
    if not fits.get(kind, True):
        raise ValueError(f"not {wanted}: it begins with {start[:8]!r}")


def is_tar(start: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(start[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise no_room(folder, f"{size(needed)} are needed and {size(free)} are free")


def no_room(folder: Path, text: str) -> OSError:
    error = OSError(f"no space left in {folder}: {text}; make room and run this again")
    error.errno = errno.ENOSPC
    return error


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lets in one process at a time. However it ends, the system releases its lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
