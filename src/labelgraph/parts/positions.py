"""The positions of an image as a list, in reading order.

Shapes: B images, F features of the encoder, h x w its grid, P positions.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d


def grid(features: Tensor, pooled: bool) -> Tensor:
    """(B, F, h, w); pooled, the mean of 2 x 2 positions, fewer at an odd edge."""
    # with a position's numbers side by side in memory, pooling and linear layers are faster
    features = features.contiguous(memory_format=torch.channels_last)
    return avg_pool2d(features, 2, ceil_mode=True) if pooled else features


def positions(features: Tensor, pooled: bool) -> Tensor:
    """(B, F, h, w) -> (B, P, F)."""
    return grid(features, pooled).flatten(2).mT


def mapped(features: Tensor, *layers: nn.Linear) -> list[Tensor]:
    """Linear layers applied to each position of a grid (B, F, h, w): (B, P, .) each.

    Computed as one convolution, which takes a third of a matrix product's time under pinned
    instruction sets.
    """
    weight = torch.cat([layer.weight for layer in layers])
    found = conv2d(features, weight[:, :, None, None]).flatten(2).mT  # (B, P, .)
    parts = found.split([layer.out_features for layer in layers], -1)
    return [
        part if layer.bias is None else part + layer.bias
        for part, layer in zip(parts, layers, strict=True)
    ]


def narrowed(features: Tensor, pooled: bool, layer: nn.Linear | nn.Identity) -> Tensor:
    """(B, F, h, w) -> (B, P, .): the positions after a linear layer, or as they are."""
    if isinstance(layer, nn.Identity):
        return positions(features, pooled)
    return mapped(grid(features, pooled), layer)[0]
