"""The functions of a graph network block, each a perceptron of two layers with ReLU between.

`merged` weights combine two consecutive linear layers; `inner` is the first of them, or None.
Values are passed as one tensor for each input; they may broadcast.

Shapes: d and H widths; ... the places: nodes, or edges.
"""

from collections.abc import Callable
from functools import reduce
from operator import add

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from labelgraph.parts.products import linear, through

KEPT = 2**30  # bytes that a layer over all pairs of labels may keep for the backward pass
PART = 2**24  # bytes that it works on at a time beyond that


def joined(layer: nn.Linear, inputs: list[int], values: tuple[Tensor, ...]) -> Tensor:
    """The layer over joined values, whose widths are `inputs`: a sum of one product for each."""
    biases = [layer.bias] + [None] * (len(inputs) - 1)
    parts = zip(values, layer.weight.split(inputs, 1), biases, strict=True)
    return reduce(add, (linear(*part) for part in parts))


class Perceptron(nn.Module):
    """Initial weights preserve a signal's scale: edges pass ten layers without normalisation."""

    def __init__(self, inputs: list[int], hidden: int, outputs: int):
        super().__init__()
        self.inputs = inputs
        self.first = nn.Linear(sum(inputs), hidden)
        self.second = nn.Linear(hidden, outputs)
        for layer, before in ((self.first, "linear"), (self.second, "relu")):
            nn.init.kaiming_normal_(layer.weight, nonlinearity=before)
            nn.init.zeros_(layer.bias)

    def input_weights(self) -> tuple[Tensor, ...]:
        """The first layer's weights of each input, (H, d) each."""
        return self.first.weight.split(self.inputs, 1)

    def forward(self, *values: Tensor) -> Tensor:
        return through(self.second, joined(self.first, self.inputs, values).relu_())


class Update(Perceptron):
    """phi_n: a node from itself and its messages, normalised like the encoders' nodes."""

    def __init__(self, inputs: list[int], width: int):
        super().__init__(inputs, width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, *values: Tensor) -> Tensor:
        return self.norm(super().forward(*values))


class Encoder(nn.Module):
    """Two layers, each with ReLU and layer normalisation; of nodes or of edges."""

    def __init__(self, inputs: list[int], widths: list[int]):
        super().__init__()
        self.inputs = inputs
        self.first = nn.Linear(sum(inputs), widths[0])
        self.second = nn.Linear(*widths)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)

    def forward(self, *values: Tensor) -> Tensor:
        x = self.norms[0](joined(self.first, self.inputs, values).relu_())
        return self.norms[1](through(self.second, x).relu_())


class Message(Perceptron):
    """rho_n: the message over an edge, from the edge and the node at its other end."""

    def __init__(self, edge: int, sender: int, hidden: int, width: int):
        super().__init__([edge, sender], hidden, width)

    def merged(self, inner: nn.Linear | None) -> tuple[Tensor, Tensor]:
        """Weight and bias for the edge's stored values."""
        return merge(self.input_weights()[0], self.first.bias, inner)

    def senders(self, nodes: Tensor) -> Tensor:
        """The other ends' products, (..., H)."""
        return linear(nodes, self.input_weights()[1])

    def finish(self, mean: Tensor, weight: Tensor | None = None) -> Tensor:
        """The second layer, after the mean instead of before; `weight` is 0 without a sender."""
        if weight is None:
            return through(self.second, mean)
        return linear(mean, self.second.weight) + weight * self.second.bias


class EdgeChange(nn.Module):
    """rho_e of an edge's two nodes, then phi_e of the edge and the result."""

    def __init__(self, size: int, hidden: int, width: int):
        super().__init__()
        self.pair = Perceptron([width, width], hidden, width)
        self.update = Perceptron([size, width], hidden, width)

    def ends(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Both nodes' products, (..., H) each."""
        of_one, of_other = self.pair.input_weights()
        return linear(one, of_one), linear(other, of_other, self.pair.first.bias)

    def merged(self, inner: nn.Linear | None) -> tuple[Tensor, Tensor, Tensor]:
        """Weights for the edge's and the pair's stored values, and one bias."""
        of_edge, of_pair = self.update.input_weights()
        of_pair, bias = merge(of_pair, self.update.first.bias, self.pair.second)
        of_edge, bias = merge(of_edge, bias, inner)
        return of_edge, of_pair, bias


def merge(weight: Tensor, bias: Tensor, inner: nn.Linear | None) -> tuple[Tensor, Tensor]:
    """Weight and bias of a layer together with the linear layer before it."""
    if inner is None:
        return weight, bias
    return weight @ inner.weight, bias + weight @ inner.bias


def changed(edges: Tensor, one: Tensor, other: Tensor, merged: tuple) -> Tensor:
    """The stored values of changed edges: hidden values of phi_e, (..., H)."""
    of_edge, of_pair, bias = merged
    pair = (one + other).relu_()  # hidden values of rho_e
    return (linear(pair, of_pair) + linear(edges, of_edge, bias)).relu_()


def by_rows(compute: Callable[[slice], Tensor], rows: int, wide: int, dim: int) -> Tensor:
    """`compute` for all rows; `wide` float32 numbers per row are kept for the backward pass.

    If they exceed KEPT bytes, the rows are computed in parts, and each part again for its
    gradients.
    """
    keep = not torch.is_grad_enabled() or 4 * wide * rows <= KEPT
    step = max(1, PART // (4 * wide))
    parts = [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
    if keep:
        return torch.cat([compute(part) for part in parts], dim)
    again = {"use_reentrant": False, "preserve_rng_state": False}
    return torch.cat([checkpoint(compute, part, **again) for part in parts], dim)
