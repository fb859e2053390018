"""Scores as shares that sum to 1 over an image's labels, each of which should have the same.

Shapes: scores, target, known: (B, C).
"""

import torch
from torch import Tensor

from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full

NEVER = -1e9  # a score that no softmax notices


def expected(labels: LabelSpace) -> Tensor:
    """How many labels an image shows on average, at least one."""
    return labels.positive_rate.sum().clamp(min=1)


def as_logits(scores: Tensor, count: Tensor) -> Tensor:
    """0 where a label's share is half of that of one of `count` labels; ranks as shares do."""
    return full(scores).log_softmax(1) + torch.log(2 * count)


def squares(scores: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Squared differences from the labels' shares, summed; the mean over images with a label."""
    shares = full(scores).masked_fill(~known, NEVER).softmax(1)
    target = target * known
    count = target.sum(1, keepdim=True)
    errors = ((shares - target / count.clamp(min=1)) * known).square().sum(1)  # (B,)
    shown = count[:, 0] > 0
    return (errors * shown).sum() / shown.sum().clamp(min=1)
