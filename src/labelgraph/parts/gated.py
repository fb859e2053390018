"""Gated graph network: labels send messages to their neighbours, gates decide what is kept.

Li et al., "Gated Graph Sequence Neural Networks", ICLR 2016, https://arxiv.org/abs/1511.05493, in
the form used by SSGRL (https://arxiv.org/abs/1908.07325).

Shapes: C labels, W numbers of a label's state; any dimensions before these, such as images.
"""

import torch
from torch import Tensor, nn

from labelgraph.parts import labelgraph
from labelgraph.parts.products import through


def with_self(counts: Tensor) -> Tensor:
    """P(column | row), (C, C), with a diagonal of 1 also for labels that never occur."""
    return labelgraph.conditional(counts).to(counts.dtype).fill_diagonal_(1)


@torch.no_grad()
def enlarge(gain: float, *layers: nn.Linear) -> None:
    """Multiplies the initial weights by `gain`; 1 changes nothing.

    A score sums the few numbers of a narrow state: with torch's initial weights it stays near 0 for
    hundreds of steps.
    """
    for layer in layers:
        layer.weight *= gain


class GatedGraph(nn.Module):
    """`steps` rounds of messages along and against the edges, all with the same weights."""

    def __init__(self, graph: Tensor, width: int, steps: int, shared_gates: bool):
        """`shared_gates`: the reset gate reads the state through the update gate's layer.

        A gate has two biases, as in the released code: Adam moves each of them by its rate.
        """
        super().__init__()
        self.register_buffer("graph", graph)  # (C, C)
        self.width, self.steps = width, steps
        self.message = nn.Linear(2 * width, 3 * width)  # to update gate, reset gate, candidate
        self.recurrent = nn.Linear(width, width if shared_gates else 2 * width)
        self.candidate = nn.Linear(width, width)
        self.output = nn.Linear(2 * width, width)

    def forward(self, states: Tensor) -> Tensor:
        """First states (..., C, W) -> output (..., C, W) from first and last states together."""
        return through(self.output, torch.cat([self.propagate(states), states], -1))

    def propagate(self, states: Tensor) -> Tensor:
        """First states (..., C, W) -> last states."""
        for _ in range(self.steps):
            messages = torch.cat([self.graph @ states, self.graph.T @ states], -1)  # (..., C, 2W)
            update, reset, candidate = through(self.message, messages).chunk(
                3, -1
            )  # (..., C, W) each
            own = through(
                self.recurrent, states
            )  # (..., C, 2W), or one for both gates, (..., C, W)
            update = torch.sigmoid(update + own[..., : self.width])
            reset = torch.sigmoid(reset + own[..., -self.width :])
            candidate = torch.tanh(candidate + through(self.candidate, reset * states))
            states = states + update * (candidate - states)
        return states
