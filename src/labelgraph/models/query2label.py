"""Query2Label: each label has a learned query that reads the positions of the image by attention.

Liu et al., "Query2Label: A Simple Transformer Way to Multi-Label Classification", 2021,
https://arxiv.org/abs/2107.10834.

Shapes: B images, C labels, P positions, F features of the encoder, W width of a token.
"""

import torch
from torch import Tensor, nn

from labelgraph.parts.asymmetric import Focus
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.positions import narrowed
from labelgraph.parts.postnorm import Layer
from labelgraph.parts.sinecodes import sine_codes

SCALE = 1000  # of the loss


class Query2Label(nn.Module):
    """Positions read each other, then queries read positions; queries do not see each other."""

    def __init__(
        self,
        encoder: nn.Module,
        labels: int,
        width: int,
        encoder_layers: list[Layer],
        decoder_layers: list[Layer],
        focus: Focus,
    ):
        super().__init__()
        self.encoder, self.focus = encoder, focus
        same = encoder.width == width
        self.reduction = nn.Identity() if same else nn.Linear(encoder.width, width)
        self.readers, self.decoders = nn.ModuleList(encoder_layers), nn.ModuleList(decoder_layers)
        self.queries = nn.Parameter(torch.randn(labels, width))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, labels)  # each label's state uses its own row only

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = self.encoder(batch["image"])  # (B, F, h, w)
        found = narrowed(features, False, self.reduction)  # (B, P, W)
        codes = sine_codes(*features.shape[2:], found)  # in queries and keys, never in values
        for layer in self.readers:
            found = layer(found, found + codes, found + codes, found)
        states = found.new_zeros(len(found), *self.queries.shape)  # (B, C, W)
        for layer in self.decoders:
            states = layer(states, states + self.queries, found + codes, found)
        states = self.norm(states)
        return (states * self.classifier.weight).sum(-1) + self.classifier.bias

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The sum over the known labels, divided by the number of all labels."""
        values = self.focus.entries(self(batch), batch["target"])
        return SCALE * (values * batch["known"]).mean()


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    encoder_layers: int,
    decoder_layers: int,
    heads: int,
    feedforward: int,
    dropout: float,
    plus: float,
    minus: float,
    margin: float,
) -> Query2Label:
    stacks = [
        [Layer(width, heads, feedforward, dropout) for _ in range(count)]
        for count in (encoder_layers, decoder_layers)
    ]
    focus = Focus(plus, minus, margin)
    return Query2Label(encoder, len(labels.names), width, *stacks, focus)
