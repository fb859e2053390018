"""A published split and published labels: image lists, and numbered labels without names."""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.manifest.readers._reading import positions, read_entries, read_lines


def read_parts(lists: dict[str, Path], paths: dict[int, str]) -> dict[int, str]:
    """The part of each image, in list order. Lines look like `2328403.jpg`."""
    parts: dict[int, str] = {}
    for part, path in lists.items():
        for number, line in enumerate(read_lines(path), start=1):
            image = number_of(line)
            if image not in paths:
                raise ValueError(f"{path}, line {number}: {line!r} is not in image_data.json")
            if image in parts:
                raise ValueError(f"{path}, line {number}: {line!r} is already in {parts[image]!r}")
            parts[image] = part
    return parts | dict.fromkeys(sorted(paths.keys() - parts.keys()), "unused")


def number_of(file: str) -> int | None:
    stem = file.removesuffix(".jpg")
    return int(stem) if stem.isdecimal() else None


def read_names(path: Path | None, count: int) -> list[str]:
    """Names of the published index; without a file they are `vg_000` and so on."""
    if path is None:
        return [f"vg_{number:03d}" for number in range(count)]
    names = [line.lower() for line in read_lines(path)]
    positions(names, f"{path}, line")
    if len(names) < count:
        raise ValueError(f"{path} has {len(names)} names; option labels is {count}")
    return names[:count]


def read_index(path: Path, parts: dict[int, str], count: int) -> np.ndarray:
    """Labels (N, count) of a published index; numbers from `count` on belong to a larger set."""
    rows = {image: row for row, image in enumerate(parts)}
    labels = np.zeros((len(rows), count), np.int8)
    missing = {image for image, part in parts.items() if part != "unused"}
    largest = -1
    entries = read_entries(path)
    if not isinstance(entries, dict):
        raise ValueError(f"{path}: found {type(entries).__name__}, expected image: label numbers")
    for file, numbers in entries.items():
        image = number_of(file)
        if image not in rows:
            raise ValueError(f"{path}, entry {file!r}: the image is not in image_data.json")
        if not is_numbers(numbers):
            raise ValueError(f"{path}, entry {file!r}: {numbers}; expected label numbers from 0")
        labels[rows[image], [number for number in numbers if number < count]] = 1
        largest = max([largest, *numbers])
        missing.discard(image)
    if missing:
        raise ValueError(f"{path} has no entry for image {min(missing)} ({len(missing)} missing)")
    if largest < count - 1:
        raise ValueError(f"{path} numbers {largest + 1} labels; option labels is {count}")
    return labels


def is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(n, int) and n >= 0 for n in value)
