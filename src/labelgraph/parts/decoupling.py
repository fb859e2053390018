"""Semantic decoupling: one feature per label, by attention over positions with its word vector.

Chen et al., "Learning Semantic-Specific Graph Representation for Multi-Label Image Recognition",
ICCV 2019, https://arxiv.org/abs/1908.07325; later papers of the group share it.

Shapes: B images, P positions, C labels, D word-vector size, F features, H hidden.
"""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from labelgraph.parts.positions import narrowed

ELEMENTS = 2**25  # numbers of an intermediate (B, P, C, H): 128 MiB; beyond it, labels in chunks


class Reduction(nn.Module):
    """Reduces the numbers of each position and normalises them over images and positions."""

    def __init__(self, inside: int, outside: int, pooled: bool):
        super().__init__()
        self.pooled = pooled
        self.linear = nn.Linear(inside, outside, bias=False)
        self.norm = nn.BatchNorm1d(outside)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F, h, w) -> (B, P, F')."""
        return self.norm(narrowed(features, self.pooled, self.linear).mT).mT


def response(image: Tensor, words: Tensor, weight: Tensor) -> Tensor:
    """tanh(image * word) . weight for each pair of position and label: (B, P, C)."""
    return (image[:, :, None] * words).tanh_() @ weight


class SemanticDecoupling(nn.Module):
    """Attention by low-rank bilinear pooling: weights over positions for each label."""

    def __init__(self, width: int, words: int, hidden: int):
        super().__init__()
        self.image = nn.Linear(width, hidden, bias=False)
        self.words = nn.Linear(words, hidden, bias=False)
        # biases of these two would add the same to all positions, which the softmax cancels
        self.joint = nn.Linear(hidden, hidden, bias=False)
        self.attention = nn.Linear(hidden, 1, bias=False)

    def forward(self, found: Tensor, vectors: Tensor) -> Tensor:
        """Positions (B, P, F) and word vectors (C, D) -> features of the labels (B, C, F)."""
        weight = self.attention.weight[0] @ self.joint.weight  # (H,) no nonlinearity between them
        energy = self.energies(self.image(found), self.words(vectors), weight)  # (B, P, C)
        return energy.softmax(1).mT.to(found.dtype) @ found

    def energies(self, image: Tensor, words: Tensor, weight: Tensor) -> Tensor:
        """(B, P, C). Large intermediates are computed in chunks, and again for the gradient."""
        size = max(1, ELEMENTS // image.numel())  # labels at once
        if size >= len(words):
            return response(image, words, weight)
        again = {"use_reentrant": False, "preserve_rng_state": False}  # nothing here is random
        parts = [checkpoint(response, image, part, weight, **again) for part in words.split(size)]
        return torch.cat(parts, -1)
