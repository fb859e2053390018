"""Rows of a split -> batches of tensors, from cached features or from image files.

A batch is a dict: `image` is what the encoder takes; training adds `target` and `known`.
Whatever is drawn at random depends on seed, epoch and image alone, never on who reads it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from labelgraph import views
from labelgraph.files import read_json
from labelgraph.images import read_image

IN_MEMORY = 1 << 30  # bytes: below this the images' rows are read once, in order, and kept
Groups = list[np.ndarray]  # rows of each batch


def groups(rows: np.ndarray, batch: int) -> Groups:
    """As equal as can be, none larger than `batch`: no batch of one image at the end."""
    return np.array_split(rows, -(-len(rows) // batch)) if len(rows) else []


def shuffled(rows: np.ndarray, batch: int, seed: int, epoch: int) -> Groups:
    return groups(np.random.default_rng([seed, epoch]).permutation(rows), batch)


@dataclass(frozen=True)
class Chance:
    """What decides the random views of an epoch."""

    seed: int
    epoch: int

    def of(self, row: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.epoch, int(row)])


class Features:
    """Features that were computed before, one memory-mapped file for each view."""

    def __init__(self, files: list[Path], images: np.ndarray):
        """`files`: the .json index of each view, which lies beside its .npy."""
        self.views = []
        for path in files:
            index = read_json(path)
            place = {name: row for row, name in enumerate(index["images"])}
            rows = np.array([place.get(name, -1) for name in images])
            grid = np.load(path.with_suffix(".npy"), mmap_mode="r")  # (n, F, h, w) float16
            if (rows >= 0).sum() * grid[:1].nbytes <= IN_MEMORY:
                grid, rows = (
                    grid[rows[rows >= 0]],
                    np.where(rows >= 0, np.cumsum(rows >= 0) - 1, -1),
                )
            self.views.append((rows, grid))
        if (self.views[0][0] < 0).any():
            lost = images[self.views[0][0] < 0][0]
            raise ValueError(f"{files[0]} has no features of {lost}; remove it to make it anew")

    def batches(self, parts: Groups, chance: Chance | None) -> Iterator[Tensor]:
        """With `chance` each image comes in a view drawn for this epoch, else in the first."""
        for part in parts:
            chosen = np.zeros(len(part), int)
            if chance and len(self.views) > 1:
                chosen = [chance.of(row).integers(len(self.views)) for row in part]
            pairs = zip(chosen, part, strict=True)
            yield torch.from_numpy(np.stack([self.read(view, row) for view, row in pairs]))

    def read(self, view: int, row: int) -> np.ndarray:
        rows, grid = self.views[view]
        return grid[rows[row]]

    @property
    def width(self) -> int:
        return self.views[0][1].shape[1]


class Pictures(Dataset):
    """Image files, augmented as the papers do it or in one fixed view."""

    def __init__(
        self, root: Path, images: np.ndarray, size: int, augment: str, view: str, workers: int
    ):
        self.root, self.images, self.size = root, images, size
        self.augment, self.view, self.workers = augment, view, workers

    def batches(self, parts: Groups, chance: Chance | None) -> Iterator[Tensor]:
        self.chance = chance
        yield from DataLoader(
            self, batch_sampler=[part.tolist() for part in parts], num_workers=self.workers
        )

    def __getitem__(self, row: int) -> Tensor:
        image = read_image(self.root / str(self.images[row]))
        if self.chance:
            picture = views.augmented(image, self.augment, self.size, self.chance.of(row))
        else:
            picture = views.fixed(image, self.view, self.size)
        return torch.from_numpy(picture)


Source = Features | Pictures


def source(
    features: list[Path], root: Path | None, images: np.ndarray, settings: dict, *, learning: bool
) -> Source:
    """Where a run's images come from; `settings` are the run's, `learning` decides the size."""
    if features:
        return Features(features, images)
    encoder, train = settings["encoder"], settings["train"]
    size = encoder["size"] if learning else encoder["test_size"]
    view, workers = encoder["test_view"], train["workers"]
    return Pictures(root, images, size, train["augment"], view, workers)
