"""The table of downloadable files: workflow/config/sources.yaml as checked, frozen objects."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.files.yaml_reader import read_yaml

EVIDENCE = ("published", "observed", None)


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to try again."""

    attempts: int  # failures in a row, without progress, before the next address
    wait_seconds: float  # before the second attempt; doubles from then on
    longest_wait_seconds: float
    timeout_seconds: float  # silence that counts as a failure


@dataclass(frozen=True)
class Unpacking:
    """Where a file's content goes below the raw folder of its group."""

    into: str  # folder; "" is the raw folder itself
    drop: str  # leading folder of the archive's names that is left out; "" is none
    only: tuple[str, ...]  # patterns of names to unpack; empty unpacks all


@dataclass(frozen=True)
class Source:
    """One downloadable file."""

    name: str
    group: str
    file: str  # name below data/archives
    addresses: tuple[str, ...]  # tried in this order
    bytes: int | None
    checksums: Mapping[str, str]  # algorithm -> digest; empty if none is known
    evidence: str | None  # who vouches for the checksums: published or observed
    licence: str
    note: str
    unpack: Unpacking | None


@dataclass(frozen=True)
class Group:
    """The files that make one raw folder, or that are used as they are."""

    name: str
    title: str
    serves: tuple[str, ...]  # datasets and studies' parts that need this group
    layout: tuple[tuple[str, ...], ...]  # must exist once unpacked; any one path of each entry
    starts: tuple[str, ...]  # how far down the layout a user's unpacked copy may begin
    sources: Mapping[str, Source]


@dataclass(frozen=True)
class Table:
    patience: Patience
    groups: Mapping[str, Group]

    def group(self, name: str) -> Group:
        if name not in self.groups:
            raise ValueError(f"no group {name!r} in the sources; there are {sorted(self.groups)}")
        return self.groups[name]

    def sources(self) -> list[Source]:
        return [source for group in self.groups.values() for source in group.sources.values()]

    def source(self, name: str) -> Source:
        every = {source.name: source for source in self.sources()}
        if name not in every:
            raise ValueError(f"no source {name!r} in the sources; there are {sorted(every)}")
        return every[name]

    def needed(self, dataset: str) -> tuple[Group, ...]:
        """The groups that `dataset` is made from."""
        return tuple(group for group in self.groups.values() if dataset in group.serves)


def read(path: Path) -> Table:
    fields = entry(read_yaml(path), f"{path}", {"transfer", "groups"})
    limits = entry(fields["transfer"], f"{path}: transfer", set(Patience.__dataclass_fields__))
    groups = {
        name: read_group(name, block, f"{path}: groups.{name}")
        for name, block in fields["groups"].items()
    }
    table = Table(Patience(**limits), groups)
    names = [(source.name, source.file) for source in table.sources()]
    for kind, column in zip(("source", "file"), zip(*names, strict=True), strict=True):
        if twice := sorted({item for item in column if column.count(item) > 1}):
            raise ValueError(f"{path}: {kind} {twice[0]!r} is listed twice; give each its own name")
    return table


def local_copies(table: Table, local: dict[str, str]) -> dict[str, str]:
    """Group -> the path of the user's own copy, checked to exist."""
    for name, path in local.items():
        if name not in table.groups:
            raise ValueError(f"local has unknown keys {[name]}; known are {sorted(table.groups)}")
        if not Path(path).expanduser().exists():
            raise FileNotFoundError(
                f"local.{name} is {path}, which does not exist; correct the path"
            )
    return {name: str(Path(path).expanduser()) for name, path in local.items()}


def read_group(name: str, block: Any, place: str) -> Group:
    fields = entry(block, place, {"title", "serves", "layout", "starts", "sources"})
    layout = [[item] if isinstance(item, str) else item for item in fields["layout"]]
    return Group(
        name=name,
        title=fields["title"],
        serves=tuple(fields["serves"]),
        layout=tuple(tuple(item) for item in layout),
        starts=tuple(fields["starts"]),
        sources={
            key: read_source(key, name, part, f"{place}.sources.{key}")
            for key, part in fields["sources"].items()
        },
    )


def read_source(name: str, group: str, block: Any, place: str) -> Source:
    keys = {"file", "addresses", "bytes", "checksums", "evidence", "licence", "unpack"}
    fields = {"note": ""} | entry(block, place, keys, optional={"note"})
    unpack = fields["unpack"]
    if unpack is not None:
        unpack = entry(unpack, f"{place}.unpack", {"into", "drop", "only"})
        unpack = Unpacking(unpack["into"], unpack["drop"], tuple(unpack["only"]))
    changed = {
        "addresses": tuple(fields["addresses"]),
        "checksums": dict(fields["checksums"] or {}),
        "unpack": unpack,
    }
    source = Source(name=name, group=group, **fields | changed)
    if problem := fault(source):
        raise ValueError(f"{place}: {problem}")
    return source


def fault(source: Source) -> str:
    """A sentence about the first mistake in an entry; empty if there is none."""
    lengths = {key: len(digest) for key, digest in source.checksums.items()}
    known = {key: 2 * hashlib.new(key).digest_size for key in ("md5", "sha1", "sha256")}
    strange = [
        address for address in source.addresses if not address.startswith(("http://", "https://"))
    ]
    findings = {
        f"file {source.file!r} must be a plain name": Path(source.file).name != source.file,
        f"address {strange[:1]} must begin with http:// or https://": bool(strange),
        "licence is empty; say what the terms are": not source.licence,
        f"checksums {lengths} must be hexadecimal, with lengths {known}": not lengths.items()
        <= known.items(),
        f"evidence {source.evidence!r} must be one of {EVIDENCE}": source.evidence not in EVIDENCE,
        "evidence must be given for checksums, and only for them": bool(source.checksums)
        != bool(source.evidence),
        "without address, bytes or checksums a note must say why": not source.note
        and not (source.addresses and source.bytes and source.checksums),
    }
    return next((text for text, wrong in findings.items() if wrong), "")


def entry(block: Any, place: str, keys: set[str], optional: set[str] = frozenset()) -> dict:
    """`block` as a mapping that has all of `keys` and nothing beyond them and `optional`."""
    if not isinstance(block, dict):
        raise ValueError(f"{place}: found {type(block).__name__}, expected entries {sorted(keys)}")
    if missing := sorted(keys - block.keys()):
        raise ValueError(f"{place} lacks {missing}; write null where nothing is known")
    if unknown := sorted(block.keys() - keys - optional):
        raise ValueError(f"{place} has unknown keys {unknown}; known are {sorted(keys | optional)}")
    return block
