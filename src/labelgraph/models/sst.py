"""SST: one transformer relates the positions of an image, another the labels.

Chen et al., "SST: Spatial and Semantic Transformers for Multi-Label Image Recognition", IEEE TIP
2022, https://doi.org/10.1109/TIP.2022.3148867. Not the structured semantic transfer of that name.

Only the abstract was at hand: what the labels' tokens are is our reading of it.

Shapes: B images, C labels, P positions, N tokens, F features of the encoder, W width of a token,
A attention heads of H numbers each.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu
from torch.nn.functional import scaled_dot_product_attention as attention

from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.positions import narrowed

TOKENS = ("labels", "positions")  # of the semantic transformer


class Layer(nn.Module):
    """Attention, then a feed-forward network; each is added, and the sum normalised."""

    def __init__(self, width: int, heads: int, head_width: int, feedforward: int):
        super().__init__()
        self.heads, inner = heads, heads * head_width
        self.three = nn.Linear(width, 3 * inner, bias=False)  # queries, keys and values
        self.output = nn.Linear(inner, width, bias=False)
        self.up, self.down = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, W) -> (B, N, W)."""
        split = self.three(tokens).unflatten(-1, (3, self.heads, -1))  # (B, N, 3, A, H)
        found = attention(*split.permute(2, 0, 3, 1, 4).unbind(0))  # (B, A, N, H)
        x = self.norms[0](tokens + self.output(found.transpose(1, 2).flatten(2)))
        return self.norms[1](x + self.down(relu(self.up(x))))


class SST(nn.Module):
    """Adds the scores of the mean position and those of the labels' tokens."""

    def __init__(
        self,
        encoder: nn.Module,
        labels: int,
        spatial: list[Layer],
        semantic: "LabelTokens | PositionTokens",
        width: int,
        side: int,
        parallel: bool,
    ):
        super().__init__()
        self.encoder, self.side, self.parallel = encoder, side, parallel
        self.reduction = nn.Linear(encoder.width, width)
        self.places = nn.Parameter(0.02 * torch.randn(width, side, side))
        self.spatial = nn.ModuleList(spatial)
        self.classifier = nn.Linear(width, labels)
        self.maps = nn.Linear(width, labels, bias=False)
        self.norm = nn.BatchNorm1d(labels)
        self.semantic = semantic

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = self.encoder(batch["image"])  # (B, F, h, w)
        size, places = features.shape[2:], self.places
        if size != places.shape[1:]:
            places = interpolate(places[None], size, mode="bilinear")[0]
        first = narrowed(features, False, self.reduction)  # (B, P, W)
        found = first + places.flatten(1).T
        for layer in self.spatial:
            found = layer(found)
        maps = relu(self.norm(self.maps(first if self.parallel else found).mT))  # (B, C, P)
        if size != self.places.shape[1:]:  # a label's token reads its map as a vector
            grid = (self.side, self.side)
            maps = interpolate(maps.unflatten(2, size), grid, mode="bilinear").flatten(2)
        return self.classifier(found.mean(1)) + self.semantic(maps)


class LabelTokens(nn.Module):
    """A token for each label, made from its map; its last state is scored by its own weights."""

    def __init__(self, labels: int, positions: int, width: int, layer: Layer, times: int):
        super().__init__()
        self.token = nn.Linear(positions, width, bias=False)  # each label has a bias of its own
        self.labels = nn.Parameter(0.02 * torch.randn(labels, width))
        self.layer, self.times = layer, times  # all layers share their weights
        self.classifier = nn.Linear(width, labels)  # each label uses its own row only

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, P) -> logits (B, C)."""
        tokens = self.token(maps) + self.labels  # (B, C, W)
        for _ in range(self.times):
            tokens = self.layer(tokens)
        return (tokens * self.classifier.weight).sum(-1) + self.classifier.bias


class PositionTokens(nn.Module):
    """A token for each position, with a number for each label."""

    def __init__(self, labels: int, layer: Layer, times: int):
        super().__init__()
        self.layer, self.times = layer, times
        self.classifier = nn.Linear(labels, labels)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, P) -> logits (B, C)."""
        tokens = maps.mT  # (B, P, C)
        for _ in range(self.times):
            tokens = self.layer(tokens)
        return self.classifier(tokens.mean(1))


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    layers: int,
    heads: int,
    head_width: int,
    feedforward: int,
    side: int,
    tokens: str,
    parallel: bool,
) -> SST:
    if tokens not in TOKENS:
        raise ValueError(f"sst tokens is {tokens!r}; it may be one of {TOKENS}")
    count, sizes = len(labels.names), (heads, head_width, feedforward)
    spatial = [Layer(width, *sizes) for _ in range(layers)]
    if tokens == "labels":
        semantic = LabelTokens(count, side * side, width, Layer(width, *sizes), layers)
    else:
        semantic = PositionTokens(count, Layer(count, *sizes), layers)
    return SST(encoder, count, spatial, semantic, width, side, parallel)
