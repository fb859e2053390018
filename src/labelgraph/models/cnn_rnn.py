"""CNN-RNN: labels are named from the most frequent on, in one space with image and state.

Wang et al., "CNN-RNN: A Unified Framework for Multi-Label Image Classification", CVPR 2016,
https://arxiv.org/abs/1604.04573.

Shapes: B images, C labels, N paths of the beam, T steps, F features of the encoder, H width of the
state, D of the space that labels, images and states share. Symbols are the labels, END (C) and
START (C + 1), which is read but never scored.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from labelgraph.parts import sequences
from labelgraph.parts.firstweights import spread_by_width
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full

GATES = {"logistic": torch.sigmoid, "relu": relu}
JOINTS = {"relu": relu, "tanh": torch.tanh, "identity": lambda x: x}


class Cell(nn.Module):
    """The printed cell: one state, which the gates read, and no bias."""

    def __init__(self, words: int, hidden: int, gates: str):
        super().__init__()
        self.bend = GATES[gates]
        self.words = nn.Linear(words, 4 * hidden, bias=False)  # to input, forget, output, candidate
        self.state = nn.Linear(hidden, 4 * hidden, bias=False)

    def forward(self, words: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(..., D) and (..., H) -> the output and the new state, (..., H) each."""
        *gates, candidate = (self.words(words) + self.state(state)).chunk(4, -1)
        enter, forget, leave = map(self.bend, gates)
        state = forget * state + enter * relu(candidate)
        return state * leave, state


class Joint(nn.Module):
    """The space in which an image and an output meet."""

    def __init__(self, features: int, hidden: int, words: int, bend: str, dropout: float):
        super().__init__()
        self.bend = JOINTS[bend]
        self.image = nn.Linear(features, words, bias=False)
        self.output = nn.Linear(hidden, words, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, image: Tensor, outputs: Tensor) -> Tensor:
        """Images (B, F) and outputs (B, ., H) -> (B, ., D)."""
        return self.dropout(self.bend(self.output(outputs) + self.image(image)[:, None]))


class CNNRNN(nn.Module):
    """One table of vectors is read for the last symbol, and scores the next one."""

    def __init__(
        self,
        encoder: nn.Module,
        rank: Tensor,
        words: int,
        cell: Cell,
        joint: Joint,
        paths: int,
        steps: int,
    ):
        super().__init__()
        self.encoder, self.cell, self.joint = encoder, cell, joint
        self.hidden, self.paths, self.steps = cell.state.in_features, paths, steps
        self.register_buffer("rank", rank)  # (C,) of labels by their frequency
        self.words = nn.Embedding(len(rank) + 2, words)
        spread_by_width(self.words)

    def pooled(self, batch: dict[str, Tensor]) -> Tensor:
        return self.encoder(batch["image"]).mean((2, 3))  # (B, F)

    def scores(self, image: Tensor, outputs: Tensor) -> Tensor:
        """Of all symbols but START, (B, ., C + 1)."""
        return full(self.joint(image, outputs) @ self.words.weight[:-1].T)

    def search(self, batch: dict[str, Tensor]) -> sequences.Best:
        """The most probable path of each image."""
        image = self.pooled(batch)

        def read(symbols: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            output, state = self.cell(self.words(symbols), state)
            return self.scores(image, output), state

        state = image.new_zeros(len(image), self.hidden)
        return sequences.beam(read, state, len(self.rank), self.paths, self.steps)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C): of the highest probability that a label has on the best path."""
        return self.search(batch).confidence

    def named_at(self, batch: dict[str, Tensor]) -> Tensor:
        """(B, C): the step at which each label is named, from 1; 0 for the others."""
        return self.search(batch).named

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Cross-entropy of the labels in order and END, each after the true ones before it."""
        end = len(self.rank)
        shown = (batch["target"] > 0.5) & batch["known"]
        asked = sequences.ordered(shown, self.rank)[:, : int(shown.sum(1).max()) + 1]  # (B, T)
        image, outputs = self.pooled(batch), []
        state = image.new_zeros(len(image), self.hidden)
        for symbols in pad(asked[:, :-1], (1, 0), value=end + 1).T:  # START, then labels
            output, state = self.cell(self.words(symbols), state)
            outputs.append(output)
        scores = self.scores(image, torch.stack(outputs, 1))  # (B, T, C + 1)
        hidden = pad(~batch["known"], (0, 1))[:, None]  # (B, 1, C + 1) unknown: neither yes nor no
        log = scores.masked_fill(hidden, -sequences.INFINITE).log_softmax(2)
        values = log.gather(2, asked[..., None]).squeeze(2)  # (B, T)
        return -(values * sequences.until_end(asked, end)).sum(1).mean()


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    words: int,
    hidden: int,
    gates: str,
    joint: str,
    dropout: float,
    paths: int,
    steps: int,
) -> CNNRNN:
    for name, chosen, known in (("gates", gates, GATES), ("joint", joint, JOINTS)):
        if chosen not in known:
            raise ValueError(f"cnn_rnn {name} is {chosen!r}; it may be one of {[*known]}")
    rank = sequences.by_frequency(labels.counts)
    cell = Cell(words, hidden, gates)
    space = Joint(encoder.width, hidden, words, joint, dropout)
    return CNNRNN(encoder, rank, words, cell, space, paths, steps)
