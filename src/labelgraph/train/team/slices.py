"""Shares of batches: what a process reads of each, and how rows of all become one tensor again.

`team` is parallel.py's.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labelgraph.inputs import batches


def chance() -> bytes:
    """The state of the generators that are drawn from next."""
    state = torch.get_rng_state().numpy().tobytes()
    on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()
    return state + (torch.cuda.get_rng_state().numpy().tobytes() if on_gpu else b"")


class Gathered(torch.autograd.Function):
    """Each has the gradient of the whole batch's loss; it goes on with that of its own rows."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, team: Any) -> Tensor:
        ctx.place = sum(team.sizes[: team.rank]), len(own)
        return team.gather(own)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.narrow(0, *ctx.place), None


class Shares:
    """Batches whose `image` is this process's share; everything else is of the whole batch."""

    def __init__(self, inputs: batches.Inputs, team: Any):
        self.inputs, self.team = inputs, team

    def batches(
        self, parts: batches.Groups, chance: batches.Chance | None
    ) -> Iterator[dict[str, Tensor]]:
        team = self.team
        spread = [np.array_split(part, team.size) for part in parts]
        # Where there are fewer images than processes, one is read by those that have none.
        read = [shares[team.rank] if shares[team.rank].size else shares[0][:1] for shares in spread]
        for shares, batch in zip(spread, self.inputs.batches(read, chance), strict=True):
            team.sizes = [len(share) for share in shares]
            own = {name: value[: team.sizes[team.rank]] for name, value in batch.items()}
            others = {name: team.gather(own[name]) for name in own if name != "image"}
            yield {"image": own["image"], **others}
        team.sizes = None
