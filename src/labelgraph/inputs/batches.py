"""Rows of a split -> batches of tensors, from cached features or from image files.

A batch is a dict: `image` is the encoder's input, `boxes` the proposed regions if the method uses
them. Random draws depend only on seed, epoch and image, never on the process that reads them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from labelgraph.encoders import views
from labelgraph.files.images import read_image
from labelgraph.files.small import read_arrays, read_json
from labelgraph.inputs import workers
from labelgraph.study.settings import RunSettings

IN_MEMORY = 1 << 30  # bytes: below this the features are read once, in order, and kept
SMALLEST = 0.01  # fraction of the side: a crop drops boxes not wider and higher than this
Groups = list[np.ndarray]  # rows of each batch
Seen = tuple[Tensor, list[views.Window]]  # images (B, ...), and the window that each shows


def groups(rows: np.ndarray, batch: int) -> Groups:
    """Batches of nearly equal size, none larger than `batch`, so no single image is left over."""
    return np.array_split(rows, -(-len(rows) // batch)) if len(rows) else []


def shuffled(rows: np.ndarray, batch: int, seed: int, epoch: int) -> Groups:
    return groups(np.random.default_rng([seed, epoch]).permutation(rows), batch)


@dataclass(frozen=True)
class Chance:
    """The random generators of an epoch's views, one for each image."""

    seed: int
    epoch: int

    def of(self, row: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.epoch, int(row)])


class Features:
    """Cached features, one memory-mapped file for each view."""

    def __init__(self, files: list[Path], images: np.ndarray):
        """`files`: the .json index of each view, which is beside its .npy."""
        self.views = [self.open(path, images) for path in files]
        lost = images[self.views[0][0] < 0]
        if len(lost):
            raise ValueError(f"{files[0]} has no features of {lost[0]}; remove it to make it anew")
        self.width = self.views[0][1].shape[-1]

    def open(self, path: Path, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, views.Window]:
        """Place of each image or -1, the features (n, h, w, F) float16, and their window."""
        index = read_json(path)
        place = {name: row for row, name in enumerate(index["images"])}
        rows = np.array([place.get(name, -1) for name in images.tolist()])
        grid = np.load(path.with_suffix(".npy"), mmap_mode="r")
        there = rows >= 0
        if there.sum() * grid[:1].nbytes <= IN_MEMORY:
            grid, rows = grid[rows[there]], np.where(there, np.cumsum(there) - 1, -1)
        return rows, grid, views.fixed(index["encoder"]["view"])

    def batches(self, parts: Groups, chance: Chance | int | None) -> Iterator[Seen]:
        """With a `Chance` each image has a view drawn for this epoch, else the view of that number.

        Without either it is the first view.
        """
        for part in parts:
            chosen = [self.views[chance if isinstance(chance, int) else 0]] * len(part)
            if isinstance(chance, Chance) and len(self.views) > 1:
                chosen = [self.views[chance.of(row).integers(len(self.views))] for row in part]
            pairs = list(zip(chosen, part, strict=True))
            grids = np.stack([grid[rows[row]] for (rows, grid, _), row in pairs])
            features = torch.from_numpy(grids).permute(0, 3, 1, 2)  # (B, F, h, w), channels last
            yield features, [window for _, _, window in chosen]


class Pictures(Dataset):
    """Image files, augmented as in the papers or in one fixed view."""

    width = None

    def __init__(self, root: Path, images: np.ndarray, size: int, settings: RunSettings):
        self.root, self.images, self.size = root, images, size
        train = settings.train
        self.chances = views.Chances(train.crops, train.crop_sides, train.mirror)
        self.view, self.workers = settings.encoder.test_view, train.workers

    def batches(self, parts: Groups, chance: Chance | None) -> Iterator[Seen]:
        self.chance = chance
        if self.workers:
            workers.check()
        options = {"num_workers": self.workers, "collate_fn": join}
        own = torch.Generator()  # else the loader draws from the generator that dropout uses
        order = [part.tolist() for part in parts]
        yield from DataLoader(self, batch_sampler=order, generator=own, **options)

    def __getitem__(self, row: int) -> tuple[Tensor, views.Window]:
        window = views.fixed(self.view)
        least = views.least(window, self.size)
        if self.chance:
            least = views.least_drawn(self.chances, self.size)
        image = read_image(self.root / str(self.images[row]), least)
        if self.chance:
            height, width, _ = image.shape
            window = views.drawn(self.chances, width, height, self.chance.of(row))
        return views.cut(image, window, self.size), window


def join(seen: list[tuple[Tensor, views.Window]]) -> Seen:
    return default_collate([image for image, _ in seen]), [window for _, window in seen]


class Inputs:
    """Everything that a method reads of its images, in batches."""

    def __init__(self, pictures: Features | Pictures, boxes: Tensor | None):
        self.pictures, self.boxes = pictures, boxes

    def batches(self, parts: Groups, chance: Chance | int | None) -> Iterator[dict[str, Tensor]]:
        for part, (image, windows) in zip(parts, self.pictures.batches(parts, chance), strict=True):
            batch = {"image": image}
            if self.boxes is not None:
                batch["boxes"] = seen_through(self.boxes[part], windows)
            yield batch


def seen_through(boxes: Tensor, windows: list[views.Window]) -> Tensor:
    """Boxes (B, R, 4) relative to photographs -> to windows; boxes outside become zeros."""
    edges = torch.tensor([window[:4] for window in windows])[:, None]  # (B, 1, 4)
    mirrored, upside_down = (
        torch.tensor([getattr(window, how) for window in windows])[:, None, None]
        for how in ("mirrored", "upside_down")
    )
    low, high = edges[..., :2].repeat(1, 1, 2), edges[..., 2:].repeat(1, 1, 2)
    inside = ((boxes - low) / (high - low)).clamp(0, 1)
    left, top, right, bottom = inside.unbind(-1)
    inside = torch.where(mirrored, torch.stack([1 - right, top, 1 - left, bottom], -1), inside)
    left, top, right, bottom = inside.unbind(-1)
    inside = torch.where(upside_down, torch.stack([left, 1 - bottom, right, 1 - top], -1), inside)
    kept = (inside[..., 2:] - inside[..., :2] > SMALLEST).all(-1, keepdim=True)
    return inside * kept


def inputs(
    features: list[Path],
    root: Path | None,
    regions: Path | None,
    images: np.ndarray,
    settings: RunSettings,
    *,
    learning: bool,
) -> Inputs:
    """The images of a run; `learning` selects the size for training instead of testing."""
    size = settings.encoder.size if learning else settings.encoder.test_size
    pictures = Features(features, images) if features else Pictures(root, images, size, settings)
    return Inputs(pictures, read_boxes(regions, images) if regions else None)


def read_boxes(path: Path, images: np.ndarray) -> Tensor:
    """(n, R, 4) left, top, right, bottom in fractions of each image; empty places are zeros."""
    stored = read_arrays(path)
    place = {name: row for row, name in enumerate(stored["images"].tolist())}
    if lost := [name for name in images.tolist() if name not in place]:
        raise ValueError(f"{path} has no regions of {lost[0]}; remove it to make it anew")
    return torch.from_numpy(stored["boxes"][[place[name] for name in images.tolist()]])
