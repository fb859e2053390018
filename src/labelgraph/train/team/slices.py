"""Slices of batches: which rows a process reads, and how those of all become one tensor again.

`team` is a Team of parallel.py.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labelgraph.inputs import batches


def chance() -> bytes:
    """The state of the random generators."""
    state = torch.get_rng_state().numpy().tobytes()
    on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()
    return state + (torch.cuda.get_rng_state().numpy().tobytes() if on_gpu else b"")


class Gathered(torch.autograd.Function):
    """Each process has the gradient of the whole batch, and passes on that of its own rows."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, team: Any) -> Tensor:
        ctx.place = sum(team.sizes[: team.rank]), len(own)
        return team.gather(own)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.narrow(0, *ctx.place), None


class Slices:
    """Batches in which `image` is this process's slice; everything else is of the whole batch."""

    def __init__(self, inputs: batches.Inputs, team: Any):
        self.inputs, self.team = inputs, team

    def batches(
        self, parts: batches.Groups, chance: batches.Chance | None
    ) -> Iterator[dict[str, Tensor]]:
        team = self.team
        spread = [np.array_split(part, team.size) for part in parts]
        # With fewer images than processes, a process without one reads one all the same.
        read = [slices[team.rank] if slices[team.rank].size else slices[0][:1] for slices in spread]
        for slices, batch in zip(spread, self.inputs.batches(read, chance), strict=True):
            team.sizes = [len(part) for part in slices]
            own = {name: value[: team.sizes[team.rank]] for name, value in batch.items()}
            others = {name: team.gather(own[name]) for name in own if name != "image"}
            yield {"image": own["image"], **others}
        team.sizes = None
