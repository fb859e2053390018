"""A linear layer of many rows: of the edges of a batch, or of its nodes where the layer is wide.

Shapes: B images, d values of a row, e of its result.
"""

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import conv2d

WIDE = 4096  # weights, from which three-dimensional values are many enough


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(B, ..., d) -> (B, ..., e).

    On a processor as a convolution over single places: under pinned instruction sets that takes
    half of a matrix product's time.
    """
    many = x.ndim > 3 or (x.ndim == 3 and weight.numel() >= WIDE)
    if x.is_cuda or not many:
        return functional.linear(x, weight, bias)
    places = x.flatten(1, -2)[:, None].permute(0, 3, 1, 2)  # (B, d, 1, n), channels last
    found = conv2d(places, weight[:, :, None, None], bias)  # (B, e, 1, n)
    return found.permute(0, 2, 3, 1).reshape(*x.shape[:-1], len(weight))


def through(layer: nn.Linear, x: Tensor) -> Tensor:
    return linear(x, layer.weight, layer.bias)
