"""ADD-GCN: each image gets a label graph of its own, on top of one that all images share.

Ye et al., "Attention-Driven Dynamic Graph Convolutional Network for Multi-Label Image
Recognition", ECCV 2020, https://arxiv.org/abs/2012.02994.

Shapes: B images, C labels, P positions, F features of the encoder, W width of a label's node.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from labelgraph.parts.imagenorm import ImageNorm
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.positions import grid, mapped

SLOPE = 0.2  # of every LeakyReLU


class DynamicGraph(nn.Module):
    """Writes each image's graph from its nodes and their mean: entry [i, j], i listens to j."""

    def __init__(self, labels: int, width: int):
        super().__init__()
        self.summary = nn.Linear(width, width, bias=False)  # the normalisation has a bias
        self.norm = ImageNorm(width)
        self.relations = nn.Linear(2 * width, labels)

    def forward(self, nodes: Tensor) -> Tensor:
        """Nodes (B, C, W) -> graphs (B, C, C)."""
        summary = leaky_relu(self.norm(self.summary(nodes.mean(1))), SLOPE)  # (B, W)
        pairs = torch.cat([summary[:, None].expand_as(nodes), nodes], -1)  # (B, C, 2W)
        return torch.sigmoid(self.relations(pairs))


class ADDGCN(nn.Module):
    """Scores the strongest response of each label's map, and its node after both graphs."""

    def __init__(self, encoder: nn.Module, labels: int, width: int):
        super().__init__()
        self.encoder = encoder
        self.maps = nn.Linear(encoder.width, labels, bias=False)
        self.transform = nn.Linear(encoder.width, width)
        self.static_graph = nn.Linear(labels, labels, bias=False)  # used as a (C, C) matrix
        self.static = nn.Linear(width, width)
        self.dynamic_graph = DynamicGraph(labels, width)
        self.dynamic = nn.Linear(width, width)
        self.classifier = nn.Linear(width, labels)  # each label's node uses its own row only

    def propagate(self, nodes: Tensor) -> Tensor:
        """Nodes (B, C, W) after the shared graph and then the image's own."""
        mixed = leaky_relu(self.static_graph.weight @ nodes, SLOPE)
        spread = nodes + leaky_relu(self.static(mixed), SLOPE)
        mixed = leaky_relu(self.dynamic_graph(spread) @ spread, SLOPE)
        return nodes + leaky_relu(self.dynamic(mixed), SLOPE)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        found = grid(self.encoder(batch["image"]), pooled=False)  # (B, F, h, w)
        maps, values = mapped(found, self.maps, self.transform)  # (B, P, C), (B, P, W)
        nodes = torch.sigmoid(maps).mT @ values  # (B, C, W) a sum, not a mean
        nodes = self.propagate(nodes)
        related = (nodes * self.classifier.weight).sum(-1) + self.classifier.bias  # (B, C)
        return (maps.amax(1) + related) / 2


def build(labels: LabelSpace, encoder: nn.Module, *, width: int) -> ADDGCN:
    return ADDGCN(encoder, len(labels.names), width)
