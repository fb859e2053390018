"""Layers of graph networks with a different graph for each image.

Shapes: K nodes; whatever comes before the last two dimensions is a batch.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import relu


def normalised(graph: Tensor) -> Tensor:
    """D^-1/2 A D^-1/2 with the row sums D, for each graph of (..., K, K); empty rows stay empty."""
    scale = graph.sum(-1).clamp(min=1e-12).rsqrt()  # (..., K)
    return scale[..., :, None] * graph * scale[..., None, :]


def matrices(widths: list[int]) -> nn.ModuleList:
    """A linear map without bias from each width to the next."""
    return nn.ModuleList(nn.Linear(*pair, bias=False) for pair in pairwise(widths))


def rectified(widths: list[int]) -> nn.ModuleList:
    """The same, with initial weights that preserve a signal's scale through many rectifiers."""
    layers = matrices(widths)
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return layers


def propagate(x: Tensor, graph: Tensor, layers: nn.ModuleList) -> Tensor:
    """relu(A X W), layer after layer: (..., K, first width) -> (..., K, last width)."""
    for layer in layers:
        x = relu(layer(graph @ x))
    return x
