"""ML-GCN: a graph network over the labels generates the classifiers that score the image.

Chen et al., "Multi-Label Image Recognition with Graph Convolutional Networks", CVPR 2019,
https://arxiv.org/abs/1904.03582.

Shapes: B images, C labels, D word-vector size, F features of the encoder.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from labelgraph.parts import labelgraph
from labelgraph.parts.firstweights import spread_by_outputs
from labelgraph.parts.labelspace import LabelSpace

POOLING = ("average", "max")
SLOPE = 0.2  # of the LeakyReLU between the layers


def binary(edges: Tensor, weight: float) -> Tensor:
    """Every edge counts as much as the label itself."""
    return labelgraph.symmetric(edges + torch.eye(len(edges)))


def reweighted(edges: Tensor, weight: float) -> Tensor:
    """The neighbours together have `weight`, the label itself the rest."""
    return labelgraph.symmetric(labelgraph.reweighted(edges, weight))


def literal(edges: Tensor, weight: float) -> Tensor:
    """The formula as printed: without the factor A_ij, every pair of labels has the weight."""
    degree = edges.sum(1, keepdim=True).clamp(min=1)  # (C, 1)
    matrix = (weight / degree).expand_as(edges).clone().fill_diagonal_(1 - weight)
    return labelgraph.symmetric(matrix)


def released(edges: Tensor, weight: float) -> Tensor:
    """As in the released code: columns normalised, edges weigh w / (1 - w) to 1, transposed."""
    shares = edges / (edges.sum(0, keepdim=True) + 1e-6)
    matrix = shares * weight / (1 - weight) + torch.eye(len(edges))
    return labelgraph.symmetric(matrix).T


GRAPHS = {"binary": binary, "reweighted": reweighted, "literal": literal, "released": released}


class MLGCN(nn.Module):
    """Scores the pooled features of an image against one generated classifier per label."""

    def __init__(
        self, encoder: nn.Module, vectors: Tensor, graph: Tensor, widths: list[int], pooling: str
    ):
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.register_buffer("vectors", vectors)  # (C, D)
        self.register_buffer("graph", graph)  # (C, C)
        self.layers = nn.ModuleList(
            nn.Linear(inside, outside, bias=False) for inside, outside in pairwise(widths)
        )
        spread_by_outputs(*self.layers)

    def classifiers(self) -> Tensor:
        """One weight vector per label: (C, F)."""
        x = self.vectors  # (C, D)
        for place, layer in enumerate(self.layers):
            x = self.graph @ layer(leaky_relu(x, SLOPE) if place else x)
        return x

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = self.encoder(batch["image"])  # (B, F, h, w)
        pool = features.amax if self.pooling == "max" else features.mean
        return pool((2, 3)) @ self.classifiers().T


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    pooling: str,
    graph: str,
    threshold: float,
    neighbour_weight: float,
    hidden: int,
    layers: int,
) -> MLGCN:
    if pooling not in POOLING:
        raise ValueError(f"ml_gcn pooling is {pooling!r}; it may be one of {POOLING}")
    if graph not in GRAPHS:
        raise ValueError(f"ml_gcn graph is {graph!r}; it may be one of {sorted(GRAPHS)}")
    edges = labelgraph.threshold(labels.counts, threshold)
    matrix = GRAPHS[graph](edges, neighbour_weight).to(labels.vectors.dtype)
    widths = [labels.vectors.shape[1], *[hidden] * (layers - 1), encoder.width]
    return MLGCN(encoder, labels.vectors, matrix, widths, pooling)
