"""Builds a raw folder from all files of a group, or from a copy that the user already has.

The folder is built under a temporary name beside its place and then renamed, so it is never
incomplete. Its index lists every file that a reader may open.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from labelgraph.fetch import archives, checks
from labelgraph.fetch.progress import Progress
from labelgraph.fetch.sources import Group, Source
from labelgraph.files.small import draft_of


@dataclass(frozen=True)
class Copy:
    """What was found at a user's path: files to unpack, or a folder to link."""

    files: tuple[Path, ...]
    folder: Path | None
    start: str  # the place of `folder` in the layout


def locate(path: Path, group: Group) -> Copy:
    """Looks for the group's files in `path`, or beside it if `path` is one of them."""
    if not path.exists():
        raise FileNotFoundError(
            f"local.{group.name} is {path}, which does not exist; correct the path"
        )
    folder = path if path.is_dir() else path.parent
    sources = [source for source in group.sources.values() if source.unpack]
    files = [folder / source.file for source in sources]
    absent = [file.name for file in files if not file.is_file()]
    one_of_them = path.is_dir() or path in files
    if files and one_of_them and not absent:
        return Copy(tuple(files), None, "")
    for start in group.starts if path.is_dir() else ():
        if not missing(group, path, start):
            return Copy((), path.resolve(), start)
    found = ", ".join(sorted(item.name for item in folder.iterdir())[:5]) or "nothing"
    raise FileNotFoundError(
        f"local.{group.name} is {path}, which has neither the files {', '.join(absent)} nor the"
        f" unpacked {', '.join(missing(group, path, group.starts[0])[:3])}; found there: {found}"
    )


def missing(group: Group, folder: Path, start: str) -> list[str]:
    """The paths of the layout that are missing if `folder` is its subfolder `start`."""
    return [
        " or ".join(choices)
        for choices in group.layout
        if not any(holds_something(folder, choice, start) for choice in choices)
    ]


def holds_something(folder: Path, choice: str, start: str) -> bool:
    place = PurePosixPath(choice)
    if not place.is_relative_to(start):
        return False
    path = folder / place.relative_to(start)
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def adopt(group: Group, path: Path, folder: Path, progress: Progress) -> None:
    """Makes `folder` from the user's copy: links an unpacked one, checks and unpacks archives."""
    copy = locate(path, group)
    if copy.folder:
        link(copy, folder)
        return
    by_name = {source.file: source for source in group.sources.values()}
    for file in copy.files:  # downloads were checked when they arrived, these were not
        progress.say(f"{file.name}: {checks.check_copy(file, by_name[file.name])}")
    assemble(group, copy.files, folder, progress)


def assemble(group: Group, files: Iterable[Path], folder: Path, progress: Progress) -> None:
    """Unpacks `files`, one for each source of the group, into `folder`."""
    sources = [source for source in group.sources.values() if source.unpack]
    names = {file.name: file for file in files}
    expected = {source.file for source in sources}
    if not sources or names.keys() != expected:
        raise ValueError(
            f"{group.name} is made from {sorted(expected) or 'no archives'}; found {sorted(names)}"
        )
    draft = begin(folder)
    try:
        draft.mkdir(parents=True)
        progress.begin(0, None)
        for source in sources:
            add(source, names[source.file], draft, progress)
        if absent := missing(group, draft, ""):
            raise ValueError(
                f"the files of {group.name} do not contain {', '.join(absent[:3])}; compare them"
                " with the table of sources"
            )
        swap(draft, folder)
    finally:
        remove(draft)


def add(source: Source, file: Path, draft: Path, progress: Progress) -> None:
    progress.say(f"unpacking {file.name}")
    if file.name.endswith(checks.ARCHIVES):
        archives.unpack(file, draft, source.unpack, progress)
        return
    checks.check_room(draft, file.stat().st_size)
    place = draft / source.unpack.into
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place / file.name)


def link(copy: Copy, folder: Path) -> None:
    """Makes `folder` link to the user's unpacked copy, which stays unchanged."""
    here = folder.parent.resolve() / folder.name
    if here == copy.folder or here in copy.folder.parents:
        raise ValueError(f"{copy.folder} is inside {here}, which the link replaces; move it")
    draft = begin(folder)
    try:
        place = draft / copy.start
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(copy.folder, target_is_directory=True)
        swap(draft, folder)
    finally:
        remove(draft)


def begin(folder: Path) -> Path:
    """A temporary name for `folder`; removes what killed attempts left behind."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    killed = re.compile(rf"\.{re.escape(folder.name)}(\.old)?\.\d+\.draft")
    for path in folder.parent.iterdir():
        if killed.fullmatch(path.name):
            remove(path)
    return draft_of(folder)


def swap(draft: Path, folder: Path) -> None:
    old = draft_of(folder.with_name(f"{folder.name}.old"))
    if folder.is_symlink() or folder.exists():
        folder.rename(old)
    draft.rename(folder)
    remove(old)


def remove(path: Path) -> None:
    """Removes a link without its target."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def index(group: Group, folder: Path) -> dict:
    """Names and sizes of the files in the layout: the same for a copy as for a download."""
    listing: dict[str, int] = {}
    for choices in group.layout:
        choice = next(item for item in choices if holds_something(folder, item, ""))
        path = folder / choice
        listing |= {choice: path.stat().st_size} if path.is_file() else dict(walk(path, choice))
    listing = dict(sorted(listing.items()))
    lines = "".join(f"{name}\t{count}\n" for name, count in listing.items())
    return {
        "dataset": group.name,
        "files": len(listing),
        "bytes": sum(listing.values()),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),  # over lines `name TAB bytes`
        "listing": listing,
    }


def walk(folder: Path, name: str, above: frozenset[str] = frozenset()) -> Iterator[tuple[str, int]]:
    """Files below `folder`, following links and skipping hidden files."""
    real = os.path.realpath(folder)
    if real in above:
        raise ValueError(f"{folder} is a link to a folder above it; remove it")
    with os.scandir(folder) as items:
        for item in items:
            place = f"{name}/{item.name}"
            if item.is_dir():
                yield from walk(Path(item.path), place, above | {real})
            elif not item.name.startswith("."):
                yield place, item.stat().st_size
