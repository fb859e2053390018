"""SST: unknown labels are filled in from the image's known labels and from other images.

Chen et al., "Structured Semantic Transfer for Multi-Label Recognition with Partial Labels", AAAI
2022, https://arxiv.org/abs/2112.10941. Not the spatial and semantic transformers of that name.

Shapes: B images, C labels, P pairs of labels, W width of a label's feature, Q its queue.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from labelgraph.models.sst_pl.labelpairs import Pairs
from labelgraph.parts import losses
from labelgraph.parts.contrast import contrastive, unit
from labelgraph.parts.epochs import Epochs
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.semantictrunk import SemanticTrunk

FOCUS = 1.0, 2.0, 0.05  # of the loss on pairs: exponents of yes and of no, and its margin


class SST(nn.Module):
    """From epoch `start` on, two more losses take labels as a yes that others make likely."""

    def __init__(self, encoder: nn.Module, trunk: SemanticTrunk, pairs: Pairs, **settings):
        super().__init__()
        self.encoder, self.trunk, self.pairs, self.epochs = encoder, trunk, pairs, Epochs()
        self.start, self.margins = settings["start"], settings["margins"]
        self.pair_weight, self.contrast = settings["pair_weight"], settings["contrast"]
        shape = *trunk.classifier.weight.shape[:1], settings["queue"], trunk.classifier.in_features
        self.register_buffer("queue", torch.zeros(shape))  # (C, Q, W) directions, latest first

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return self.trunk.logits(self.trunk.label_features(self.encoder(batch["image"])))

    def start_epoch(self, epoch: int, steps: int, images: Iterator[dict[str, Tensor]]) -> None:
        self.epochs.start(epoch, steps)

    @torch.no_grad()
    def remember(self, seen: Tensor, yes: Tensor) -> None:
        """Puts a label's known positives of this batch first in its queue; the oldest fall out."""
        order = yes.T.int().argsort(dim=1, descending=True, stable=True)  # (C, B) positives first
        rows = torch.arange(len(self.queue), device=seen.device)[:, None]
        both = torch.cat([unit(seen)[order, rows], self.queue], 1)  # (C, B + Q, W)
        place = torch.arange(self.queue.shape[1], device=seen.device)  # (Q,)
        count = yes.sum(0)[:, None]  # (C, 1)
        self.queue.copy_(both[rows, torch.where(place < count, place, place - count + len(seen))])

    def within(self, pairs: Tensor, yes: Tensor) -> Tensor:
        """(B, C): how likely a label is, given the known positives of its image, on average."""
        given = yes.to(pairs.dtype)
        sums = (self.pairs.table(pairs.sigmoid()) @ given[..., None])[..., 0]
        return sums / given.sum(1, keepdim=True).clamp(min=1)

    def across(self, seen: Tensor) -> Tensor:
        """(B, C): how similar a label's feature is to those in its queue, on average."""
        return (unit(seen) * self.queue.mean(1)).sum(-1)

    def margin(self, first: float, fall: float, least: float) -> float:
        return max(least, first - fall * (self.epochs.number() - self.start))

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        target, known = batch["target"], batch["known"]
        yes = known & (target > 0.5)
        seen = self.trunk.label_features(self.encoder(batch["image"]))  # (B, C, W)
        logits, pairs = self.trunk.logits(seen), losses.full(self.pairs(seen))
        loss = losses.soft_margin(logits, target, known)
        one, other = self.pairs.pairs
        together = (yes[:, one] & yes[:, other]).to(pairs.dtype)  # (B, P) unknown counts as no here
        of_pairs = losses.asymmetric(pairs, together, torch.ones_like(together), *FOCUS)
        of_features = contrastive(seen, target, known)
        ramp = self.epochs.ramp()
        loss = loss + ramp * (self.pair_weight * of_pairs + self.contrast * of_features)
        if self.training:
            self.remember(seen, yes)
            self.epochs.step()
        if self.epochs.number() < self.start:
            return loss
        scores = self.within(pairs.detach(), yes), self.across(seen.detach())
        for score, margin in zip(scores, self.margins, strict=True):
            filled = ~known & (score >= self.margin(*margin))
            more = torch.where(filled, 1.0, target)
            loss = loss + losses.soft_margin(logits, more, known | filled)
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
    image_margin: list[float],
    cross_margin: list[float],
    pair_weight: float,
    queue: int,
    contrast: float,
) -> SST:
    trunk = SemanticTrunk(labels, encoder.width, width, hidden, steps, gain)
    pairs = Pairs(len(labels.names), width, hidden)
    weights = {"pair_weight": pair_weight, "contrast": contrast}
    margins = image_margin, cross_margin
    return SST(encoder, trunk, pairs, start=start, margins=margins, queue=queue, **weights)
