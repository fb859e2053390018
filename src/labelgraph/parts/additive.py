"""Additive attention: a state looks at the places of an image and returns one mean over them.

Shapes: B images, P positions, F features of the encoder, H width of the state, A of the attention.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from labelgraph.parts.products import through


class AdditiveAttention(nn.Module):
    """The energy of a position is w . bend(W1 x + W2 h)."""

    def __init__(self, features: int, state: int, width: int, bend: Callable[[Tensor], Tensor]):
        super().__init__()
        self.bend = bend
        self.cell = nn.Linear(features, width)
        self.state = nn.Linear(state, width, bias=False)  # `cell` has the bias of both
        self.energy = nn.Linear(width, 1, bias=False)  # a bias would not change the shares

    def keys(self, cells: Tensor) -> Tensor:
        """(B, P, F) -> (B, P, A): the part of the energies that does not depend on the state."""
        return through(self.cell, cells)

    def forward(self, cells: Tensor, keys: Tensor, state: Tensor) -> Tensor:
        """The mean of the cells (B, F), as the state (B, H) weighs them."""
        bent = self.bend(keys + self.state(state)[:, None])  # (B, P, A)
        shares = torch.softmax(self.energy(bent).squeeze(2), 1)  # (B, P)
        return (shares[:, None] @ cells).squeeze(1)
