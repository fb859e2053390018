"""Baseline: the encoder, one pooling and one linear layer; the reference for every graph method.

The four papers quote ResNet-101 with average pooling; with maximum pooling, which ML-GCN itself
uses, the same network is several points better, so both are here.
"""

from torch import nn

from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.pooledlinear import PooledLinear


def build(labels: LabelSpace, encoder: nn.Module, *, pooling: str) -> PooledLinear:
    return PooledLinear(encoder, len(labels.names), pooling)
