"""Graphs over the labels, made from how often they occur together.

Shapes: C labels. Entry [i, j] of a propagation matrix is how much label i listens to label j.
"""

import torch
from torch import Tensor


def conditional(counts: Tensor) -> Tensor:
    """P(column | row), (C, C); the row of a label that never occurs is 0."""
    counts = counts.double()
    return counts / counts.diagonal().clamp(min=1)[:, None]


def threshold(counts: Tensor, at_least: float) -> Tensor:
    """Edges (C, C) of 0 and 1 where P(column | row) is at least `at_least`; none to itself."""
    return (conditional(counts) >= at_least).double().fill_diagonal_(0)


def reweighted(edges: Tensor, neighbour_weight: float) -> Tensor:
    """Neighbours share one fixed weight and the label keeps the rest, or all if it has none."""
    degree = edges.sum(1, keepdim=True)  # (C, 1)
    shared = neighbour_weight * edges / degree.clamp(min=1)  # (C, C)
    return shared + torch.diag(1 - shared.sum(1))


def symmetric(matrix: Tensor) -> Tensor:
    """D^-1/2 A D^-1/2 with the row sums D, (C, C)."""
    scale = matrix.sum(1).clamp(min=1e-12).rsqrt()  # (C,)
    return scale[:, None] * matrix * scale
