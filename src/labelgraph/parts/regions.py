"""Features of boxes: an encoder's map, pooled inside each box to one vector.

RoIAlign with 7 x 7 bins of 2 x 2 bilinear samples, then the mean over the bins. A bilinear weight
is a product of a row weight and a column weight, and so is the mean over the samples: everything is
one matrix product between the boxes' weights and the map.

Shapes: B images, R boxes, F features, h and w the map's height and width, S samples per side.
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

SAMPLES = 14  # S: 7 bins of 2 samples per side
STEPS = 2**16  # resolution at which squared distances, in sides of the image, are compared


def present(boxes: Tensor) -> Tensor:
    """Places that hold a box, (B, R): an empty place is all zero and has no area."""
    return (boxes[..., 2:] > boxes[..., :2]).all(-1)


def interval_weights(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """The weights (..., cells) of the cells of a side in the mean over the interval low to high."""
    steps = (torch.arange(SAMPLES, device=low.device) + 0.5) / SAMPLES  # (S,)
    points = low[..., None] + steps * (high - low)[..., None]  # (..., S) fractions of the side
    # Cell k has its centre at k + 1/2; beyond the outermost centres, their values are used.
    places = (points * cells - 0.5).clamp(0, cells - 1)
    distance = places[..., None] - torch.arange(cells, device=low.device)  # (..., S, cells)
    return (1 - distance.abs()).clamp(min=0).mean(-2)


def pool(features: Tensor, boxes: Tensor) -> Tensor:
    """Maps (B, F, h, w), boxes (B, R, 4) as left, top, right, bottom fractions -> (B, R, F).

    An empty place gives zeros.
    """
    height, width = features.shape[2:]
    left, top, right, bottom = boxes.unbind(-1)  # (B, R) each
    rows, columns = interval_weights(top, bottom, height), interval_weights(left, right, width)
    weights = rows[..., :, None] * columns[..., None, :]  # (B, R, h, w) sum to 1
    weights = weights * present(boxes)[..., None, None]
    return weights.flatten(2).to(features.dtype) @ features.flatten(2).mT  # (B, R, F)


def nearest(boxes: Tensor, present: Tensor, neighbours: int) -> tuple[Tensor, Tensor]:
    """The present instances whose centres are nearest: picks (B, M, N, M), weights (B, M, N).

    `boxes` is (B, M, 4) left, top, right, bottom. The weights of an instance add up to 1, or to 0
    if there is no other; of equally near ones the first are taken.
    """
    count = boxes.shape[1]
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2  # (B, M, 2)
    distance = (centres[:, :, None] - centres[:, None]).square().sum(-1)  # (B, M, M)
    distance = (distance * STEPS).round()  # ties stay ties despite earlier rounding
    others = present[:, None] & ~torch.eye(count, dtype=torch.bool, device=boxes.device)
    distance = distance.masked_fill(~others, torch.inf)
    distance, order = distance.sort(dim=-1, stable=True)
    order, found = order[..., :neighbours], distance[..., :neighbours].isfinite()
    weights = found.to(boxes.dtype) / found.sum(-1, keepdim=True).clamp(min=1)
    return one_hot(order, count).to(boxes.dtype), weights
