"""PLA: a recurrent decoder names labels, and learns them in the order in which it names them.

Yazici et al., "Orderless Recurrent Models for Multi-label Classification", CVPR 2020,
https://arxiv.org/abs/1911.09996.

Shapes: B images, C labels, P positions, T steps, F features of the encoder, H width of the state,
D of a symbol's vector. Symbols are the labels, END (C) and START (C + 1).
"""

from typing import Self

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import pad

from labelgraph.models.pla.alignment import ALIGNMENTS, aligned
from labelgraph.models.pla.sweep import Sweep
from labelgraph.parts import sequences
from labelgraph.parts.additive import AdditiveAttention
from labelgraph.parts.epochs import OVER, Epochs
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full, soft_margin
from labelgraph.parts.positions import positions

FINE = 0.01  # of the rate, in the last stage


class Decoder(nn.Module):
    """A recurrent network that looks at the image before each symbol."""

    def __init__(
        self, features: int, labels: int, hidden: int, attention: int, words: int, dropout: float
    ):
        super().__init__()
        self.first = nn.Linear(features, 2 * hidden)  # to the first state and memory
        self.attention = AdditiveAttention(features, hidden, attention, torch.relu)
        self.gate = nn.Linear(hidden, features)
        self.words = nn.Embedding(labels + 2, words)
        self.cell = nn.LSTMCell(words + features, hidden)
        self.output = nn.Linear(hidden, labels + 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, cells: Tensor, steps: int, fed: Tensor | None) -> tuple[Tensor, Tensor]:
        """Scores (B, T, C + 1) and symbols (B, T); each step reads the last symbol, or of `fed`."""
        state = self.first(cells.mean(1)).chunk(2, 1)  # (B, H) each
        cells = self.dropout(cells)
        keys = self.attention.keys(cells)
        start = len(self.words.weight) - 1
        symbol = torch.full((len(cells),), start, device=cells.device)
        scores, symbols = [], []
        for step in range(steps):
            found = torch.sigmoid(self.gate(state[0])) * self.attention(cells, keys, state[0])
            state = self.cell(torch.cat([self.words(symbol), found], 1), state)
            scores.append(self.output(state[0]))  # (B, C + 1)
            symbols.append(scores[-1].argmax(1))
            symbol = symbols[-1] if fed is None else fed[:, step]
        return torch.stack(scores, 1), torch.stack(symbols, 1)


class PLA(nn.Module):
    """Three stages: encoder and a linear probe; encoder and decoder; the decoder alone."""

    def __init__(
        self,
        encoder: nn.Module,
        rank: Tensor,
        decoder: Decoder,
        alignment: str,
        steps: int,
        probe: int,
        start: int,
    ):
        super().__init__()
        self.encoder, self.decoder, self.alignment = encoder, decoder, alignment
        self.steps, self.probe_epochs, self.start = steps, probe, start
        self.register_buffer("rank", rank)  # (C,) of labels by their frequency
        self.probe = nn.Linear(encoder.width, len(rank)) if probe else None
        self.epochs = Epochs()
        self.sweep = Sweep(decoder)

    def start_epoch(self, epoch: int, steps: int, batches: object) -> None:
        self.epochs.start(epoch, steps)
        if self.probe:
            self.probe.requires_grad_(epoch < self.probe_epochs)
        if epoch == self.start:
            self.sweep.adopt(self.decoder)

    def is_last(self) -> bool:
        """Whether the decoder learns alone. A single step that is timed is of the second stage."""
        return self.start <= self.epochs.number() < OVER

    def train(self, mode: bool = True) -> Self:
        """The last update is finished before the network is used."""
        if not mode:
            self.sweep.finish(self.decoder)
        super().train(mode)
        if self.is_last():
            self.encoder.eval()
        return self

    def decode(self, image: Tensor, fed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scores (B, T, C + 1) and symbols (B, T)."""
        cells = positions(self.encoder(image), pooled=False)  # (B, P, F)
        given = (cells.detach() if self.is_last() else cells, self.steps, fed)
        if self.training or self.is_last():
            return self.decoder(*given)
        return functional_call(self.decoder, self.sweep.average(self.decoder), given)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C): of the highest probability that a label has until END."""
        scores, symbols = self.decode(batch["image"])
        used = sequences.until_end(symbols, len(self.rank))
        return sequences.confidences(full(scores), used)

    def named_at(self, batch: dict[str, Tensor]) -> Tensor:
        """(B, C): the step at which each label is named first, from 1; 0 for the others."""
        _, symbols = self.decode(batch["image"])
        used = sequences.until_end(symbols, len(self.rank))
        return sequences.named(symbols, used, len(self.rank))

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        if self.epochs.number() < self.probe_epochs:
            logits = self.probe(self.encoder(batch["image"]).mean((2, 3)))
            return soft_margin(logits, batch["target"], batch["known"])
        if self.training:
            self.sweep.begin(self.decoder, FINE if self.is_last() else None)
        asked = self.asked((batch["target"] > 0.5) & batch["known"])  # (B, T)
        fed = asked if self.alignment == "fixed" else None
        scores, symbols = self.decode(batch["image"], fed)
        hidden = pad(~batch["known"], (0, 1))[:, None]  # (B, 1, C + 1) unknown: neither yes nor no
        log = full(scores).masked_fill(hidden, -sequences.INFINITE).log_softmax(2)
        counts = (asked != len(self.rank)).sum(1, keepdim=True)
        if self.alignment != "fixed":
            asked = aligned(log.detach(), asked, symbols, self.alignment)
        found = log.gather(2, asked[..., None]).squeeze(2)  # (B, T)
        used = torch.arange(self.steps, device=found.device) <= counts  # labels and one END
        return -found[used].mean()

    def asked(self, shown: Tensor) -> Tensor:
        """(B, T) labels, then END; without a step for all of them, the most frequent ones."""
        order = sequences.ordered(shown, self.rank)[:, : self.steps]
        return pad(order, (0, self.steps - order.shape[1]), value=len(self.rank))


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    hidden: int,
    attention: int,
    words: int,
    dropout: float,
    steps: int,
    alignment: str,
    probe: int,
    start: int,
) -> PLA:
    if alignment not in ALIGNMENTS:
        raise ValueError(f"pla alignment is {alignment!r}; it may be one of {ALIGNMENTS}")
    count = len(labels.names)
    decoder = Decoder(encoder.width, count, hidden, attention, words, dropout)
    rank = sequences.by_frequency(labels.counts)
    return PLA(encoder, rank, decoder, alignment, steps, probe, start)
