"""What a method may know about the labels: one frozen object, from the fit images alone.

Shapes: C labels, D word-vector size.
"""

import csv
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
    edges: Tensor | None = None  # (C, C), symmetric: what ConceptNet says, for runs that ask for it


def read(counts: Path, vectors: Path, edges: Path | None = None) -> LabelSpace:
    """The files of count_labels, embed_labels and relate_labels; all is looked up by name."""
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
        edges=read_edges(edges, names) if edges else None,
    )


def read_edges(path: Path, names: list[str]) -> Tensor:
    """(C, C): the sum of the weights of all lines about two labels, in either direction."""
    places = {name: place for place, name in enumerate(names)}
    found = torch.zeros(len(names), len(names))
    with path.open(newline="", encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            one, other = places.get(line["label"]), places.get(line["other"])
            if one is not None and other is not None and one != other:
                found[one, other] += float(line["weight"])
    return found + found.T


def read_file(path: Path) -> dict:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; `snakemake {path}` makes it")
    return read_arrays(path)
