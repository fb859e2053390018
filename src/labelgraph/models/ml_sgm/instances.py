"""Instances of an image without a detector: the image itself, or the cells of a grid over it.

Shapes: B images, M instances, F features, C labels, h and w the map's height and width.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, layer_norm, normalize


class Found(NamedTuple):
    """Instances of a batch; the first is the whole image."""

    sums: Tensor  # (B, M, F) features, each position times its weight
    areas: Tensor  # (B, M) sums of the weights
    boxes: Tensor  # (B, M, 4) left, top, right, bottom as fractions of the image
    present: Tensor  # (B, M) bool
    logits: Tensor | None  # (B, C) label scores from finding them


class Whole(nn.Module):
    """One instance: the mean over the image."""

    def forward(self, features: Tensor) -> Found:
        images = len(features)
        one = features.new_ones(images, 1)
        box = features.new_tensor([0.0, 0.0, 1.0, 1.0]).expand(images, 1, 4)
        return Found(features.mean((2, 3))[:, None], one, box, one.bool(), None)


class Cells(nn.Module):
    """The whole image and the cells of a grid over it, each the mean over its positions."""

    def __init__(self, side: int):
        super().__init__()
        self.side = side

    def forward(self, features: Tensor) -> Found:
        side = self.side
        cells = adaptive_avg_pool2d(features, side).flatten(2).mT  # (B, side^2, F)
        ends = torch.arange(side, device=features.device) / side
        top, left = torch.meshgrid(ends, ends, indexing="ij")
        boxes = torch.stack([left, top, left + 1 / side, top + 1 / side], -1)
        boxes = boxes.flatten(0, 1).expand(len(cells), -1, -1)  # (B, side^2, 4)
        one = cells.new_ones(cells.shape[:2])
        return with_whole(features, Found(cells, one, boxes, one.bool(), None))


def with_whole(features: Tensor, found: Found) -> Found:
    """The whole image comes before the others."""
    whole = Whole()(features)
    pairs = zip(whole[:4], found[:4], strict=True)
    return Found(*(torch.cat([first, rest], 1) for first, rest in pairs), found.logits)


def unchanged(x: Tensor) -> Tensor:
    return x


def unit(x: Tensor) -> Tensor:
    """Length 1."""
    return normalize(x, dim=-1)


def standard(x: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the features."""
    return layer_norm(x, x.shape[-1:])


SCALES = {"sum": unchanged, "unit": unit, "standard": standard}
