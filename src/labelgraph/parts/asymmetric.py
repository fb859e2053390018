"""The asymmetric loss as its authors' code computes it: without a mean, its factors at rest.

Ridnik et al., "Asymmetric Loss for Multi-Label Classification", ICCV 2021,
https://arxiv.org/abs/2009.14119.

Shapes: B images, C labels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from labelgraph.parts.losses import full

LEAST = 1e-8  # below it, a probability's logarithm stays what it is


@dataclass(frozen=True)
class Focus:
    """How little easy entries count: a yes by (1 - p)^plus, a no by (p - margin)^minus."""

    plus: float
    minus: float
    margin: float
    learns: bool = False  # whether these factors have a gradient

    def entries(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of each entry, (B, C)."""
        yes = full(logits).sigmoid()
        no = (1 - yes + self.margin).clamp(max=1)  # a no below the margin counts nothing
        with torch.set_grad_enabled(self.learns and torch.is_grad_enabled()):
            factor = torch.where(target > 0.5, (1 - yes) ** self.plus, (1 - no) ** self.minus)
        right = torch.where(target > 0.5, yes, no)
        return -factor * right.clamp(min=LEAST).log()
