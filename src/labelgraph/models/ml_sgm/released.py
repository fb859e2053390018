"""The model in ML-SGM's released code: 49 cells of the image are matched with the labels.

It shares with the paper the three kinds of edges and the maximum at the end, and little else: no
activation maps, no boxes, no nearest neighbours; edges between cells carry the features of both;
edges change before nodes, labels receive messages from changed instances, every function is a
perceptron with layer normalisation, and all nodes and edges go through five more of them before
edges change and before nodes do. A label is its own neighbour.

Shapes: B images, M cells of D features, N = 4 sides of a cell, C labels, d widths.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot

from labelgraph.parts.graphblock import of_neighbours
from labelgraph.parts.losses import cross_entropy, known_mean
from labelgraph.parts.perceptrons import Encoder

SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))  # row and column of a cell's neighbours
YES, NO = 0.8, 0.2  # weights of the loss
KINDS = ("cell", "label", "cells", "labels", "matching")  # nodes, and edges between them
EDGES = KINDS[2:]
MESSAGES = ("among_cells", "to_cells", "among_labels", "to_labels")
State = dict[str, Tensor]  # the features of each of KINDS


def grid(x: Tensor) -> tuple[Tensor, Tensor]:
    """The cells of (B, D, h, w) beside each: picks (M, N, M) of 0 and 1, and weights (M, N)."""
    (height, width), device = x.shape[2:], x.device
    rows = torch.arange(height, device=device).repeat_interleave(width)  # (M,)
    columns = torch.arange(width, device=device).repeat(height)
    step_down, step_right = torch.tensor(SIDES, device=device).T  # (N,) each
    row, column = rows[:, None] + step_down, columns[:, None] + step_right  # (M, N)
    there = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = (row * width + column).clamp(0, height * width - 1)
    picks = one_hot(place, height * width).to(x.dtype) * there[..., None]
    return picks, there.to(x.dtype) / there.sum(1, keepdim=True).clamp(min=1)


def encoders(ends: dict[str, list[int]], widths: list[int]) -> nn.ModuleDict:
    return nn.ModuleDict({name: Encoder(inputs, widths) for name, inputs in ends.items()})


def passed(through: nn.ModuleDict, state: State) -> State:
    """What has an encoder goes through it; nothing else is read any more."""
    return {name: encoder(state[name]) for name, encoder in through.items()}


class Block(nn.Module):
    """Changes edges by their two ends, then nodes by the means of messages over their edges.

    Before each of the two, everything goes through an encoder of its own.
    """

    def __init__(self, size: int, widths: list[int], last: bool):
        super().__init__()
        first, edges, then = KINDS, EDGES, KINDS
        if last:  # after the last block only the matching edges are read
            first, edges, then = ("cell", "label", "matching"), ("matching",), ("matching",)
        self.before_edges = encoders({name: [size] for name in first}, widths)
        self.change = encoders({name: [size] * 3 for name in edges}, widths)
        self.before_nodes = encoders({name: [size] for name in then}, widths)
        if not last:
            self.message = encoders({name: [size] * 2 for name in MESSAGES}, widths)
            self.update = encoders({name: [size] * 3 for name in ("cell", "label")}, widths)

    def forward(self, state: State, picks: Tensor, share: Tensor) -> State:
        state = passed(self.before_edges, state)
        cell, label = state["cell"], state["label"]  # (B, M, d), (B or 1, C, d)
        ends = {
            "cells": (cell[:, :, None], of_neighbours(cell, picks)),
            "labels": (label[:, :, None], label[:, None]),
            "matching": (cell[:, :, None], label[:, None]),
        }
        for name, change in self.change.items():
            state[name] = change(*ends[name], state[name])
        state = passed(self.before_nodes, state)
        return self.nodes(state, picks, share) if hasattr(self, "message") else state

    def nodes(self, state: State, picks: Tensor, share: Tensor) -> State:
        """Cells first: labels hear from cells that have already changed."""
        cell, label, matching = state["cell"], state["label"], state["matching"]
        near = self.message["among_cells"](of_neighbours(cell, picks), state["cells"])
        near = (share[:, None] @ near).squeeze(2)  # (B, M, d)
        cell = self.update["cell"](
            cell, near, self.message["to_cells"](label[:, None], matching).mean(2)
        )
        label = self.update["label"](
            label,
            self.message["among_labels"](label[:, None], state["labels"]).mean(2),
            self.message["to_labels"](cell[:, :, None], matching).mean(1),
        )  # (B, C, d)
        return state | {"cell": cell, "label": label}


class CellMatching(nn.Module):
    """A whole method, with its encoder and its loss."""

    def __init__(
        self,
        encoder: nn.Module,
        words: Tensor,
        reduced: int,
        encoder_widths: list[int],
        blocks: int,
        decoder_width: int,
    ):
        super().__init__()
        self.encoder = encoder
        self.register_buffer("words", words)  # (C, D)
        self.reduce = nn.Sequential(
            nn.Conv2d(encoder.width, reduced, 3, 2, 1, bias=False),
            nn.BatchNorm2d(reduced),
            nn.ReLU(),
        )
        size = words.shape[1]
        ends = [reduced], [size], [reduced, reduced], [size, size], [reduced, size]
        self.encode = encoders(dict(zip(KINDS, ends, strict=True)), encoder_widths)
        width = encoder_widths[-1]
        self.blocks = nn.ModuleList(
            Block(width, encoder_widths, last=place == blocks - 1) for place in range(blocks)
        )
        self.decode = nn.Sequential(
            nn.Linear(width, decoder_width),
            nn.ReLU(),
            nn.LayerNorm(decoder_width),
            nn.Linear(decoder_width, 1),
        )

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        x = self.reduce(self.encoder(batch["image"]))  # (B, D, h / 2, w / 2)
        picks, share = grid(x)
        x = normalize(x.flatten(2).mT, dim=-1)  # (B, M, D) of length 1
        picks = picks.expand(len(x), -1, -1, -1)
        words, encode = self.words, self.encode
        state = {
            "cell": encode["cell"](x),
            "label": encode["label"](words)[None],
            "cells": encode["cells"](x[:, :, None], of_neighbours(x, picks)),  # (B, M, N, d)
            "labels": encode["labels"](words[:, None], words)[None],  # (1, C, C, d)
            "matching": encode["matching"](x[:, :, None], words),  # (B, M, C, d)
        }
        for block in self.blocks:
            state = block(state, picks, share)
        return self.decode(state["matching"]).squeeze(-1).amax(1)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """A yes counts four times as much as a no."""
        target = batch["target"]
        values = cross_entropy(self(batch), target)  # (B, C)
        weight = torch.full_like(values, NO).masked_fill(target > 0.5, YES)
        return known_mean(weight * values, batch["known"])
