"""Helpers of all readers: lines and JSON entries, with errors that name the file and the place."""

import gc
import posixpath
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.names import check as check_name
from labelgraph.files.small import read_json

LARGEST = 1e30  # pixels; a float32 holds it
KINDS = {str: "text", (int, str): "a whole number or text"}


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pauses garbage collection, which doubles the time to parse and keep millions of entries."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def present(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; it belongs to the official archive: download or unpack it again"
        )
    return path


def read_lines(path: Path) -> list[str]:
    """Lines without surrounding blanks; empty lines at the end are left out."""
    try:
        text = present(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a list: the file is not UTF-8 text") from None
    return [line.strip() for line in text.rstrip().splitlines()]


def read_entries(path: Path) -> Any:
    return read_json(present(path))


def positions(names: Sequence[Hashable], place: str) -> dict[Any, int]:
    """Each name's position from 0; `place` is file and unit, as in `Imagelist.txt, line`."""
    found: dict[Hashable, int] = {}
    for position, name in enumerate(names):
        first = found.setdefault(name, position)
        if first != position:
            raise ValueError(
                f"{place} {position + 1}: {name!r} is listed a second time, first at"
                f" {first + 1}; expected once"
            )
    return found


def pick(entries: Any, keys: Sequence[str], place: str) -> list[tuple]:
    """The values of `keys` of every entry, one tuple each."""
    if not isinstance(entries, list):
        raise ValueError(f"{place}: found {type(entries).__name__}, expected a list of entries")
    values = itemgetter(*keys)
    picked = []
    for number, entry in enumerate(entries, start=1):
        try:
            picked.append(values(entry))
        except (KeyError, TypeError):
            raise ValueError(f"{place} {number}: expected an entry with {list(keys)}") from None
    return picked


def check_column(values: Iterable[Any], kinds: type | tuple[type, ...], what: str) -> None:
    """Checks the value of one key in every entry; `what` names file, unit and key."""
    for number, value in enumerate(values, start=1):
        if not isinstance(value, kinds) or isinstance(value, bool) or value == "":
            raise ValueError(
                f"{what} of entry {number} is {str(value)[:60]!r}; expected {KINDS[kinds]}"
            )


def below(folder: str, name: str, ending: str, outside: bool, place: str) -> str:
    """The path of an image that a list names relative to `folder`.

    A path that leads out of the dataset is refused unless `outside` is set: a list that somebody
    else wrote could name any file. Links within the folder are followed: its owner made them.
    """
    check_name("image", name, place)
    path = posixpath.join(folder, f"{name}{ending}")
    if leaves(name) and (leaves(path) or name.startswith("/")) and not outside:
        raise ValueError(
            f"{place}: {name!r} leads out of the dataset's folder; move the image into it, or set"
            " the reader's option outside to true to allow this"
        )
    return Path(path).as_posix()


def leaves(path: str) -> bool:
    path = posixpath.normpath(path)
    return path.startswith(("/", "../")) or path == ".."


def check_choice(option: str, value: Any, allowed: Iterable[Any]) -> None:
    if value not in tuple(allowed):
        raise ValueError(f"option {option} is {value!r}; expected one of {list(allowed)}")


def check_parts(**options: Any) -> None:
    """Of the options for the parts, one must be given and the other null."""
    given = [value is not None for value in options.values()]
    if sum(given) != 1:
        found = "both" if all(given) else "neither"
        raise ValueError(f"set one of the options {' and '.join(options)}; found {found}")


def as_boxes(boxes: Sequence[Sequence[float]], place: str) -> np.ndarray:
    """Left, top, width and height in pixels: (M, 4) float32."""
    try:
        with np.errstate(over="ignore"):  # too large values become infinite and are reported below
            edges = np.asarray(boxes, np.float32).reshape(len(boxes), 4)
    except (TypeError, ValueError, OverflowError):
        wrong = next(n for n, box in enumerate(boxes) if not is_box(box))
        raise ValueError(f"{place} {wrong + 1}: box {boxes[wrong]!r} is not four numbers") from None
    if not np.isfinite(edges).all():
        wrong = int(np.flatnonzero(~np.isfinite(edges).all(1))[0])
        raise ValueError(f"{place} {wrong + 1}: box {edges[wrong].tolist()} is not finite")
    return edges


def box_fields(rows: Any, columns: Any, boxes: np.ndarray) -> dict[str, np.ndarray]:
    """The box fields of a manifest."""
    return {
        "box_image": np.asarray(rows, np.int32),
        "box_label": np.asarray(columns, np.int16),
        "boxes": boxes,
    }


def is_box(box: Any) -> bool:
    return (
        isinstance(box, list | tuple)
        and len(box) == 4
        and all(isinstance(edge, int | float) and abs(edge) < LARGEST for edge in box)
    )
