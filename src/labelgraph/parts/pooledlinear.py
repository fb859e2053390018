"""The plain network: one pooling over the image, and one linear layer that scores every label.

Shapes: B images, N images of a role, C labels, F features of the encoder.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from labelgraph.parts import convex

POOLING = ("average", "max")


class PooledLinear(nn.Module):
    """Pools the features over the image and scores each label separately."""

    def __init__(self, encoder: nn.Module, labels: int, pooling: str):
        super().__init__()
        if pooling not in POOLING:
            raise ValueError(f"pooling is {pooling!r}; it may be one of {POOLING}")
        self.encoder = encoder
        self.pooling = pooling
        self.classifier = nn.Linear(encoder.width, labels)

    def pooled(self, image: Tensor) -> Tensor:
        """(B, F)."""
        features = self.encoder(image)  # (B, F, h, w)
        pool = features.amax if self.pooling == "max" else features.mean
        return pool((2, 3))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return self.classifier(self.pooled(batch["image"]))


class ConvexLinear(PooledLinear):
    """One whose loss is a cross-entropy of the known labels, so that its optimum can be found."""

    def weights(self, known: Tensor) -> Tensor:
        """How much each entry counts in the loss, (B, C)."""
        return known.float()

    def solve(self, fit: Iterable[dict[str, Tensor]], tune: Iterable[dict[str, Tensor]]) -> float:
        """Takes the place of training; returns the loss."""
        learned, judged = self.entries(fit), self.entries(tune)
        best = convex.optimum(learned, judged)
        self.classifier.weight.copy_(best.weight)
        self.classifier.bias.copy_(best.bias)
        return convex.loss(best, learned)

    def entries(self, batches: Iterable[dict[str, Tensor]]) -> convex.Entries | None:
        parts = [
            (self.pooled(batch["image"]), batch["target"], self.weights(batch["known"]))
            for batch in batches
        ]
        if not parts:
            return None
        return convex.Entries(*(torch.cat(part).double() for part in zip(*parts, strict=True)))
