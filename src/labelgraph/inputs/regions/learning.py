"""Training the light detector's head on features that are computed once.

Shapes: n images, P anchors, M boxes of an image.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from labelgraph import numerics
from labelgraph.files.images import read_image
from labelgraph.inputs.regions import anchors
from labelgraph.inputs.regions.light import Detector
from labelgraph.manifest.manifest import Manifest
from labelgraph.split.roles import FIT

CHUNK = 32  # images that the encoder processes together
BETA = 1 / 9  # where the loss of a correction changes from squared to linear


def fit_rows(manifest: Manifest, train: dict[str, np.ndarray], most: int, seed: int) -> np.ndarray:
    """Manifest rows of at most `most` fit images, drawn at random; other roles are not used."""
    fitted = train["images"][train["role"] == FIT]
    rows = np.flatnonzero(np.isin(manifest.images, fitted))
    if len(rows) < len(fitted):
        raise ValueError(
            f"the training file lists {len(fitted)} fit images, the manifest has {len(rows)} of"
            " them; both must come from the same dataset"
        )
    if not np.isin(manifest.box_image, rows).any():
        raise ValueError(
            f"none of {len(rows)} fit images has a box; a detector needs some: set"
            " `options: {boxes: true}` of the dataset, or `trained_on` of detectors.yaml"
        )
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def relative(boxes: np.ndarray, size: np.ndarray) -> Tensor:
    """Pixels (left, top, width, height) -> fractions (left, top, right, bottom), no flat boxes."""
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1) / np.tile(size, 2)
    corners = corners.astype(np.float32).clip(0, 1)
    return torch.from_numpy(corners[(corners[:, 2:] > corners[:, :2]).all(1)])


def prepare(
    detector: Detector, manifest: Manifest, sizes: np.ndarray, rows: np.ndarray, root: Path
) -> tuple[Tensor, list[Tensor]]:
    """Features (n, K, g, g) float16, and the boxes (M, 4) of each image."""
    grids = []
    for start in range(0, len(rows), CHUNK):
        names = manifest.images[rows[start : start + CHUNK]].tolist()
        grids.append(detector.features([read_image(root / name) for name in names]).half())
    boxes = [relative(manifest.boxes[manifest.box_image == row], sizes[row]) for row in rows]
    return torch.cat(grids).clone(), boxes


def learn(
    detector: Detector, features: Tensor, boxes: list[Tensor], settings: dict[str, Any]
) -> list[float]:
    """Trains the head and returns the mean loss of each epoch; equal seeds give equal weights."""
    draw = numerics.generator(settings["seed"])
    options = {"lr": settings["lr"], "weight_decay": settings["weight_decay"]}
    optimizer = torch.optim.AdamW(detector.head.parameters(), **options)
    batches = -(-len(features) // settings["batch"])
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings["epochs"] * batches)
    history = []
    for _ in range(settings["epochs"]):
        losses = []
        for rows in torch.randperm(len(features), generator=draw).tensor_split(batches):
            found = detector.head(features[rows].float())
            known = [boxes[row] for row in rows.tolist()]
            loss = objective(found, detector.anchors, known, settings, draw)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            fall.step()
            losses.append(loss.item())
        history.append(float(np.mean(losses)))
    return history


def objective(
    found: tuple[Tensor, Tensor],
    places: Tensor,
    boxes: list[Tensor],
    settings: dict[str, Any],
    draw: torch.Generator,
) -> Tensor:
    """Cross-entropy over the sampled anchors, and the loss of the corrections of positive ones."""
    logits, corrections = found  # (B, P), (B, P, 4)
    pairs = [anchors.assign(places, known, settings["above"], settings["below"]) for known in boxes]
    objectness = torch.stack([pair[0] for pair in pairs])  # (B, P)
    nearest = torch.stack([pair[1] for pair in pairs])  # (B, P, 4)
    chosen = sample(objectness, settings["anchors"], draw)  # (B, P) bool
    scores = binary_cross_entropy_with_logits(logits[chosen], objectness[chosen])
    hits = (objectness == 1) & chosen
    wanted = anchors.encode(nearest, places)[hits]
    misses = smooth_l1_loss(corrections[hits], wanted, beta=BETA, reduction="sum")
    return scores + misses / chosen.sum()


def sample(objectness: Tensor, count: int, draw: torch.Generator) -> Tensor:
    """(B, P) bool: up to `count` anchors of each image, at most half of them with an object."""
    chance = torch.rand(objectness.shape, generator=draw)
    hit, miss = objectness == 1, objectness == 0
    rank = chance.masked_fill(~hit, 2).argsort(1).argsort(1)
    hits = hit & (rank < count // 2)
    rank = chance.masked_fill(~miss, 2).argsort(1).argsort(1)
    return hits | (miss & (rank < count - hits.sum(1, keepdim=True)))
