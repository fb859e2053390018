"""Losses over the label entries that are known, in single precision or better.

Shapes: logits, target, known: (B, C).
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def full(x: Tensor) -> Tensor:
    """Half precision becomes single precision, which a loss needs; others stay as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def known_mean(values: Tensor, known: Tensor) -> Tensor:
    """The mean over the known entries; 0, with a gradient of 0, where none is known."""
    return (values * known).sum() / known.sum().clamp(min=1)


def soft_margin(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy, mean over all known entries of the batch."""
    return known_mean(cross_entropy(logits, target), known)


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Of each entry, (B, C)."""
    return binary_cross_entropy_with_logits(full(logits), target, reduction="none")


def weighted(logits: Tensor, target: Tensor, known: Tensor, rate: Tensor, beta: float) -> Tensor:
    """A yes counts e^(beta (1 - rate)), a no e^(beta rate); `rate` (C,) is a label's frequency."""
    values = cross_entropy(logits, target)  # (B, C)
    weight = (beta * torch.where(target > 0.5, 1 - rate, rate)).exp()
    return known_mean(weight * values, known)


def partial(
    logits: Tensor, target: Tensor, known: Tensor, alpha: float, theta: float, mu: float
) -> Tensor:
    """Durand et al. (CVPR 2019): the fewer labels of an image are known, the more each counts."""
    values = cross_entropy(logits, target)  # (B, C)
    weight = partial_weight(known.to(values.dtype), alpha, theta, mu)
    return (weight * (values * known).mean(1)).mean()


def partial_weight(known: Tensor, alpha: float, theta: float, mu: float) -> Tensor:
    """How much each image counts, (B,); `known` in the loss's number format."""
    return alpha * known.mean(1) ** mu + theta


def asymmetric(
    logits: Tensor, target: Tensor, known: Tensor, plus: float, minus: float, margin: float
) -> Tensor:
    """Ridnik et al. (ICCV 2021): easy entries count less, a no below `margin` not at all."""
    logits = full(logits)
    shown = logits.sigmoid()
    above = (shown - margin).clamp(min=0)
    # The factor of a yes is (1 - p)^plus; 1 - above is at least `margin` unless that is 0.
    of_yes = logits.neg().sigmoid() ** plus * softplus(-logits)
    of_no = above**minus * -(1 - above).clamp(min=1e-8).log()
    return known_mean(target * of_yes + (1 - target) * of_no, known)
