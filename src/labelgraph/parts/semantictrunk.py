"""The trunk of the methods that transfer labels: SSGRL's, narrower; SST, SARB and KGGR share it.

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
    """A feature for each label, from where in the image its word points; a score from them all."""

    def __init__(
        self, labels: LabelSpace, features: int, width: int, hidden: int, steps: int, gain: float
    ):
        super().__init__()
        self.register_buffer("vectors", labels.vectors)  # (C, D)
        self.reduction = decoupling.Reduction(features, width, pooled=True)
        self.decoupling = decoupling.SemanticDecoupling(width, labels.vectors.shape[1], hidden)
        self.graph = GatedGraph(with_self(labels.counts), width, steps, shared_gates=False)
        self.classifier = nn.Linear(width, len(labels.names))  # a label meets its own row alone
        enlarge(gain, self.graph.output, self.classifier)

    def look(self, features: Tensor) -> Tensor:
        """The encoder's grid -> what is seen of each label, (B, C, W)."""
        return self.decoupling(self.reduction(features), self.vectors)

    def judge(self, seen: Tensor) -> Tensor:
        """(B, C, W) -> logits (B, C), after each label has heard its neighbours."""
        states = torch.tanh(self.graph(seen))
        return (states * self.classifier.weight).sum(-1) + self.classifier.bias
