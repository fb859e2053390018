"""Order-Free RNN: of an image's labels, the next one is the one that the network finds most likely.

Chen et al., "Order-Free RNN with Visual Attention for Multi-Label Classification", AAAI 2018,
https://arxiv.org/abs/1707.05495. Each step reads the probabilities of the step before, in training
as in testing; the first one reads those of a linear layer.

Shapes: B images, C labels, P positions, N paths of the beam, F features of the encoder, H width of
the state. Symbols are the labels, END (C, if there is one) and START (C + 1), which has no score.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, pad

from labelgraph.parts import sequences
from labelgraph.parts.additive import AdditiveAttention
from labelgraph.parts.epochs import Epochs
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import cross_entropy, full, soft_margin
from labelgraph.parts.positions import positions

FED = ("probabilities", "labels")
STOPS = ("threshold", "end")
Read = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def one_hot(symbols: Tensor, labels: int) -> Tensor:
    """Bool (..., C); of a symbol that is not a label, nothing."""
    return symbols[..., None] == torch.arange(labels, device=symbols.device)


def likeliest(scores: Tensor, pool: Tensor) -> Tensor:
    """(B,) of the labels of each pool (B, C); C where it is empty."""
    chosen = scores.detach()[:, : pool.shape[1]].masked_fill(~pool, -sequences.INFINITE).argmax(1)
    return torch.where(pool.any(1), chosen, pool.shape[1])


class Threshold(nn.Module):
    """Each label has a probability of its own; a path ends where none that is left is probable."""

    symbols = 0  # besides the labels

    def __init__(self, least: float):
        super().__init__()
        self.least = math.log(least / (1 - least))

    def probabilities(self, scores: Tensor) -> Tensor:
        return scores.sigmoid()

    def loss(self, scores: Tensor, pool: Tensor, known: Tensor) -> Tensor:
        """Of a step, (B,): labels of the pool (B, C) are yes, all others no."""
        values = cross_entropy(scores, pool.to(scores.dtype)) * known
        return values.sum(1) / known.sum(1).clamp(min=1)

    def search(self, read: Read, state: Tensor, labels: int, paths: int, steps: int):
        """As `sequences.beam`; of paths, the one with the greatest product of probabilities."""
        state = state[:, None].expand(-1, paths, -1)
        symbols = torch.full(state.shape[:2], labels + 1, device=state.device)
        alive = state.new_full(state.shape[:2], -sequences.INFINITE)
        sure = alive[..., None].expand(-1, -1, labels)
        seen = torch.zeros_like(sure, dtype=torch.long)
        best = sequences.Best(alive[:, 0], sure[:, 0], seen[:, 0])
        alive = alive.index_fill(1, torch.tensor(0, device=state.device), 0.0)
        for step in range(1, steps + 1):
            scores, state = read(symbols, state)  # (B, N, C)
            sure = torch.maximum(sure, scores)
            left = scores.masked_fill(seen > 0, -sequences.INFINITE)
            ended = left.amax(2) < self.least  # (B, N)
            ending = alive.masked_fill(~ended, -sequences.INFINITE)
            best = sequences.better(best, ending, sure, seen)
            further = alive.masked_fill(ended, -sequences.INFINITE)[..., None] + logsigmoid(left)
            further = further.flatten(1)  # (B, N * C)
            place = further.argsort(dim=1, descending=True, stable=True)[:, :paths]  # (B, N)
            alive = further.gather(1, place)
            parent, symbols = place // labels, place % labels
            state, seen, sure = (sequences.follow(x, parent) for x in (state, seen, sure))
            seen = torch.where(one_hot(symbols, labels), step, seen)
        return sequences.better(best, alive, sure, seen)


class End(nn.Module):
    """Labels and END share one probability; a path ends with END."""

    symbols = 1

    def probabilities(self, scores: Tensor) -> Tensor:
        return scores.softmax(-1)[..., :-1]

    def loss(self, scores: Tensor, pool: Tensor, known: Tensor) -> Tensor:
        """Of a step, (B,): the likeliest label of the pool (B, C) is asked for, or END."""
        hidden = pad(~known, (0, 1))  # unknown: neither yes nor no
        log = scores.masked_fill(hidden, -sequences.INFINITE).log_softmax(1)
        return -log.gather(1, likeliest(scores, pool)[:, None]).squeeze(1)

    def search(self, read: Read, state: Tensor, labels: int, paths: int, steps: int):
        return sequences.beam(read, state, labels, paths, steps)


class Decoder(nn.Module):
    """What is kept between two steps is (., 2 H + C): state, memory, and what is read next."""

    def __init__(self, features: int, labels: int, hidden: int, attention: int, stop: nn.Module):
        super().__init__()
        self.stop, self.kept = stop, (hidden, hidden, labels)
        self.attention = AdditiveAttention(features, hidden, attention, torch.tanh)
        self.cell = nn.LSTMCell(labels + features, hidden)
        self.output = nn.Linear(hidden, labels + stop.symbols)

    def begin(self, read: Tensor) -> Tensor:
        """State and memory are zero."""
        return pad(read, (2 * self.kept[0], 0))

    def forward(self, cells: Tensor, keys: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, C or C + 1), and what is kept."""
        state, memory, read = kept.split(self.kept, 1)
        found = self.attention(cells, keys, state)
        state, memory = self.cell(torch.cat([read, found], 1), (state, memory))
        scores = full(self.output(state))
        return scores, torch.cat([state, memory, self.stop.probabilities(scores)], 1)

    def reading(self, kept: Tensor, labels: Tensor) -> Tensor:
        """The next step reads labels (..., C) instead."""
        return torch.cat([kept[..., : 2 * self.kept[0]], labels.to(kept.dtype)], -1)


class OrderFreeRNN(nn.Module):
    """The first probabilities learn alone before epoch `start`."""

    def __init__(
        self,
        encoder: nn.Module,
        decoder: Decoder,
        feeds_labels: bool,
        paths: int,
        steps: int,
        start: int,
    ):
        super().__init__()
        self.encoder, self.decoder, self.feeds_labels = encoder, decoder, feeds_labels
        self.paths, self.steps, self.start = paths, steps, start
        self.labels = decoder.kept[2]
        self.first = nn.Linear(encoder.width, self.labels)
        self.epochs = Epochs()

    def start_epoch(self, epoch: int, steps: int, images: Iterator[dict[str, Tensor]]) -> None:
        self.epochs.start(epoch, steps)

    def search(self, batch: dict[str, Tensor]) -> sequences.Best:
        """The best path of each image."""
        features = self.encoder(batch["image"])
        cells = positions(features, pooled=False).repeat_interleave(self.paths, 0)  # (B * N, P, F)
        keys = self.decoder.attention.keys(cells)

        def read(symbols: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
            if self.feeds_labels:
                told = self.decoder.reading(kept, one_hot(symbols, self.labels))
                kept = torch.where(symbols[..., None] > self.labels, kept, told)
            scores, kept = self.decoder(cells, keys, kept.flatten(0, 1))
            return scores.unflatten(0, symbols.shape), kept.unflatten(0, symbols.shape)

        kept = self.decoder.begin(full(self.first(features.mean((2, 3)))).sigmoid())
        return self.decoder.stop.search(read, kept, self.labels, self.paths, self.steps)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C): of the highest probability that a label has on the best path."""
        return self.search(batch).confidence

    def named_at(self, batch: dict[str, Tensor]) -> Tensor:
        """(B, C): the step at which each label is named, from 1; 0 for the others."""
        return self.search(batch).named

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        features = self.encoder(batch["image"])
        first = full(self.first(features.mean((2, 3))))  # (B, C)
        loss = soft_margin(first, batch["target"], batch["known"])
        if self.epochs.number() < self.start:
            return loss
        return loss + self.of_steps(features, first, batch)

    def of_steps(self, features: Tensor, first: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """A step for each label of an image and one for none, summed; the mean over images."""
        known = batch["known"]
        pool = (batch["target"] > 0.5) & known  # (B, C) labels that were not chosen yet
        counts = pool.sum(1)
        cells = positions(features, pooled=False)  # (B, P, F)
        keys = self.decoder.attention.keys(cells)
        kept, total = self.decoder.begin(first.sigmoid()), first.new_zeros(len(first))
        for step in range(int(counts.max()) + 1):
            scores, kept = self.decoder(cells, keys, kept)
            total = total + self.decoder.stop.loss(scores, pool, known) * (step <= counts)
            chosen = one_hot(likeliest(scores, pool), self.labels)
            if self.feeds_labels:
                kept = self.decoder.reading(kept, chosen)
            pool = pool & ~chosen
        return total.mean()


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    hidden: int,
    attention: int,
    stop: str,
    threshold: float,
    fed: str,
    paths: int,
    steps: int,
    start: int,
) -> OrderFreeRNN:
    """`threshold`: a path ends where no label is more probable; with `end` it has no effect."""
    for name, chosen, known in (("stop", stop, STOPS), ("fed", fed, FED)):
        if chosen not in known:
            raise ValueError(f"order_free_rnn {name} is {chosen!r}; it may be one of {known}")
    ending = End() if stop == "end" else Threshold(threshold)
    decoder = Decoder(encoder.width, len(labels.names), hidden, attention, ending)
    return OrderFreeRNN(encoder, decoder, fed == "labels", paths, steps, start)
