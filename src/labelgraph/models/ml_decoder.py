"""ML-Decoder: fixed random queries read the image by attention; each answers for a group of labels.

Ridnik et al., "ML-Decoder: Scalable and Versatile Classification Head", 2021,
https://arxiv.org/abs/2111.12933.

Shapes: B images, C labels, P positions, F features of the encoder, W width of a token, K queries,
G labels of a query.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from labelgraph.parts.asymmetric import Focus
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.positions import grid, mapped
from labelgraph.parts.postnorm import Layer


class MLDecoder(nn.Module):
    """One layer of attention from the queries to the positions; queries do not see each other."""

    def __init__(
        self, encoder: nn.Module, labels: int, queries: int, layer: Layer, width: int, focus: Focus
    ):
        super().__init__()
        self.encoder, self.focus = encoder, focus
        count = min(queries, labels)
        self.reduction = nn.Linear(encoder.width, width)
        self.register_buffer("queries", torch.randn(count, width))  # never learned
        self.norm, self.layer = nn.LayerNorm(width), layer
        self.groups = nn.Parameter(torch.empty(count, width, -(-labels // count)))
        self.bias = nn.Parameter(torch.zeros(labels))
        nn.init.xavier_normal_(self.groups)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C): label k G + j is the j-th of query k."""
        features = grid(self.encoder(batch["image"]), pooled=False)
        found = relu(mapped(features, self.reduction)[0])  # (B, P, W)
        queries = self.queries.expand(len(found), -1, -1)
        queries = self.norm(queries + self.layer.dropout(queries))  # (B, K, W)
        answers = self.layer(queries, queries, found, found)
        scores = torch.einsum("bkw,kwg->bkg", answers, self.groups.to(answers.dtype))
        return scores.flatten(1)[:, : len(self.bias)] + self.bias

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The asymmetric loss, summed over the known labels of all images."""
        return (self.focus.entries(self(batch), batch["target"]) * batch["known"]).sum()


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    heads: int,
    feedforward: int,
    dropout: float,
    queries: int,
    plus: float,
    minus: float,
    margin: float,
) -> MLDecoder:
    layer = Layer(width, heads, feedforward, dropout)
    focus = Focus(plus, minus, margin)
    return MLDecoder(encoder, len(labels.names), queries, layer, width, focus)
