"""The model in ML-SGM's released code: 49 cells of the image are matched with the labels.

It shares with the paper the three kinds of edges and the maximum at the end, and little else: no
activation maps, no boxes, no nearest neighbours; edges between cells carry the features of both;
edges are updated before nodes, labels receive messages from updated instances, and every function
is a perceptron with layer normalisation. A label is its own neighbour.

Shapes: B images, M cells, N = 4 sides of a cell, C labels, d widths.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize, one_hot

from labelgraph.parts.graphblock import of_neighbours
from labelgraph.parts.losses import known_mean
from labelgraph.parts.perceptrons import Encoder

SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))  # row and column of a cell's neighbours
YES, NO = 0.8, 0.2  # weights of the loss


def grid(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The cells beside each cell: picks (M, N, M) of 0 and 1, and their weights (M, N)."""
    rows = torch.arange(height, device=device).repeat_interleave(width)  # (M,)
    columns = torch.arange(width, device=device).repeat(height)
    step_down, step_right = torch.tensor(SIDES, device=device).T  # (N,) each
    row, column = rows[:, None] + step_down, columns[:, None] + step_right  # (M, N)
    there = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = (row * width + column).clamp(0, height * width - 1)
    picks = one_hot(place, height * width).float() * there[..., None]
    return picks, there / there.sum(1, keepdim=True).clamp(min=1)


class Block(nn.Module):
    """Edges from both ends and themselves, then nodes from themselves and two means of edges."""

    def __init__(self, size: int, widths: list[int], last: bool):
        super().__init__()
        ends = [size, size, size]
        self.matching = Encoder(ends, widths)
        if not last:  # after the last block only the matching edges are read
            self.cells, self.labels = Encoder(ends, widths), Encoder(ends, widths)
            inputs = [size, widths[-1], widths[-1]]
            self.of_cells, self.of_labels = Encoder(inputs, widths), Encoder(inputs, widths)


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
            nn.Conv2d(encoder.width, reduced, 3, 2, 1), nn.BatchNorm2d(reduced), nn.ReLU()
        )
        size = words.shape[1]
        ends = {
            "cell": [reduced],
            "label": [size],
            "cells": [reduced, reduced],
            "labels": [size, size],
            "matching": [reduced, size],
        }
        self.encode = nn.ModuleDict(
            {name: Encoder(inputs, encoder_widths) for name, inputs in ends.items()}
        )
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
        picks, share = grid(*x.shape[2:], x.device)
        x = normalize(x.flatten(2).mT, dim=-1)  # (B, M, D) of length 1
        picks = picks.expand(len(x), -1, -1, -1)
        words, encode = self.words, self.encode
        cells, labels = encode["cell"](x), encode["label"](words)[None]
        beside = encode["cells"](x[:, :, None], of_neighbours(x, picks))  # (B, M, N, d)
        between = encode["labels"](words[:, None], words)[None]  # (1, C, C, d)
        across = encode["matching"](x[:, :, None], words)  # (B, M, C, d)
        for block in self.blocks:
            across = block.matching(cells[:, :, None], labels[:, None], across)
            if not hasattr(block, "of_cells"):
                break
            beside = block.cells(cells[:, :, None], of_neighbours(cells, picks), beside)
            between = block.labels(labels[:, :, None], labels[:, None], between)
            received = (share[:, None] @ beside).squeeze(2)  # (B, M, d)
            cells = block.of_cells(cells, received, across.mean(2))
            labels = block.of_labels(labels, between.mean(2), across.mean(1))  # (B, C, d)
        return self.decode(across).squeeze(-1).amax(1)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """A yes counts four times as much as a no."""
        logits, target = self(batch).float(), batch["target"]
        values = binary_cross_entropy_with_logits(logits, target, reduction="none")  # (B, C)
        return known_mean(torch.where(target > 0.5, YES, NO) * values, batch["known"])
