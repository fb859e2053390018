"""Losses over the label entries that are known.

Shapes: logits, target, known: (B, C).
"""

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def known_mean(values: Tensor, known: Tensor) -> Tensor:
    """The mean over the known entries; 0, with a gradient of 0, where none is known."""
    return (values * known).sum() / known.sum().clamp(min=1)


def soft_margin(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy, mean over all known entries of the batch."""
    values = binary_cross_entropy_with_logits(logits, target, reduction="none")  # (B, C)
    return known_mean(values, known)
