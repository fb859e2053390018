"""The table of a dataset's images: path, labels, boxes and official part of each.

Label codes, everywhere: 1 yes, 0 no, -1 difficult (present, but hard to recognise), -2 unknown
(only in the files that training reads).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelgraph.files import names
from labelgraph.files.small import read_arrays, write_arrays

YES, NO, DIFFICULT, UNKNOWN = 1, 0, -1, -2


@dataclass(frozen=True)
class Manifest:
    """N images, C labels, M boxes. Look labels up by name, never by position."""

    images: np.ndarray  # (N,) str: path below the dataset's raw folder, with forward slashes
    parts: np.ndarray  # (N,) str: the official part, such as `trainval` or `test`
    names: tuple[str, ...]  # C label names, in column order of `labels`
    labels: np.ndarray  # (N, C) int8: 1 yes, 0 no, -1 difficult
    box_image: np.ndarray  # (M,) int32: row of the box's image
    box_label: np.ndarray  # (M,) int16: column of its label
    boxes: np.ndarray  # (M, 4) float32: left, top, width, height in pixels

    def __post_init__(self) -> None:
        count = len(self.images)
        if self.labels.shape != (count, len(self.names)) or self.parts.shape != (count,):
            raise ValueError(
                f"{count} images, {len(self.names)} names, parts {self.parts.shape} and labels"
                f" {self.labels.shape} do not fit together"
            )
        named = (("image", self.images), ("label", self.names), ("part", np.unique(self.parts)))
        for kind, values in named:
            for name in map(str, values):
                if fault := names.wrong(kind, name):
                    raise ValueError(fault)
            unique, times = np.unique(np.asarray(values), return_counts=True)
            if (times > 1).any():
                raise ValueError(f"{kind} {unique[times > 1].tolist()[0]!r} is listed twice")

    def rows(self, part: str) -> np.ndarray:
        return np.flatnonzero(self.parts == part)


def no_boxes() -> dict[str, np.ndarray]:
    """The box fields of a dataset without boxes."""
    return {
        "box_image": np.empty(0, np.int32),
        "box_label": np.empty(0, np.int16),
        "boxes": np.empty((0, 4), np.float32),
    }


def write(manifest: Manifest, path: Path, **more: np.ndarray) -> None:
    """`more`: further arrays about each image, such as sizes and digests."""
    fields = {name: np.asarray(value) for name, value in vars(manifest).items()}
    write_arrays(path, **fields, **more)


def read(path: Path) -> Manifest:
    arrays = read_arrays(path)
    fields = {name: arrays[name] for name in Manifest.__dataclass_fields__}
    return Manifest(**fields | {"names": tuple(arrays["names"].tolist())})
