"""Losses over the label entries that are known.

Shapes: logits, target, known: (B, C).
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def known_mean(values: Tensor, known: Tensor) -> Tensor:
    """The mean over the known entries; 0, with a gradient of 0, where none is known."""
    return (values * known).sum() / known.sum().clamp(min=1)


def soft_margin(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy, mean over all known entries of the batch."""
    values = binary_cross_entropy_with_logits(logits, target, reduction="none")  # (B, C)
    return known_mean(values, known)


def weighted(logits: Tensor, target: Tensor, known: Tensor, rate: Tensor, beta: float) -> Tensor:
    """A yes counts e^(beta (1 - rate)), a no e^(beta rate); `rate` (C,) is a label's frequency."""
    values = binary_cross_entropy_with_logits(logits, target, reduction="none")  # (B, C)
    weight = (beta * torch.where(target > 0.5, 1 - rate, rate)).exp()
    return known_mean(weight * values, known)


def partial(
    logits: Tensor, target: Tensor, known: Tensor, alpha: float, theta: float, mu: float
) -> Tensor:
    """Durand et al. (CVPR 2019): the fewer labels of an image are known, the more each counts."""
    values = binary_cross_entropy_with_logits(logits, target, reduction="none")  # (B, C)
    share = known.float().mean(1)  # (B,)
    weight = alpha * share**mu + theta
    return (weight * (values * known).mean(1)).mean()


def asymmetric(
    logits: Tensor, target: Tensor, known: Tensor, plus: float, minus: float, margin: float
) -> Tensor:
    """Ridnik et al. (ICCV 2021): easy entries count less, a no below `margin` not at all."""
    shown = logits.sigmoid()
    above = (shown - margin).clamp(min=0)
    # The factor of a yes is (1 - p)^plus; 1 - above is at least `margin` unless that is 0.
    of_yes = logits.neg().sigmoid() ** plus * softplus(-logits)
    of_no = above**minus * -(1 - above).clamp(min=1e-8).log()
    return known_mean(target * of_yes + (1 - target) * of_no, known)
