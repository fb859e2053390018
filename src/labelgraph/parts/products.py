"""A linear layer over many rows, such as those of all edges of a batch.

Shapes: B images, d values of a row, e of its result.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import conv2d

IMAGES = 16  # with fewer, a convolution is slow
PRODUCTS = 2_500_000  # of numbers; with fewer, starting a convolution takes longer than it gains


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(B, ..., d) -> (B, ..., e).

    On a CPU a large product is computed as a 1 x 1 convolution: under pinned instruction sets it
    takes 60 to 80 % of a matrix product's time (benchmarks/products.py).
    """
    if x.is_cuda or torch.compiler.is_compiling() or not is_large(x, weight):
        return functional.linear(x, weight, bias)
    places = x.flatten(1, -2)[:, None].permute(0, 3, 1, 2)  # (B, d, 1, n), channels last
    found = conv2d(places, weight[:, :, None, None], bias)  # (B, e, 1, n)
    return found.permute(0, 2, 3, 1).reshape(*x.shape[:-1], len(weight))


def is_large(x: Tensor, weight: Tensor) -> bool:
    return x.ndim > 2 and len(x) >= IMAGES and x.numel() * len(weight) >= PRODUCTS


def through(layer: nn.Linear, x: Tensor) -> Tensor:
    return linear(x, layer.weight, layer.bias)
