"""TDRG: a transformer over the positions of two scales, and a graph of labels for each image.

Zhao et al., "Transformer-Based Dual Relation Graph for Multi-Label Image Recognition", ICCV 2021.

Shapes: B images, C labels, P positions, F features of the encoder, W width of a token, N width of
a label's node.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, leaky_relu, pad

from labelgraph.parts.imagenorm import ImageNorm
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import soft_margin
from labelgraph.parts.positions import grid, mapped
from labelgraph.parts.postnorm import Layer
from labelgraph.parts.sinecodes import sine_codes

SLOPE = 0.2  # of every LeakyReLU
STRONGEST = 0.05  # share of the positions that score a map
MIX = (0.7, 0.3)  # structure and semantics
OVER = ("positions", "batch")  # what attention goes over
SIDE = 3  # of the kernel that makes the second scale


class Scores(NamedTuple):
    """Logits (B, C) of the parts, each of which has a loss of its own."""

    structure: Tensor
    semantic: Tensor
    maps: Tensor

    def mixed(self) -> Tensor:
        return MIX[0] * self.structure + MIX[1] * self.semantic


class Transformer(nn.Module):
    """The layers that both scales share.

    As released, tokens and images are exchanged: a position attends to itself in the other images
    of the batch, and positions have no codes.
    """

    def __init__(self, layers: list[Layer], over: str):
        super().__init__()
        if over not in OVER:
            raise ValueError(f"tdrg attention is {over!r}; it may be one of {OVER}")
        self.layers, self.over = nn.ModuleList(layers), over

    def forward(self, maps: Tensor) -> Tensor:
        """(B, W, h, w) -> (B, P, W)."""
        x = maps.flatten(2).mT
        if self.over == "batch":
            return self.over_images(x)
        codes = sine_codes(*maps.shape[2:], x)
        for layer in self.layers:
            x = layer(x, x + codes, x + codes, x)
        return x

    def over_images(self, x: Tensor) -> Tensor:
        if not self.training and len(x) > 1:
            raise ValueError(
                f"tdrg with attention: batch was given {len(x)} images to score; the scores of one"
                " would depend on the others, so give it one image at a time"
            )
        x = x.transpose(0, 1)
        for layer in self.layers:
            x = layer(x, x, x, x)
        return x.transpose(0, 1)


class TDRG(nn.Module):
    """Scores the structure of the image and the relations of its labels, and mixes both."""

    def __init__(
        self, encoder: nn.Module, labels: int, width: int, nodes: int, transformer: Transformer
    ):
        super().__init__()
        self.encoder, self.transformer = encoder, transformer
        self.scales = nn.ModuleList(
            [
                nn.Conv2d(encoder.width, width, 1),
                nn.Conv2d(encoder.width, width, SIDE, stride=2),
            ]
        )
        self.structure = nn.Linear(2 * width, labels)
        self.maps = nn.Linear(encoder.width, labels, bias=False)
        self.transform = nn.Linear(encoder.width, nodes)
        self.guidance = nn.Linear(width, width)
        self.summary = nn.Linear(2 * width, 2 * width, bias=False)  # the normalisation has a bias
        self.norm = ImageNorm(2 * width)
        self.relations = nn.Linear(3 * width + nodes, labels)
        self.graph = nn.Linear(width + nodes, width + nodes)
        self.semantic = nn.Linear(width + nodes, labels)  # each node uses its own row only

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return self.scores(batch["image"]).mixed()

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The sum of the losses of the mixed scores and of its parts."""
        found = self.scores(batch["image"])
        known = batch["target"], batch["known"]
        return sum(soft_margin(scores, *known) for scores in (found.mixed(), *found))

    def scores(self, image: Tensor) -> Scores:
        features = grid(self.encoder(image), pooled=False)  # (B, F, h, w)
        encoded = [self.transformer(maps) for maps in self.exchanged(features)]  # (B, P, W) each
        structure = self.structure(torch.cat([x.amax(1) for x in encoded], -1))
        maps, values = mapped(features, self.maps, self.transform)  # (B, P, C), (B, P, N')
        semantic = self.related(maps.sigmoid().mT, values, [x.detach() for x in encoded])
        count = max(1, round(STRONGEST * maps.shape[1]))
        return Scores(structure, semantic, maps.topk(count, 1).values.mean(1))

    def exchanged(self, features: Tensor) -> list[Tensor]:
        """Both scales, (B, W, ., .) each: their product at one size is added to each of them."""
        high, wide = (max(0, SIDE - side) for side in features.shape[2:])
        fine = self.scales[0](features)
        coarse = self.scales[1](pad(features, (0, wide, 0, high)))  # the kernel needs three places
        large = resized(coarse, fine)
        product = fine * large
        return [fine + product, resized(large + product, coarse)]

    def related(self, masks: Tensor, values: Tensor, encoded: list[Tensor]) -> Tensor:
        """(B, C): masks (B, C, P) gather nodes, which the image's own graph relates."""
        guided = self.guidance(masks.detach() @ encoded[0])  # (B, C, W) a sum, not a mean
        nodes = torch.cat([masks @ values, guided], -1)  # (B, C, N)
        means = torch.cat([x.mean(1) for x in encoded], -1)
        summary = leaky_relu(self.norm(self.summary(means)), SLOPE)  # (B, 2 W)
        pairs = torch.cat([summary[:, None].expand(-1, nodes.shape[1], -1), nodes], -1)
        graph = self.relations(pairs).sigmoid()  # (B, C, C) entry [i, j]: i listens to j
        mixed = leaky_relu(graph @ nodes, SLOPE)
        nodes = nodes + leaky_relu(self.graph(mixed), SLOPE)
        return (nodes * self.semantic.weight).sum(-1) + self.semantic.bias


def resized(maps: Tensor, like: Tensor) -> Tensor:
    return interpolate(maps, like.shape[2:], mode="bilinear", align_corners=True)


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    nodes: int,
    layers: int,
    heads: int,
    feedforward: int,
    attention: str,
) -> TDRG:
    stack = [Layer(width, heads, feedforward, 0.0, gelu) for _ in range(layers)]
    transformer = Transformer(stack, attention)
    return TDRG(encoder, len(labels.names), width, nodes, transformer)
