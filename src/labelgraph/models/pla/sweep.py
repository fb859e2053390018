"""Rates that are swept, and weights that are averaged at the end of each sweep.

A sweep has a few updates, over which the rate falls linearly, nearly to nothing; then the next one
begins. The optimizer makes every update at the full rate, and what a lower rate would have left out
is taken back afterwards: updates of SGD and Adam are proportional to the rate, so the weights
become those of the lower rate.
"""

import torch
from torch import Tensor, nn

UPDATES = 4  # of a sweep
LEAST = 0.001  # of the full rate, at the end of a sweep
WHOLE = 1.0


class Sweep(nn.Module):
    """What the weights of one part of a network were before the last update, and their mean."""

    def __init__(self, part: nn.Module):
        super().__init__()
        self.count = len([*part.parameters()])
        for place, value in enumerate(part.parameters()):
            self.register_buffer(f"before_{place}", value.detach().clone())
            self.register_buffer(f"mean_{place}", value.detach().clone())
        self.register_buffer("updates", torch.tensor(0))
        self.register_buffer("averaged", torch.tensor(0))
        self.register_buffer("share", torch.tensor(WHOLE))  # of the rate, of the last update

    def kept(self, kind: str) -> list[Tensor]:
        return [self.get_buffer(f"{kind}_{place}") for place in range(self.count)]

    @torch.no_grad()
    def begin(self, part: nn.Module, share: float | None = None) -> None:
        """Before an update: `share` is its share of the rate; without one it is the sweep's."""
        self.finish(part)
        if share is None:
            share = 1 - (1 - LEAST) * (int(self.updates) % UPDATES) / (UPDATES - 1)
            self.updates += 1
        self.share.fill_(share)
        torch._foreach_copy_(self.kept("before"), [value.data for value in part.parameters()])

    @torch.no_grad()
    def finish(self, part: nn.Module) -> None:
        """After an update, once: takes a part of it back, and averages if a sweep has ended."""
        share = float(self.share)
        if share == WHOLE:
            return
        weights = [value.data for value in part.parameters()]
        torch._foreach_lerp_(weights, self.kept("before"), 1 - share)
        if share < 2 * LEAST:  # a sweep has ended
            self.averaged += 1
            torch._foreach_lerp_(self.kept("mean"), weights, 1 / int(self.averaged))
        self.share.fill_(WHOLE)

    @torch.no_grad()
    def adopt(self, part: nn.Module) -> None:
        """The mean becomes the weights."""
        for value, mean in zip(part.parameters(), self.average(part).values(), strict=True):
            value.data.copy_(mean)

    def average(self, part: nn.Module) -> dict[str, Tensor]:
        """The mean by the names of the weights; before the first sweep has ended, the weights."""
        named = dict(part.named_parameters())
        return dict(zip(named, self.kept("mean"), strict=True)) if int(self.averaged) else named
