"""SSGRL: one feature per label, propagated over the graph of labels that occur together.

Chen et al., "Learning Semantic-Specific Graph Representation for Multi-Label Image Recognition",
ICCV 2019, https://arxiv.org/abs/1908.07325.

Shapes: B images, C labels, P positions, D word-vector size, F features of the encoder, W width of
a label's state.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from labelgraph.parts import decoupling
from labelgraph.parts.gated import GatedGraph, enlarge, with_self
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.positions import positions


class SSGRL(nn.Module):
    """Decouples the image into label features, passes messages between them, scores each."""

    def __init__(
        self,
        encoder: nn.Module,
        vectors: Tensor,
        reduction: Callable[[Tensor], Tensor],
        graph: GatedGraph,
        hidden: int,
    ):
        super().__init__()
        width, (labels, words) = graph.width, vectors.shape
        self.encoder, self.reduction = encoder, reduction
        self.register_buffer("vectors", vectors)  # (C, D)
        self.decoupling = decoupling.SemanticDecoupling(width, words, hidden)
        self.graph = graph
        self.classifier = nn.Linear(width, labels)  # each label's state uses its own row only

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        found = self.reduction(self.encoder(batch["image"]))  # (B, P, W)
        first = self.decoupling(found, self.vectors)  # (B, C, W)
        states = torch.tanh(self.graph(first))  # (B, C, W)
        return (states * self.classifier.weight).sum(-1) + self.classifier.bias


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    hidden: int,
    steps: int,
    pooled: bool,
    shared_gates: bool,
    gain: float,
) -> SSGRL:
    reduction = partial(positions, pooled=pooled)
    if width != encoder.width:
        reduction = decoupling.Reduction(encoder.width, width, pooled)
    graph = GatedGraph(with_self(labels.counts), width, steps, shared_gates)
    model = SSGRL(encoder, labels.vectors, reduction, graph, hidden)
    enlarge(gain, graph.output, model.classifier)
    return model
