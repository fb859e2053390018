"""The trunk of the methods that transfer labels (SST, SARB and KGGR): a narrower SSGRL.

Chen et al., "Structured Semantic Transfer for Multi-Label Recognition with Partial Labels", AAAI
2022, https://arxiv.org/abs/2112.10941.

Shapes: B images, C labels, W width of a label's state.
"""

import torch
from torch import Tensor, nn

from labelgraph.parts import decoupling
from labelgraph.parts.gated import GatedGraph, enlarge, with_self
from labelgraph.parts.labelspace import LabelSpace


class SemanticTrunk(nn.Module):
    """A feature for each label by attention with its word vector, a graph network, and scores."""

    def __init__(
        self, labels: LabelSpace, features: int, width: int, hidden: int, steps: int, gain: float
    ):
        super().__init__()
        self.register_buffer("vectors", labels.vectors)  # (C, D)
        self.reduction = decoupling.Reduction(features, width, pooled=True)
        self.decoupling = decoupling.SemanticDecoupling(width, labels.vectors.shape[1], hidden)
        self.graph = GatedGraph(with_self(labels.counts), width, steps, shared_gates=False)
        self.classifier = nn.Linear(width, len(labels.names))  # each label uses its own row only
        enlarge(gain, self.graph.output, self.classifier)

    def label_features(self, features: Tensor) -> Tensor:
        """The encoder's grid -> a feature for each label, (B, C, W)."""
        return self.decoupling(self.reduction(features), self.vectors)

    def logits(self, seen: Tensor) -> Tensor:
        """(B, C, W) -> logits (B, C), after labels have exchanged messages."""
        states = torch.tanh(self.graph(seen))
        return (states * self.classifier.weight).sum(-1) + self.classifier.bias
