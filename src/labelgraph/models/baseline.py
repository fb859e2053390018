"""Baseline: the encoder, one pooling and one linear layer; what every graph is compared with.

The four papers quote ResNet-101 with average pooling; with maximum pooling, which ML-GCN itself
uses, the same network is several points better, so both are here.

Shapes: B images, C labels, F features of the encoder.
"""

from torch import Tensor, nn

from labelgraph.labelspace import LabelSpace

POOLING = ("average", "max")


class Baseline(nn.Module):
    """Pools the features over the image and scores each label by itself."""

    def __init__(self, encoder: nn.Module, labels: int, pooling: str):
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.classifier = nn.Linear(encoder.width, labels)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = self.encoder(batch["image"])  # (B, F, h, w)
        pool = features.amax if self.pooling == "max" else features.mean
        return self.classifier(pool((2, 3)))


def build(labels: LabelSpace, encoder: nn.Module, *, pooling: str) -> Baseline:
    if pooling not in POOLING:
        raise ValueError(f"baseline pooling is {pooling!r}; it may be one of {POOLING}")
    return Baseline(encoder, len(labels.names), pooling)
