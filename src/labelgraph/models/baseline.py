"""Baseline: the encoder, one pooling and one linear layer; the reference for every graph method.

The four papers quote ResNet-101 with average pooling; with maximum pooling, which ML-GCN itself
uses, the same network is several points better, so both are here. On features that do not learn,
the best weights are the solution of a convex problem, which `train.optimizer: exact` finds.
"""

from torch import nn

from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.pooledlinear import ConvexLinear


def build(labels: LabelSpace, encoder: nn.Module, *, pooling: str) -> ConvexLinear:
    return ConvexLinear(encoder, len(labels.names), pooling)
