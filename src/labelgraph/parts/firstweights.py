"""First weights of layers, where a method does not begin with torch's own."""

import torch
from torch import nn


@torch.no_grad()
def spread_by_outputs(*layers: nn.Linear) -> None:
    """Uniform between -1 and 1 over the root of the number of outputs; torch's own: of inputs."""
    for layer in layers:
        bound = layer.out_features**-0.5
        nn.init.uniform_(layer.weight, -bound, bound)


@torch.no_grad()
def spread_by_width(*tables: nn.Embedding) -> None:
    """Uniform between -1 and 1 over the root of a row's length, in every row; torch's own: N(0, 1).

    A row for padding is not left at 0, as in C-Tran's released code.
    """
    for table in tables:
        bound = table.embedding_dim**-0.5
        nn.init.uniform_(table.weight, -bound, bound)
