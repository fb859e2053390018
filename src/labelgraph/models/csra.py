"""CSRA: a label's score is its mean response over the image, and a share of its strongest ones.

Zhu and Wu, "Residual Attention: A Simple but Effective Method for Multi-Label Recognition", ICCV
2021, https://arxiv.org/abs/2108.02456.

Shapes: B images, C labels, F features of the encoder, P positions, K heads.
"""

from torch import Tensor, nn
from torch.nn.functional import conv2d, normalize

from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.positions import grid

MAXIMUM = 99  # the temperature that stands for the maximum itself


class CSRA(nn.Module):
    """Heads with classifiers of length 1, which differ in the temperature of their attention."""

    def __init__(self, encoder: nn.Module, labels: int, temperatures: list[float], share: float):
        super().__init__()
        self.encoder, self.temperatures, self.share = encoder, temperatures, share
        self.classifiers = nn.Linear(encoder.width, len(temperatures) * labels, bias=False)

    def responses(self, image: Tensor) -> Tensor:
        """Of each head, label and position: (B, K, C, P)."""
        features = grid(self.encoder(image), pooled=False)  # (B, F, h, w)
        unit = normalize(self.classifiers.weight, dim=1)  # (K C, F)
        maps = conv2d(features, unit[:, :, None, None]).flatten(2)
        return maps.unflatten(1, (len(self.temperatures), -1))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C), the sum of the heads'."""
        maps = self.responses(batch["image"])
        scores = maps.mean(-1).sum(1)
        if self.share:
            pairs = zip(maps.unbind(1), self.temperatures, strict=True)
            scores = scores + self.share * sum(strongest(each, heat) for each, heat in pairs)
        return scores


def strongest(maps: Tensor, temperature: float) -> Tensor:
    """(B, C, P) -> (B, C): the mean by attention, which grows with the response."""
    if temperature == MAXIMUM:
        return maps.amax(-1)
    return ((temperature * maps).softmax(-1) * maps).sum(-1)


def build(
    labels: LabelSpace, encoder: nn.Module, *, temperatures: list[float], share: float
) -> CSRA:
    return CSRA(encoder, len(labels.names), temperatures, share)
