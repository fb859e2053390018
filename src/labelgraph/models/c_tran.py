"""C-Tran: a transformer over image positions and labels, trained with some of the labels shown.

Lanchantin et al., "General Multi-Label Image Classification With Transformers", CVPR 2021,
https://arxiv.org/abs/2011.14027.

Shapes: B images, C labels, P positions, N = P + C tokens, F features of the encoder, W width of a
token, A attention heads.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.functional import scaled_dot_product_attention as attention

from labelgraph.parts.firstweights import spread_by_width
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import cross_entropy
from labelgraph.parts.positions import narrowed


class Layer(nn.Module):
    """Attention over all tokens, then a feed-forward network; each followed by normalisation."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)  # to keys and values
        self.output = nn.Linear(width, width)
        self.up = nn.Linear(width, feedforward)
        self.down = nn.Linear(feedforward, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(dropout)
        bound = (6 / (4 * width)) ** 0.5  # torch's, for queries, keys and values as one layer
        for layer in (self.query, self.memory):
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Updates the query tokens (B, Q, W) from all tokens (B, N, W)."""
        x = self.norms[0](queries + self.dropout(self.attend(queries, tokens)))
        step = self.down(self.dropout(relu(self.up(x))))
        return self.norms[1](x + self.dropout(step))

    def attend(self, queries: Tensor, tokens: Tensor) -> Tensor:
        three = (self.query(queries), *self.memory(tokens).chunk(2, -1))
        split = [self.split(x) for x in three]  # (B, A, ., W / A)
        dropout = self.dropout.p if self.training else 0.0
        found = attention(*split, dropout_p=dropout)  # (B, A, Q, W / A)
        return self.output(found.transpose(1, 2).flatten(2))

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class CTran(nn.Module):
    """Scores each label by its own token; a state embedding marks it as unknown, no or yes."""

    def __init__(
        self,
        encoder: nn.Module,
        labels: int,
        width: int,
        layers: list[Layer],
        known_share: float,
        pooled: bool,
    ):
        super().__init__()
        self.encoder, self.known_share, self.pooled = encoder, known_share, pooled
        same = encoder.width == width
        self.reduction = nn.Identity() if same else nn.Linear(encoder.width, width)
        self.labels = nn.Embedding(labels, width)
        self.states = nn.Embedding(3, width, padding_idx=0)  # unknown (never learned), no, yes
        spread_by_width(self.labels, self.states)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(layers)
        self.classifier = nn.Linear(width, labels)  # each label's token uses its own row only

    def scores(self, image: Tensor, states: Tensor) -> Tensor:
        """Logits (B, C); `states` (B, C): 0 unknown, 1 no, 2 yes."""
        found = narrowed(self.encoder(image), self.pooled, self.reduction)  # (B, P, W)
        labels = self.labels.weight + self.states(states)  # (B, C, W)
        tokens = self.norm(torch.cat([found, labels.to(found.dtype)], 1))  # (B, N, W)
        for layer in self.layers[:-1]:
            tokens = layer(tokens, tokens)
        queries = tokens[:, found.shape[1] :]  # (B, C, W) the other outputs are not used
        labels = self.layers[-1](queries, tokens)  # (B, C, W)
        return (labels * self.classifier.weight).sum(-1) + self.classifier.bias

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C), with no label known."""
        size = len(batch["image"]), len(self.labels.weight)
        return self.scores(batch["image"], self.labels.weight.new_zeros(size, dtype=torch.long))

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Cross-entropy, summed over the known labels that were not shown."""
        known, target = batch["known"], batch["target"]
        shown = known & chosen(known, int(self.known_share * known.shape[1]))
        logits = self.scores(batch["image"], shown * (1 + target).long())
        values = cross_entropy(logits, target)
        return (values * (known & ~shown)).sum()


def chosen(known: Tensor, most: int) -> Tensor:
    """(B, C): for each image between none and `most` labels, all numbers equally likely."""
    count = torch.randint(0, most + 1, (len(known), 1), device=known.device)
    order = torch.rand(known.shape, device=known.device).argsort(1).argsort(1)  # (B, C) from 0
    return order < count


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    layers: int,
    heads: int,
    feedforward: int,
    dropout: float,
    known_share: float,
    pooled: bool,
) -> CTran:
    if width % heads:
        raise ValueError(f"c_tran width is {width}; its {heads} heads need a multiple of {heads}")
    stack = [Layer(width, heads, feedforward, dropout) for _ in range(layers)]
    return CTran(encoder, len(labels.names), width, stack, known_share, pooled)
