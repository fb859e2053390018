"""IA-GCN: an image's regions decide how strongly its labels are connected.

"Instance-Aware Graph Convolutional Network for Multi-Label Classification", 2020,
https://arxiv.org/abs/2008.08407. Equation numbers below are that paper's.

Shapes: B images, C labels, N regions, F features; a graph that all images share is (1, C, C).
"""

from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from labelgraph.models.ia_gcn.graphlayers import (
    matrices,
    normalised,
    propagate,
    rectified,
)
from labelgraph.parts import labelgraph
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full, soft_margin
from labelgraph.parts.regions import pool, present

# branches, factors, graph: what each may be
CHOICES = (("both", "image", "regions"), ("mean", "sample", "none"), ("fused", "separate"))


class IAGCN(nn.Module):
    """The whole image against generated classifiers, and its regions through a graph network."""

    def __init__(self, labels: LabelSpace, encoder: nn.Module, how: SimpleNamespace):
        super().__init__()
        self.encoder, self.how = encoder, how
        edges = labelgraph.threshold(labels.counts, how.threshold)
        shared = labelgraph.reweighted(edges, how.neighbour_weight).to(labels.vectors.dtype)
        self.register_buffer("vectors", labels.vectors)  # (C, D)
        self.register_buffer("graph", shared)  # (C, C) A_S
        count, width = len(labels.names), encoder.width
        self.extra = 0 if how.factors == "none" else 2  # w_mu of eq. 8, w_sigma of eq. 9
        self.rough = nn.Conv2d(width, count + self.extra, 1, bias=False)  # with f_CNN of eq. 2 ...
        self.bias = nn.Parameter(torch.zeros(count))  # ... and its bias
        if how.branches != "regions":
            self.label_layers = matrices([labels.vectors.shape[1], *how.label_widths, width])
        if how.branches != "image":
            self.region_layers = rectified([count, *how.region_widths])
            self.classifier = nn.Linear(how.region_widths[-1], count)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return self.infer(batch)[0]

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Eq. 12: cross-entropy over the known labels, and the divergence of the factors."""
        logits, divergence = self.infer(batch)
        return soft_margin(logits, batch["target"], batch["known"]) + divergence

    def infer(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        features = self.encoder(batch["image"])  # (B, F, h, w)
        boxes = batch["boxes"][:, : self.how.regions]  # (B, N, 4)
        there = present(boxes)  # (B, N)
        # Eqs. 2, 7 to 9 and the pooling are linear, so the map is made narrow before all else.
        narrow = pool(self.rough(features), boxes)  # (B, N, C + 2)
        scores, moments = narrow.tensor_split([len(self.bias)], -1)
        factor, divergence = self.draw(moments, there)
        rough = (factor * scores + self.bias).sigmoid() * there[..., None]  # (B, N, C) A_I^w
        some = there.any(1, keepdim=True)  # (B, 1)
        strength = torch.where(some, rough.amax(1).clamp(min=1e-6), 1.0)  # (B, C) a_I, eq. 3
        own = strength[:, :, None] * strength[:, None, :]  # (B, C, C) A_I, eq. 4
        shared = self.graph[None]  # (1, C, C)
        if self.how.graph == "fused":
            shared = own = shared * own  # eq. 1: A_F
        if self.how.branches != "regions":
            logits = whole = self.score_image(features.amax((2, 3)), normalised(shared))
        if self.how.branches != "image":
            logits = local = self.score_regions(rough, normalised(own))
        if self.how.branches == "both":  # eq. 11
            both = self.how.fusion * whole + (1 - self.how.fusion) * local
            logits = torch.where(some, both, whole)
        return logits, divergence

    def draw(self, moments: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """A factor for each region, (B, N, 1), and eq. 14, mean over the images."""
        if self.how.factors == "none":
            return moments.new_ones(()), moments.new_zeros(())
        mean, spread = full(moments).unbind(-1)  # (B, N) each
        variance = softplus(spread) + 1e-6
        drawn = self.training or self.how.factors == "sample"
        factor = mean + variance.sqrt() * torch.randn_like(mean) if drawn else mean
        each = (mean.square() + variance - 1 - variance.log()) / 2 * there  # against N(0, 1)
        return factor[..., None], (each.sum(1) / there.sum(1).clamp(min=1)).mean()

    def score_image(self, image: Tensor, graph: Tensor) -> Tensor:
        """Eq. 6: image (B, F) against one classifier for each label, (B, C)."""
        first, *between, last = self.label_layers
        x = propagate(relu(graph @ first(self.vectors)), graph, between)  # (B or 1, C, .)
        response = x @ (image @ last.weight)[..., None]  # (B, C, 1): (A H W) x as A (H (W x))
        return (graph @ response).squeeze(-1)

    def score_regions(self, rough: Tensor, graph: Tensor) -> Tensor:
        """Eq. 10 as its shapes allow: (B, N, C) and (B, C, C) -> (B, C)."""
        related = normalised(rough @ graph @ rough.mT)  # (B, N, N) labels that go together
        x = propagate(rough, related, self.region_layers)  # without a bias, empty places stay 0
        return self.classifier(x.amax(1))


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    branches: str,
    factors: str,
    graph: str,
    threshold: float,
    neighbour_weight: float,
    regions: int,
    label_widths: list[int],
    region_widths: list[int],
    fusion: float,
) -> IAGCN:
    for given, allowed in zip((branches, factors, graph), CHOICES, strict=True):
        if given not in allowed:
            raise ValueError(f"ia_gcn has no {given!r}; it may be one of {allowed}")
    return IAGCN(labels, encoder, SimpleNamespace(**locals()))
