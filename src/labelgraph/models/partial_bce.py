"""Partial BCE: the baseline, with a loss that compensates for unknown labels.

Durand, Mehrasa and Mori, "Learning a Deep ConvNet for Multi-label Classification with Partial
Labels", CVPR 2019, https://arxiv.org/abs/1902.09720; the loss is eq. 17 of ML-SGM too.

Shapes: B images, C labels.
"""

from torch import Tensor, nn

from labelgraph.parts import losses
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.pooledlinear import ConvexLinear

NORMALISATIONS = ("image", "batch")


class PartialBCE(ConvexLinear):
    """`image`: images with fewer known labels count more, up to a limit.

    `batch`: the mean over all known entries of a batch.
    """

    def __init__(self, *network, normalisation: str, proportion: list[float]):
        super().__init__(*network)
        if normalisation not in NORMALISATIONS:
            raise ValueError(
                f"partial_bce normalisation is {normalisation!r}; it may be {NORMALISATIONS}"
            )
        self.normalisation, self.proportion = normalisation, proportion

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        entries = self(batch), batch["target"], batch["known"]
        if self.normalisation == "batch":
            return losses.soft_margin(*entries)
        return losses.partial(*entries, *self.proportion)

    def weights(self, known: Tensor) -> Tensor:
        if self.normalisation == "batch":
            return super().weights(known)
        return losses.partial_weight(known.float(), *self.proportion)[:, None] * known


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    pooling: str,
    normalisation: str,
    proportion: list[float],
) -> PartialBCE:
    network = encoder, len(labels.names), pooling
    return PartialBCE(*network, normalisation=normalisation, proportion=proportion)
