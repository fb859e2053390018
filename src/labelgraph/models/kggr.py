"""KGGR: features of labels propagate over the label graph, and so do their classifiers.

Chen et al., "Knowledge-Guided Multi-Label Few-Shot Learning for General Image Recognition", TPAMI
2022, https://arxiv.org/abs/2009.09450.

Shapes: B images, C labels, P positions, D word-vector size, F features of the encoder, W width of
a label's state.
"""

import torch
from torch import Tensor, nn

from labelgraph.parts import decoupling
from labelgraph.parts.gated import GatedGraph, enlarge, with_self
from labelgraph.parts.labelspace import LabelSpace


class KGGR(nn.Module):
    """Features and classifiers propagate over the same graph, with separate weights."""

    def __init__(
        self,
        encoder: nn.Module,
        vectors: Tensor,
        reduction: decoupling.Reduction,
        graphs: tuple[GatedGraph, GatedGraph],
        hidden: int,
        double_product: bool,
    ):
        super().__init__()
        width, (labels, words) = graphs[0].width, vectors.shape
        self.encoder, self.reduction, self.double_product = encoder, reduction, double_product
        self.register_buffer("vectors", vectors)  # (C, D)
        self.decoupling = decoupling.SemanticDecoupling(width, words, hidden)
        self.feature_graph, self.classifier_graph = graphs
        self.classifier = nn.Linear(width, labels)  # the rows that are propagated, and biases

    def features(self, image: Tensor) -> Tensor:
        """One feature per label, (B, C, W), after message passing."""
        found = self.reduction(self.encoder(image))  # (B, P, W)
        return torch.tanh(self.feature_graph(self.decoupling(found, self.vectors)))

    def classifiers(self) -> Tensor:
        """One weight vector per label, (C, W), after message passing."""
        rows = self.classifier.weight  # (C, W)
        propagated = self.classifier_graph(rows)
        return propagated * rows if self.double_product else propagated

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = self.features(batch["image"])  # (B, C, W)
        return (features * self.classifiers()).sum(-1) + self.classifier.bias


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    hidden: int,
    steps: int,
    pooled: bool,
    double_product: bool,
    gain: float,
) -> KGGR:
    reduction = decoupling.Reduction(encoder.width, width, pooled)
    graphs = tuple(GatedGraph(with_self(labels.counts), width, steps, False) for _ in range(2))
    enlarge(gain, *(graph.output for graph in graphs))
    return KGGR(encoder, labels.vectors, reduction, graphs, hidden, double_product)
