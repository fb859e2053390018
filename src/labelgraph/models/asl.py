"""ASL: the plain network, trained with a loss in which the many easy entries count little.

Ridnik et al., "Asymmetric Loss for Multi-Label Classification", ICCV 2021,
https://arxiv.org/abs/2009.14119.

Shapes: B images, C labels.
"""

from torch import Tensor, nn

from labelgraph.parts.asymmetric import Focus
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.pooledlinear import PooledLinear


class AsymmetricLinear(PooledLinear):
    """Its loss is a sum, so it is not comparable with that of other methods."""

    def __init__(self, encoder: nn.Module, labels: int, pooling: str, focus: Focus):
        super().__init__(encoder, labels, pooling)
        self.focus = focus

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The sum over the known labels of all images."""
        return (self.focus.entries(self(batch), batch["target"]) * batch["known"]).sum()


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    pooling: str,
    plus: float,
    minus: float,
    margin: float,
    focus_learns: bool,
) -> AsymmetricLinear:
    focus = Focus(plus, minus, margin, focus_learns)
    return AsymmetricLinear(encoder, len(labels.names), pooling, focus)
