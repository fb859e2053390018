"""Curriculum labelling: after some epochs, the network's confident predictions fill in labels.

Durand, Mehrasa and Mori, "Learning a Deep ConvNet for Multi-label Classification with Partial
Labels", CVPR 2019, https://arxiv.org/abs/1902.09720, its strategies [a] to [e]. Known labels
are never changed, and filled-in labels are cleared before labels are filled in again.

Shapes: N fit images, B images, C labels, F features of the encoder, M members of an ensemble.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from labelgraph.parts import losses
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.pooledlinear import PooledLinear

NOTHING = -1  # of an entry that was not filled in


def high(logits: Tensor, variance: Tensor, unknown: Tensor, level: float) -> Tensor:
    """[a]: logits beyond `level` on either side; with several members, [d]."""
    return logits.abs() > level


def most(logits: Tensor, variance: Tensor, unknown: Tensor, level: float) -> Tensor:
    """[b]: the fraction `level` of all unknown entries whose logits are furthest from 0."""
    sure = logits.abs().masked_fill(~unknown, -1).flatten()
    count = round(level * int(unknown.sum()))
    chosen = torch.zeros_like(sure, dtype=torch.bool)
    chosen[sure.argsort(descending=True, stable=True)[:count]] = True
    return chosen.view_as(unknown)


def positive(logits: Tensor, variance: Tensor, unknown: Tensor, level: float) -> Tensor:
    """[c]: only a yes is filled in."""
    return logits > level


def steady(logits: Tensor, variance: Tensor, unknown: Tensor, level: float) -> Tensor:
    """[e]: logits that dropout hardly changes."""
    return variance < level


STRATEGIES = {"high": high, "most": most, "positive": positive, "steady": steady}


class Curriculum(PooledLinear):
    """Partial BCE over the known labels and those that were filled in before certain epochs."""

    def __init__(self, encoder: nn.Module, labels: int, images: int, **settings):
        self.members, self.drop = settings["members"], settings["dropout"]
        super().__init__(encoder, self.members * labels, settings["pooling"])
        self.proportion, self.rounds = settings["proportion"], settings["rounds"]
        self.strategy, self.level = STRATEGIES[settings["strategy"]], settings["level"]
        self.register_buffer("filled", torch.full((images, labels), NOTHING, dtype=torch.int8))

    def weights(self) -> Tensor:
        return self.classifier.weight.unflatten(0, (self.members, -1))  # (M, C, F)

    def scores(self, pooled: Tensor) -> Tensor:
        """Each member's logits, (B, M, C); dropout differs between members."""
        given = pooled[:, None].expand(-1, self.members, -1)
        given = dropout(given, self.drop, self.training)  # (B, M, F)
        bias = self.classifier.bias.view(self.members, -1)
        return torch.einsum("bmf,mcf->bmc", given, self.weights()) + bias

    def variance(self, pooled: Tensor) -> Tensor:
        """The variance (B, C) of the members' mean under training dropout, in closed form."""
        each = pooled.square() @ self.weights().square().mean(0).T / self.members
        return each * self.drop / (1 - self.drop)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return self.scores(self.pooled(batch["image"])).mean(1)

    def start_epoch(self, epoch: int, steps: int, images: Iterator[dict[str, Tensor]]) -> None:
        if epoch not in self.rounds:
            return
        self.filled.fill_(NOTHING)
        found = []
        for batch in images:
            pooled = self.pooled(batch["image"])
            judged = self.scores(pooled).mean(1).float(), self.variance(pooled).float()
            found.append((batch["place"], ~batch["known"], *judged))
        place, unknown, logits, variance = (torch.cat(each) for each in zip(*found, strict=True))
        chosen = unknown & self.strategy(logits, variance, unknown, self.level)  # (N, C)
        self.filled[place] = torch.where(chosen, (logits > 0).to(torch.int8), NOTHING)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        filled = self.filled[batch["place"]]  # (B, C)
        known = batch["known"] | (filled != NOTHING)
        target = torch.where(batch["known"], batch["target"], (filled == 1).to(batch["target"]))
        members = self.scores(self.pooled(batch["image"])).unbind(1)
        each = [losses.partial(logits, target, known, *self.proportion) for logits in members]
        return torch.stack(each).mean()


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    pooling: str,
    proportion: list[float],
    strategy: str,
    level: float,
    rounds: list[int],
    members: int,
    dropout: float,
) -> Curriculum:
    if strategy not in STRATEGIES:
        raise ValueError(f"curriculum strategy is {strategy!r}; it may be {sorted(STRATEGIES)}")
    if strategy == "steady" and not dropout:
        raise ValueError("curriculum strategy steady needs dropout above 0")
    chosen = {"strategy": strategy, "level": level, "rounds": rounds, "dropout": dropout}
    network = {"pooling": pooling, "members": members, "proportion": proportion}
    return Curriculum(encoder, len(labels.names), labels.images, **chosen, **network)
