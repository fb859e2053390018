"""What a method may know about the labels: one frozen object, from the fit images alone.

Shapes: C labels, D word-vector size.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from labelgraph.files.small import read_arrays


@dataclass(frozen=True)
class LabelSpace:
    """Only a known, certain yes is a positive; difficult and hidden labels are not."""

    names: tuple[str, ...]  # C label names, in column order of every label matrix
    counts: Tensor  # (C, C) fit images that show both i and j; the diagonal counts i alone
    images: int  # number of fit images
    positive_rate: Tensor  # (C,) positives among the known entries; 0 where none is known
    vectors: Tensor  # (C, D) one word vector per label


def read(counts: Path, vectors: Path) -> LabelSpace:
    """The files of count_labels and embed_labels; vectors are looked up by name."""
    counted, embedded = read_file(counts), read_file(vectors)
    names = counted["names"].tolist()
    places = {name: place for place, name in enumerate(embedded["names"].tolist())}
    if absent := [name for name in names if name not in places]:
        raise ValueError(f"{vectors} has no vector of {absent[0]!r}, a label of {counts}")
    known = torch.from_numpy(counted["known"]).float()
    return LabelSpace(
        names=tuple(names),
        counts=torch.from_numpy(counted["counts"]).float(),
        images=int(counted["images"]),
        positive_rate=torch.from_numpy(counted["positives"]).float() / known.clamp(min=1),
        vectors=torch.from_numpy(embedded["vectors"][[places[name] for name in names]]).float(),
    )


def read_file(path: Path) -> dict:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; `snakemake {path}` makes it")
    return read_arrays(path)
