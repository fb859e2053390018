"""The plain network: one pooling over the image, and one linear layer that scores every label.

Shapes: B images, C labels, F features of the encoder.
"""

from torch import Tensor, nn

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
