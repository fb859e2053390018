"""Unpacks tar, tar.gz and zip archives into a folder and never outside it.

This module writes every member itself, as a plain file or a folder, under a name inside the
folder. A link, a device or a name that leads outside stops the unpacking, so no file can be
written through a link. Owners and modes are not copied.
"""

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any

from labelgraph.fetch import checks
from labelgraph.fetch.progress import Progress, size
from labelgraph.fetch.sources import Unpacking

SMALL = 1 << 30  # bytes that any archive may unpack to
RATIO = 20  # a larger one may unpack to this many times its size; official ones stay below 10
MEMBERS = 2_000_000  # the largest official archive has 269,648 images
HEADER = 4 << 20  # bytes that tarfile may read at once; it keeps headers in memory
DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile),
    *(zlib.error, EOFError, NotImplementedError, UnicodeError),
)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Member:
    name: str
    bytes: int
    stream: IO[bytes] | None  # None for a folder


class Budget:
    """How much an archive may unpack to before it counts as a decompression bomb."""

    def __init__(self, archive: Path):
        self.archive = archive
        self.bytes = max(SMALL, RATIO * archive.stat().st_size)
        self.left, self.members = self.bytes, MEMBERS

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ValueError(
                f"{self.archive} unpacks to more than {size(self.bytes)}, which no official archive"
                " of its size does; fetch it again from a source you trust"
            )

    def take(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise ValueError(
                f"{self.archive} has more than {MEMBERS:,} members, which no official archive does;"
                " fetch it again from a source you trust"
            )


def unpack(archive: Path, folder: Path, unpacking: Unpacking, progress: Progress) -> None:
    """Adds the wanted members of `archive` to `folder`, which must contain no links."""
    budget = Budget(archive)
    read = zip_members if archive.name.endswith(".zip") else tar_members
    try:
        with closing(read(archive, folder, budget)) as members:
            for member in members:
                budget.take()
                place = wanted_place(member.name, archive, unpacking)
                if place is not None:
                    write(member, folder / unpacking.into / place, archive, budget, progress)
    except DAMAGE as error:
        raise ValueError(
            f"{archive} is damaged or cut short ({error}); delete it and fetch it again"
        ) from None


def wanted_place(name: str, archive: Path, unpacking: Unpacking) -> PurePosixPath | None:
    """Where a member goes; None if it is not wanted."""
    place = PurePosixPath(name)
    drive = len(name) > 1 and name[1] == ":"
    if not name or place.is_absolute() or ".." in place.parts or drive or not name.isprintable():
        raise ValueError(
            f"{archive} holds {name!r}, a name that leads out of its folder or is not a file name;"
            " nothing was unpacked; fetch it again from a source you trust"
        )
    if unpacking.drop and place.is_relative_to(unpacking.drop):
        place = place.relative_to(unpacking.drop)
    wanted = not unpacking.only or any(fnmatchcase(str(place), item) for item in unpacking.only)
    return place if wanted else None


def write(member: Member, target: Path, archive: Path, budget: Budget, progress: Progress) -> None:
    try:
        if member.stream is None:
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            copied = copy(member.stream, stream, budget, progress)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise ValueError(f"{archive}: {member.name!r} is both a file and a folder") from None
    except OSError as error:
        if error.errno in checks.FULL:
            raise checks.no_room(target.parent, f"{archive.name} was being unpacked") from None
        raise
    if copied != member.bytes:
        raise EOFError(f"{member.name}: {copied:,} of {member.bytes:,} bytes")


def copy(source: IO[bytes], target: IO[bytes], budget: Budget, progress: Progress) -> int:
    copied = 0
    while block := source.read(checks.BLOCK):
        budget.spend(len(block))
        target.write(block)
        copied += len(block)
        progress.add(len(block))
    return copied


def refuse(archive: Path, name: str, kind: str) -> ValueError:
    return ValueError(
        f"{archive} holds {name!r}, {kind}; official archives have plain files and folders only;"
        " nothing was unpacked; fetch it again from a source you trust"
    )


def zip_members(archive: Path, folder: Path, budget: Budget) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as content:
        infos = content.infolist()
        total = sum(info.file_size for info in infos)
        if total > budget.bytes:
            budget.spend(total)
        checks.check_room(folder, total)
        for info in infos:
            name = info.filename.replace("\\", "/")  # some zips from Windows use its separator
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refuse(archive, name, "a link or a special file")
            if info.flag_bits & 1 or info.compress_type not in METHODS:
                raise refuse(archive, name, "encrypted or packed in an unusual way")
            if name.endswith("/"):
                yield Member(name, 0, None)
                continue
            with content.open(info) as stream:
                yield Member(name, info.file_size, stream)


def tar_members(archive: Path, folder: Path, budget: Budget) -> Iterator[Member]:
    checks.check_room(folder, archive.stat().st_size)
    opener = open if archive.name.endswith(".tar") else gzip.open
    with opener(archive, "rb") as stream:
        raw = Remembering(stream)
        with tarfile.open(fileobj=raw, mode="r:") as content:
            while info := content.next():
                content.members.clear()  # tarfile would keep 100,000 of them in memory
                yield tar_member(content, info, archive, budget)
            if raw.last.strip(b"\0") or len(raw.last) < tarfile.BLOCKSIZE:
                raise EOFError("the end of the archive is missing")


def tar_member(
    content: tarfile.TarFile, info: tarfile.TarInfo, archive: Path, budget: Budget
) -> Member:
    if not (info.isdir() or info.isreg()) or info.issparse():
        raise refuse(archive, info.name, "a link or a special file")
    if info.size > budget.left:
        budget.spend(info.size)
    return Member(info.name, info.size, content.extractfile(info) if info.isreg() else None)


class Remembering:
    """A stream that keeps the last bytes read: a complete tar ends with a header of zeros."""

    def __init__(self, stream: IO[bytes]):
        self.stream, self.last = stream, b""

    def read(self, count: int) -> bytes:
        if count > HEADER:
            raise tarfile.ReadError(f"a header of {count:,} bytes")
        self.last = self.stream.read(count)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
