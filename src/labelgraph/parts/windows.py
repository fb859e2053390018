"""Windows of a map: where they are, and what the map shows in them.

Boxes are left, top, right, bottom as shares of the image. A crop has K x K parts of equal size,
each the mean of S x S bilinear samples; beyond the outermost cells' centres, their values are used.

Shapes: B images, R windows, F features, h x w cells of the map.
"""

import torch
from torch import Tensor


def every_window(cells: int, sides: list[int]) -> Tensor:
    """All windows of these sides, in cells, on a lattice of cells x cells: (R, 4)."""
    found = []
    for side in sides:
        places = torch.arange(cells - side + 1)
        top, left = torch.cartesian_prod(places, places).unbind(1)
        found.append(torch.stack([left, top, left + side, top + side], 1))
    return torch.cat(found) / cells


def side_weights(low: Tensor, high: Tensor, cells: int, points: int, samples: int) -> Tensor:
    """The weights (..., K, cells) of the cells of a side in each part of low to high."""
    count = points * samples
    steps = (torch.arange(count, device=low.device) + 0.5).to(low.dtype) / count
    at = low[..., None] + steps * (high - low)[..., None]  # (..., K * S) shares of the side
    places = (at * cells - 0.5).clamp(0, cells - 1)  # cell k has its centre at k + 1/2
    distance = places[..., None] - torch.arange(cells, device=low.device)
    return (1 - distance.abs()).clamp(min=0).unflatten(-2, (points, samples)).mean(-2)


def crops(features: Tensor, boxes: Tensor, points: int, samples: int = 1) -> Tensor:
    """Maps (B, F, h, w), boxes (R, 4) or (B, R, 4) -> (B, R, K * K, F), parts in reading order."""
    height, width = features.shape[2:]
    left, top, right, bottom = boxes.unbind(-1)
    rows = side_weights(top, bottom, height, points, samples)  # (..., R, K, h)
    columns = side_weights(left, right, width, points, samples)  # (..., R, K, w)
    weights = rows[..., :, None, :, None] * columns[..., None, :, None, :]
    weights = weights.flatten(-2).flatten(-4, -2)  # (..., R * K * K, h * w)
    found = weights.to(features.dtype) @ features.flatten(2).mT
    return found.unflatten(1, (-1, points * points))
