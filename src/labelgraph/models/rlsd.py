"""RLSD without learned regions: each region of an image names labels, and the surest answer counts.

Zhang et al., "Multilabel Image Classification with Regional Latent Semantic Dependencies", IEEE TMM
2018, https://arxiv.org/abs/1612.01082. Windows on a fixed lattice stand in for the proposals of a
network that learns. One LSTM reads the code of a window and then, step by step, the label that it
named last. It learns from whole images first, and then from all windows together.

Shapes: B images, C labels, R windows, F features of the encoder, W width of a code, T steps.
Symbols are the labels and END (C).
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from labelgraph.parts import sequences
from labelgraph.parts.epochs import Epochs
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full, soft_margin
from labelgraph.parts.windows import crops, every_window

CELLS = 7  # of the lattice, along a side
WHOLE = (0.0, 0.0, 1.0, 1.0)


def lattice(sides: list[int], strides: list[int]) -> Tensor:
    """Windows of these sides, in cells, each side with its own distance between them: (R, 4)."""
    found = []
    for side, stride in zip(sides, strides, strict=True):
        boxes = every_window(CELLS, [side])
        corner = (boxes[:, :2] * CELLS).round().long()
        found.append(boxes[(corner % stride == 0).all(1)])
    return torch.cat(found)


class Decoder(nn.Module):
    """Names labels after it has read the code of a window."""

    def __init__(self, labels: int, width: int, hidden: int):
        super().__init__()
        self.words = nn.Embedding(labels, width)
        self.cell = nn.LSTMCell(width, hidden)
        self.output = nn.Linear(hidden, labels + 1)

    def told(self, code: Tensor, asked: Tensor) -> Tensor:
        """Scores (B, T, C + 1) of the asked symbols (B, T), each after the true ones before it."""
        state = self.cell(code)
        scores = [self.output(state[0])]
        for symbols in asked.T[:-1]:
            state = self.cell(self.read(symbols), state)
            scores.append(self.output(state[0]))
        return full(torch.stack(scores, 1))

    def named(self, code: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Scores (B, T, C + 1) and symbols (B, T), each the likeliest that was not named before."""
        labels = len(self.words.weight)
        state = self.cell(code)
        seen = torch.zeros(len(code), labels + 1, dtype=torch.bool, device=code.device)
        column = torch.arange(labels + 1, device=code.device)
        scores, symbols = [], []
        for step in range(steps):
            if step:
                state = self.cell(self.read(symbols[-1]), state)
            scores.append(full(self.output(state[0])))
            left = scores[-1].detach().masked_fill(seen, -sequences.INFINITE)
            symbols.append(left.argmax(1))
            seen = seen | ((column == symbols[-1][:, None]) & (column < labels))
        return torch.stack(scores, 1), torch.stack(symbols, 1)

    def read(self, symbols: Tensor) -> Tensor:
        """The vectors of labels; after END nothing counts, so it has none."""
        return self.words(symbols.clamp(max=len(self.words.weight) - 1))


class RLSD(nn.Module):
    """`start`: the epoch from which windows learn; before, the whole image is the only one."""

    def __init__(self, encoder: nn.Module, rank: Tensor, boxes: Tensor, width: int, **settings):
        super().__init__()
        self.encoder, self.epochs = encoder, Epochs()
        self.points, self.samples = settings["points"], settings["samples"]
        self.steps, self.start = settings["steps"], settings["start"]
        self.register_buffer("rank", rank)  # (C,) of labels by their frequency
        self.register_buffer("boxes", boxes, persistent=False)  # (R, 4)
        self.code = nn.Linear(encoder.width * self.points**2, width)
        self.decoder = Decoder(len(rank), width, settings["hidden"])

    def start_epoch(self, epoch: int, steps: int, images: Iterator[dict[str, Tensor]]) -> None:
        self.epochs.start(epoch, steps)

    def codes(self, features: Tensor, boxes: Tensor) -> Tensor:
        """(B, R, W)."""
        return relu(self.code(crops(features, boxes, self.points, self.samples).flatten(2)))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C): of the highest probability of a label at any step of any window."""
        codes = self.codes(self.encoder(batch["image"]), self.boxes)  # (B, R, W)
        scores, symbols = self.decoder.named(codes.flatten(0, 1), self.steps)
        used = sequences.until_end(symbols, len(self.rank))
        found = sequences.confidences(scores, used)  # (B * R, C)
        return found.unflatten(0, codes.shape[:2]).amax(1)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Of sequences of whole images before epoch `start`, then of the windows' probabilities."""
        if self.epochs.number() < self.start:
            return self.of_images(batch)
        return soft_margin(self.forward(batch), batch["target"], batch["known"])

    def of_images(self, batch: dict[str, Tensor]) -> Tensor:
        """Cross-entropy of the labels from the most frequent on, and END."""
        features, known = self.encoder(batch["image"]), batch["known"]
        code = self.codes(features, features.new_tensor([WHOLE]))[:, 0]
        shown = (batch["target"] > 0.5) & known
        asked = sequences.ordered(shown, self.rank)[:, : int(shown.sum(1).max()) + 1]  # (B, T)
        hidden = pad(~known, (0, 1))[:, None]  # (B, 1, C + 1) unknown: neither yes nor no
        scores = self.decoder.told(code, asked).masked_fill(hidden, -sequences.INFINITE)
        values = scores.log_softmax(2).gather(2, asked[..., None]).squeeze(2)  # (B, T)
        return -(values * sequences.until_end(asked, len(self.rank))).sum(1).mean()


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    sides: list[int],
    strides: list[int],
    points: int,
    samples: int,
    width: int,
    hidden: int,
    steps: int,
    start: int,
) -> RLSD:
    rank, boxes = sequences.by_frequency(labels.counts), lattice(sides, strides)
    cut, decoder = {"points": points, "samples": samples}, {"hidden": hidden, "steps": steps}
    return RLSD(encoder, rank, boxes, width, start=start, **cut, **decoder)
