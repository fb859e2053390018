"""Fixed codes of an image's positions: sines and cosines of their row and column.

Shapes: h x w positions, W numbers of a code.
"""

from math import tau

import torch
from torch import Tensor

SMALL = 1e-6


def sine_codes(height: int, across: int, like: Tensor) -> Tensor:
    """(h w, W) in reading order: half of a code is of the row, half of the column.

    `like`: a tensor (..., W) with the number format and the device that are wanted.
    """
    half = like.shape[-1] // 2
    place = torch.arange(half, device=like.device)
    rate = 10000.0 ** (2 * (place // 2).to(like.dtype) / half)
    rows, columns = (axis(count, rate) for count in (height, across))
    pair = rows[:, None].expand(-1, across, -1), columns[None].expand(height, -1, -1)
    return torch.cat(pair, -1).flatten(0, 1)


def axis(count: int, rate: Tensor) -> Tensor:
    """(count, W / 2): the last place of an axis is at 2 pi."""
    place = torch.arange(1, count + 1, device=rate.device).to(rate.dtype)
    angle = (tau * place / (count + SMALL))[:, None] / rate
    odd = torch.arange(len(rate), device=rate.device) % 2 == 1
    return torch.where(odd, angle.cos(), angle.sin())
