"""SST's network on pairs of labels, which predicts from their features whether both are shown.

Chen et al., "Structured Semantic Transfer for Multi-Label Recognition with Partial Labels", AAAI
2022, https://arxiv.org/abs/2112.10941.

Shapes: B images, C labels, P pairs of labels, W width of a label's feature.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu


class Pairs(nn.Module):
    """Whether two labels are in the image together: a logit for each pair, (B, P)."""

    def __init__(self, labels: int, width: int, hidden: int):
        super().__init__()
        pairs = torch.triu_indices(labels, labels, 1)  # (2, P): (0, 1), (0, 2) and so on
        self.labels = labels
        self.register_buffer("pairs", pairs, persistent=False)
        self.embed = nn.Linear(width, hidden)
        self.join = nn.Linear(2 * hidden, width)
        self.last = nn.Linear(width, width)
        self.weight = nn.Parameter(torch.empty(pairs.shape[1], width))  # each pair has a row
        self.bias = nn.Parameter(torch.empty(pairs.shape[1]))
        for value in (self.weight, self.bias):
            nn.init.uniform_(value, -(width**-0.5), width**-0.5)

    def forward(self, seen: Tensor) -> Tensor:
        one, other = self.pairs
        # A layer on two concatenated features is a sum of two layers, one for each feature ...
        left, right = (linear(self.embed(seen), half) for half in self.join.weight.chunk(2, 1))
        both = relu((left + self.join.bias)[:, one] + right[:, other])  # (B, P, W)
        # ... and two layers with nothing between them are one, of which each pair needs a row.
        row = self.weight @ self.last.weight  # (P, W)
        return (both * row).sum(-1) + self.weight @ self.last.bias + self.bias

    def table(self, values: Tensor) -> Tensor:
        """(B, P) -> (B, C, C), the same on both sides of a diagonal of 0."""
        one, other = self.pairs
        found = values.new_zeros(len(values), self.labels, self.labels)
        found[:, one, other] = values
        return found + found.mT
