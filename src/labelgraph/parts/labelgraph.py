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
    """Neighbours share one fixed weight; the label keeps the rest, also if it has none."""
    degree = edges.sum(1, keepdim=True).clamp(min=1)  # (C, 1)
    own = torch.eye(len(edges), dtype=edges.dtype)
    return neighbour_weight * edges / degree + (1 - neighbour_weight) * own


def symmetric(matrix: Tensor) -> Tensor:
    """D^-1/2 A D^-1/2 with the row sums D, (C, C); a label whose row is empty is left out."""
    scale = matrix.sum(1).rsqrt()  # (C,)
    scale = torch.where(scale.isfinite(), scale, 0.0)
    return scale[:, None] * matrix * scale
