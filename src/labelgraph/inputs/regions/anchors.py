"""Anchors: boxes at every place of a grid, which a detector scores and corrects.

Shapes: P = side * side * scales * ratios anchors, M boxes of an image, all in fractions of the
image's width and height: left, top, right, bottom.
"""

import torch
from torch import Tensor

LARGEST = 4.0  # logarithm of the largest correction of width and height
IGNORED = -1.0


def grid(side: int, scales: list[float], ratios: list[float]) -> Tensor:
    """(P, 4): rows, then columns, then scales, then ratios (height to width, at equal area)."""
    centre = (torch.arange(side) + 0.5) / side
    shapes = [(scale / ratio**0.5, scale * ratio**0.5) for scale in scales for ratio in ratios]
    half = torch.tensor(shapes) / 2  # (scales * ratios, 2)
    down, across = torch.meshgrid(centre, centre, indexing="ij")
    middle = torch.stack([across, down], -1).view(-1, 1, 2)  # (side * side, 1, 2)
    return torch.cat([middle - half, middle + half], -1).view(-1, 4)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Corrections (..., 4) from `anchors` to `boxes`: shifts in anchor sizes, logs of sizes."""
    size, place = anchors[..., 2:] - anchors[..., :2], (anchors[..., 2:] + anchors[..., :2]) / 2
    wanted, goal = boxes[..., 2:] - boxes[..., :2], (boxes[..., 2:] + boxes[..., :2]) / 2
    return torch.cat([(goal - place) / size, (wanted / size).log()], -1)


def decode(corrections: Tensor, anchors: Tensor) -> Tensor:
    """The corrected anchors, (..., 4), inside the image."""
    size, place = anchors[..., 2:] - anchors[..., :2], (anchors[..., 2:] + anchors[..., :2]) / 2
    middle = place + corrections[..., :2] * size
    half = size * corrections[..., 2:].clamp(max=LARGEST).exp() / 2
    return torch.cat([middle - half, middle + half], -1).clamp(0, 1)


def assign(anchors: Tensor, boxes: Tensor, above: float, below: float) -> tuple[Tensor, Tensor]:
    """Objectness (P,) of 1, 0 or IGNORED, and the box (P, 4) nearest to each anchor.

    An anchor is 1 if it overlaps a box by `above` or more, or overlaps one more than any other
    anchor does. It is 0 if it overlaps every box by less than `below`, and IGNORED in between.
    """
    from torchvision.ops import box_iou

    if not len(boxes):
        return torch.zeros(len(anchors)), anchors.clone()
    overlap = box_iou(anchors, boxes)  # (P, M)
    most, nearest = overlap.max(1)
    objectness = torch.full_like(most, IGNORED)
    objectness[most < below] = 0
    objectness[most >= above] = 1
    best = overlap.amax(0)  # (M,)
    chosen = ((overlap >= best - 1e-6) & (best > 0)).any(1)
    objectness[chosen] = 1
    return objectness, boxes[nearest]
