"""SRN: a map of where each label is; the maps of all labels, read together, score each of them.

Zhu et al., "Learning Spatial Regularization with Image-level Supervisions for Multi-label Image
Classification", CVPR 2017, https://arxiv.org/abs/1702.05891.

The network learns in four stages: the plain classifier, the maps, what reads them, and all of it.

Shapes: B images, C labels, P positions of the square grid, F features of the encoder, W width of
the hidden layers, K filters for each of their channels.
"""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from labelgraph.parts.epochs import Epochs
from labelgraph.parts.imagenorm import ImageNorm
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full, soft_margin

PLAIN, MAPS, RELATIONS, JOINT = range(4)  # stages


class Attention(nn.Module):
    """For each label, how much each position speaks for it, and how sure each position is."""

    def __init__(self, features: int, labels: int, width: int):
        super().__init__()
        self.energy = nn.Sequential(
            nn.Conv2d(features, width, 1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, labels, 1, bias=False),  # the softmax cancels a bias
        )
        self.confidence = nn.Conv2d(features, labels, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F, h, w) -> shares, whose sum over positions is 1, and confidences: (B, C, h, w)."""
        energy = full(self.energy(features))
        shares = energy.flatten(2).softmax(-1).view_as(energy)
        return shares, full(self.confidence(features))


class Relations(nn.Module):
    """Reads the maps of all labels: mixes labels at each position, then compares all positions."""

    def __init__(self, labels: int, width: int, filters: int, side: int):
        super().__init__()
        self.side = side
        self.mix = nn.ModuleList(
            [nn.Conv2d(labels, width, 1, bias=False), nn.Conv2d(width, width, 1, bias=False)]
        )
        self.mix_norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])
        self.filters = nn.Parameter(torch.empty(width, filters, side * side))  # (W, K, P)
        self.norm = ImageNorm(width * filters)
        self.output = nn.Linear(width * filters, labels)
        nn.init.uniform_(self.filters, -1 / side, 1 / side)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, h, w) -> logits (B, C)."""
        size = (self.side, self.side)
        if maps.shape[2:] != size:  # the filters are as large as the grid that they were made for
            maps = interpolate(maps, size, mode="bilinear")
        for mix, norm in zip(self.mix, self.mix_norms, strict=True):
            maps = relu(norm(mix(maps)))  # (B, W, h, w)
        found = torch.einsum("bwp,wkp->bwk", maps.flatten(2), self.filters).flatten(1)
        return self.output(relu(self.norm(found)))


class SRN(nn.Module):
    """A weighted sum of the plain classifier's logits and those of the label maps."""

    def __init__(
        self,
        encoder: nn.Module,
        attention: Attention,
        relations: Relations | None,
        share: float,
        rounds: list[int],
    ):
        super().__init__()
        self.encoder, self.attention, self.relations = encoder, attention, relations
        self.classifier = nn.Linear(encoder.width, attention.confidence.out_channels)
        self.share, self.rounds, self.epochs = share, rounds, Epochs()

    def stage(self) -> int:
        """After the last of `rounds`, all learns; fewer of them are fewer stages before that."""
        stage = sum(self.epochs.number() >= epoch for epoch in self.rounds)
        without = stage == RELATIONS and self.relations is None
        return JOINT if stage == len(self.rounds) or without else stage

    def start_epoch(self, epoch: int, steps: int, images: Iterator[dict[str, Tensor]]) -> None:
        self.epochs.start(epoch, steps)

    def train(self, mode: bool = True) -> Self:
        """The encoder rests while only the maps or what reads them learn, with its statistics."""
        super().train(mode)
        if self.stage() in (MAPS, RELATIONS):
            self.encoder.eval()
        return self

    def plain(self, features: Tensor) -> Tensor:
        return full(self.classifier(features.mean((2, 3))))

    def logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the whole network and those of the attended confidences, (B, C) each."""
        shares, confidence = self.attention(features)
        attended = (shares * confidence).sum((2, 3))
        related = attended
        if self.relations is not None:
            related = full(self.relations(confidence.sigmoid() * shares))
        return self.share * self.plain(features) + (1 - self.share) * related, attended

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return self.logits(self.encoder(batch["image"]))[0]

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """What has no gradient in a stage stays as it is."""
        stage, about = self.stage(), (batch["target"], batch["known"])
        if stage == JOINT:
            each = self.logits(self.encoder(batch["image"]))
            return sum(soft_margin(logits, *about) for logits in each)
        if stage == PLAIN:
            return soft_margin(self.plain(self.encoder(batch["image"])), *about)
        with torch.no_grad():
            features = self.encoder(batch["image"])
        shares, confidence = self.attention(features)
        if stage == MAPS:
            return soft_margin((shares * confidence).sum((2, 3)), *about)
        maps = (confidence.sigmoid() * shares).detach()
        return soft_margin(self.relations(maps), *about)


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    filters: int,
    side: int,
    share: float,
    relations: bool,
    rounds: list[int],
) -> SRN:
    if len(rounds) > JOINT or rounds != sorted(rounds):
        raise ValueError(
            f"srn rounds are {rounds}; they are the epochs, in order, at which the stages after the"
            f" first begin: at most {JOINT}"
        )
    count = len(labels.names)
    reader = Relations(count, width, filters, side) if relations else None
    return SRN(encoder, Attention(encoder.width, count, width), reader, share, rounds)
