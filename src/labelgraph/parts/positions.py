"""The positions of an image as a list, in reading order.

Shapes: B images, F features of the encoder, h x w its grid, P positions.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d


def positions(features: Tensor, pooled: bool) -> Tensor:
    """(B, F, h, w) -> (B, P, F); pooled, the mean of 2 x 2 positions, fewer at an odd edge."""
    # with a position's numbers side by side in memory, pooling and linear layers are faster
    grid = features.contiguous(memory_format=torch.channels_last)
    grid = avg_pool2d(grid, 2, ceil_mode=True) if pooled else grid
    return grid.flatten(2).mT
