"""A partly downloaded file, with notes on which file it belongs to."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.fetch.checks import BLOCK, FULL, no_room
from labelgraph.files.small import read_json, write_json


@dataclass(frozen=True)
class Part:
    path: Path

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def notes(self) -> dict[str, Any]:
        """`address`, `validator` and `total` of the download; empty without notes."""
        try:
            return read_json(self.path.with_suffix(".json"))
        except (FileNotFoundError, ValueError):
            return {}

    def total(self) -> int | None:
        return self.notes().get("total")

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".json").unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        self.path.replace(target)
        self.drop()

    def complete(self, expected: int | None) -> bool:
        """Whether all bytes are there: an earlier process may have ended just before the check."""
        total = self.total() if expected is None else expected
        return total is not None and self.size() == total

    def range_headers(self, address: str, *, any_mirror: bool) -> dict[str, str]:
        """Headers that ask for the rest if it is surely of the same file; else drops the part."""
        notes, size = self.notes(), self.size()
        same = notes.get("address") == address
        validator = notes.get("validator") if same else None
        if not size or not notes or not (validator or any_mirror):
            self.drop()
            return {}
        return {"Range": f"bytes={size}-"} | ({"If-Range": validator} if validator else {})

    def accept(self, response: Any, address: str) -> None:
        """Prepares for a response that continues the part, or starts over with a whole file."""
        notes, size = self.notes(), self.size()
        if response.status == 200:
            self.drop()
            length = response.headers.get("Content-Length")
            fresh = {
                "address": address,
                "validator": validator_of(response),
                "total": int(length) if length else None,
            }
            write_json(self.path.with_suffix(".json"), fresh)
            return
        span = re.match(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        offered = (validator_of(response), notes.get("validator"))
        other = notes.get("address") == address and None not in offered and len(set(offered)) > 1
        totals = {notes.get("total"), int(span[2]) if span and span[2] != "*" else None} - {None}
        if response.status != 206 or not span or int(span[1]) != size or other or len(totals) > 1:
            self.drop()
            raise ConnectionError("the server does not continue the same file; starting over")
        write_json(self.path.with_suffix(".json"), notes | {"total": max(totals, default=None)})

    def append(
        self, begin: bytes, response: Any, watch: Callable[[int], None], *, limit: int | None
    ) -> None:
        """Writes `begin` and what follows it; more than `limit` bytes are an error."""
        have, block = self.size(), begin
        with self.path.open("ab", buffering=0) as stream:
            while block:
                self.write(stream, block)
                have += len(block)
                if limit is not None and have > limit:
                    raise ValueError(f"more than the expected {limit:,} bytes: another file")
                watch(len(block))
                block = response.read1(BLOCK)  # keeps what has arrived if the rest does not
            os.fsync(stream.fileno())

    def write(self, stream: Any, block: bytes) -> None:
        rest = memoryview(block)
        try:
            while rest:  # a nearly full disk writes only a part before it fails
                rest = rest[stream.write(rest) :]
        except OSError as error:
            if error.errno not in FULL:
                raise
            kept = f"the {self.size():,} bytes of {self.path.stem} are kept"
            raise no_room(self.path.parent, kept) from None


def validator_of(response: Any) -> str | None:
    """What If-Range can compare: a strong ETag, or the date of the last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")
