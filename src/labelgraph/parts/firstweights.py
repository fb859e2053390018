"""First weights of layers, where a method does not begin with torch's own."""

import torch
from torch import nn


@torch.no_grad()
def spread_by_outputs(*layers: nn.Linear) -> None:
    """Uniform between -1 and 1 over the root of the number of outputs; torch's own: of inputs."""
    for layer in layers:
        bound = layer.out_features**-0.5
        nn.init.uniform_(layer.weight, -bound, bound)
