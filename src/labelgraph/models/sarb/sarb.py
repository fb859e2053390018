"""SARB: features of unknown labels are blended with features of known ones.

Pu et al., "Semantic-Aware Representation Blending for Multi-Label Image Recognition with Partial
Labels", AAAI 2022, https://arxiv.org/abs/2203.02172.

Shapes: B images, C labels, K prototypes of each, W width of a label's feature.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from labelgraph.models.sarb import clusters
from labelgraph.parts import losses
from labelgraph.parts.contrast import contrastive
from labelgraph.parts.epochs import Epochs
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.semantictrunk import SemanticTrunk

Blended = tuple[Tensor, Tensor, Tensor]  # features (B, C, W), targets (B, C), which entries count


def blend(
    seen: Tensor, other: Tensor, chosen: Tensor, share: Tensor, target: Tensor, known: Tensor
) -> Blended:
    """Mixes the chosen entries (B, C) with `other`, a yes; `share` of the entry is kept."""
    kept = torch.where(chosen, share, 1.0)[..., None]
    soft = torch.where(chosen, 1 - share, target)
    return kept * seen + (1 - kept) * other, soft, known | (chosen & (share < 1))


class SARB(nn.Module):
    """From epoch `start` on, learns from two blends of an image's features as well."""

    def __init__(self, encoder: nn.Module, trunk: SemanticTrunk, **settings):
        super().__init__()
        self.encoder, self.trunk, self.epochs = encoder, trunk, Epochs()
        self.start, self.every = settings["start"], settings["every"]
        self.contrast = settings["contrast"]
        self.alpha, self.beta = (nn.Parameter(torch.tensor(0.5)) for _ in range(2))
        labels, width = trunk.classifier.weight.shape
        shape = labels, settings["prototypes"], width
        self.register_buffer("prototypes", torch.zeros(shape))  # (C, K, W)
        self.register_buffer("shown", torch.zeros(labels, dtype=torch.bool))  # (C,) has prototypes

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return self.trunk.logits(self.trunk.label_features(self.encoder(batch["image"])))

    def start_epoch(self, epoch: int, steps: int, images: Iterator[dict[str, Tensor]]) -> None:
        self.epochs.start(epoch, steps)
        if epoch >= self.start and (epoch - self.start) % self.every == 0:
            self.find_prototypes(images)

    def find_prototypes(self, images: Iterator[dict[str, Tensor]]) -> None:
        """Each label's prototypes, from the features of its known positives."""
        features, of_label = [], []
        for batch in images:
            yes = batch["known"] & (batch["target"] > 0.5)
            seen = self.trunk.label_features(self.encoder(batch["image"]))
            features.append(losses.full(seen[yes]).cpu())
            of_label.append(yes.nonzero()[:, 1].cpu())
        label = torch.cat(of_label)
        counts = torch.bincount(label, minlength=len(self.shown))
        groups = torch.cat(features)[label.argsort(stable=True)].split(counts.tolist())
        count = self.prototypes.shape[1]
        for place, points in enumerate(groups):
            if len(points):
                self.prototypes[place] = clusters.centres(points, count)
        self.shown.copy_(counts > 0)

    def between_images(self, seen: Tensor, target: Tensor, known: Tensor) -> Blended:
        """Blends with the same label's feature in another image of the batch, if it is a yes."""
        yes = known & (target > 0.5)
        chosen = ~known & yes.flip(0)
        return blend(seen, seen.flip(0), chosen, self.alpha, target, known)

    def with_prototypes(self, seen: Tensor, target: Tensor, known: Tensor) -> Blended:
        """Blends one label of each image with one of its prototypes, drawn once per batch."""
        free = ~known & self.shown
        drawn = torch.rand(free.shape, device=free.device).masked_fill(~free, -1).argmax(1)
        chosen = free & torch.zeros_like(free).scatter_(1, drawn[:, None], True)
        place = torch.randint(self.prototypes.shape[1], (), device=seen.device)
        return blend(seen, self.prototypes[:, place], chosen, self.beta, target, known)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        target, known = batch["target"], batch["known"]
        with torch.no_grad():
            self.alpha.clamp_(0, 1)
            self.beta.clamp_(0, 1)
        seen = self.trunk.label_features(self.encoder(batch["image"]))  # (B, C, W)
        loss = losses.soft_margin(self.trunk.logits(seen), target, known)
        loss = loss + self.epochs.ramp() * self.contrast * contrastive(seen, target, known)
        if self.epochs.number() >= self.start:
            for blended in (self.between_images, self.with_prototypes):
                features, soft, counted = blended(seen, target, known)
                loss = loss + losses.soft_margin(self.trunk.logits(features), soft, counted)
        if self.training:
            self.epochs.step()
        return loss


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    hidden: int,
    steps: int,
    gain: float,
    start: int,
    every: int,
    prototypes: int,
    contrast: float,
) -> SARB:
    trunk = SemanticTrunk(labels, encoder.width, width, hidden, steps, gain)
    chosen = {"start": start, "every": every, "prototypes": prototypes, "contrast": contrast}
    return SARB(encoder, trunk, **chosen)
