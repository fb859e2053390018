"""Reads and writes small files: written whole or not at all, same content as the same bytes."""

import errno
import hashlib
import json
import os
import re
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

FULL = (errno.ENOSPC, errno.EDQUOT)
DRAFT = re.compile(r"\..+\.([1-9][0-9]*)\.draft", re.DOTALL)  # the number is the process's
SMALL = 1 << 30  # bytes that any .npz may unpack to
RATIO = 50  # a larger one may unpack to this many times its size; scores and labels stay far below
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError, MemoryError, RecursionError),
    *(RuntimeError, NotImplementedError),  # encrypted, or packed in another way than ours
    *(SyntaxError, TypeError, OverflowError, tokenize.TokenError),  # a malformed header
)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yields a temporary name to write to; it is renamed to `path` at the end of the block.

    If the block fails, the temporary file is removed and `path` stays as it was.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected the name of a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"{path.parent} is not a folder; {path.name} needs one") from None
    draft = draft_of(path)
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        if error.errno in FULL:
            raise OSError(f"{path} cannot be written: no space is left there; make room") from None
        raise
    finally:
        draft.unlink(missing_ok=True)


def draft_of(path: Path) -> Path:
    """The name of `path` while this process writes it; jobs/leftovers.py clears it after a kill."""
    return path.with_name(f".{path.name}.{os.getpid()}.draft")


def write_text(path: Path, text: str) -> None:
    with whole(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def regular(path: Path) -> Path:
    """Refuses pipes and devices: a pipe may block for ever, and a device may never end."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a folder, a pipe or a device; expected a regular file")
    return path


def read_json(path: Path) -> Any:
    regular(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, object_pairs_hook=unique_keys)
    except DuplicateKeyError as error:
        raise ValueError(f"{path}: the key {error.args[0]!r} is given twice; keep one") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not JSON: the file is not UTF-8 text") from None
    except RecursionError:
        raise ValueError(f"{path}: too many nested brackets to read") from None
    except ValueError:  # only int() is left to raise it
        raise ValueError(f"{path}: a number with thousands of digits, too long to read") from None


class DuplicateKeyError(ValueError):
    """The second of two equal keys would silently win."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        raise DuplicateKeyError(next(key for key, _ in pairs if key in seen or seen.add(key)))
    return found


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """An .npz archive that loads without pickle. The same arrays give the same bytes."""
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{path}: array {name!r} holds Python objects; make it a plain type")
    with whole(path) as draft, draft.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz archive; a pickle in it is never run."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            check_members(members, max(SMALL, RATIO * path.stat().st_size))
            return {
                member.filename.removesuffix(".npy"): read_member(archive, member)
                for member in members
            }
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or "it does not fit into memory"
        raise ValueError(
            f"{path} is not an .npz archive that loads without pickle: {reason}"
        ) from None


def check_members(members: list[zipfile.ZipInfo], most: int) -> None:
    names = [member.filename for member in members]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"it holds {twice[0]!r} twice")
    if (total := sum(member.file_size for member in members)) > most:
        raise ValueError(f"it unpacks to {total:,} bytes, expected at most {most:,}")


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprint(**arrays: np.ndarray) -> str:
    """A sha256 of names, types, shapes and values: the same for equal content on any machine."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
