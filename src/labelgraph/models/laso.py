"""LaSO: networks that apply set operations on label sets to the vectors of two images.

Alfassy et al., "LaSO: Label-Set Operations Networks for Multi-Label Few-Shot Learning", CVPR 2019,
https://arxiv.org/abs/1902.09811. The union makes more examples out of a few.

Shapes: B images or pairs of them, T results of operations on a pair, C labels, W width.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, mse_loss

from labelgraph.parts.imagenorm import ImageNorm
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import soft_margin

SLOPE = 0.2  # of every LeakyReLU
STAGES = ("sets", "few")  # what is learnt: the set operations, or a classifier from few images
PRIORS = {"union": torch.add, "intersection": torch.minimum, "rest": lambda a, b: (a - b).relu()}


class SetOperation(nn.Module):
    """Two vectors -> one: arithmetic with a learnt correction, not negative, as the encoder's."""

    def __init__(self, width: int, operation: str):
        super().__init__()
        self.prior = PRIORS[operation]
        self.first, self.first_norm = nn.Linear(2 * width, width, bias=False), ImageNorm(width)
        self.second, self.second_norm = nn.Linear(width, width, bias=False), ImageNorm(width)
        self.output = nn.Linear(width, width)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """(B, W) and (B, W) -> (B, W)."""
        hidden = leaky_relu(self.first_norm(self.first(torch.cat([a, b], 1))), SLOPE)
        return self.output(self.prior(a, b) + self.second_norm(self.second(hidden))).relu()


class LaSO(nn.Module):
    """An image's vector is the mean of its features; `shared` scores all vectors, `few` images."""

    def __init__(self, encoder: nn.Module, labels: int, width: int, few: nn.Module, pairs: int):
        super().__init__()
        self.encoder, self.pairs = encoder, pairs
        self.reduce = nn.Identity()
        if width != encoder.width:
            self.reduce = nn.Sequential(nn.Linear(encoder.width, width), nn.ReLU())
        self.union, self.intersection, self.rest = (SetOperation(width, name) for name in PRIORS)
        self.shared = nn.Linear(width, labels)
        self.few = few

    def vectors(self, batch: dict[str, Tensor]) -> Tensor:
        return self.reduce(self.encoder(batch["image"]).mean((2, 3)))  # (B, W)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return (self.few or self.shared)(self.vectors(batch))

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        images = self.vectors(batch), batch["target"], batch["known"]
        if self.few:
            return self.loss_of_few(*images)
        following = (value.roll(-1, 0) for value in images)
        return soft_margin(self.shared(images[0]), *images[1:]) + self.of_sets(*images, *following)

    def of_sets(self, a, yes_a, known_a, b, yes_b, known_b) -> Tensor:
        """Each image `a` with the next, `b`: results of operations must show the sets' labels."""
        union, intersection, rest = self.union(a, b), self.intersection(a, b), self.rest(a, b)
        turned = self.union(b, a), self.intersection(b, a), self.rest(b, a)
        either = self.union(union, b)  # and equivalent expressions
        both = self.intersection(intersection, b)
        only = self.rest(rest, b), self.rest(a, intersection), self.rest(a, turned[1])
        vectors = union, turned[0], either, intersection, turned[1], both, turned[2], rest, *only
        of_union, of_both = torch.maximum(yes_a, yes_b), yes_a * yes_b
        of_rest, of_turned = yes_a - of_both, yes_b - of_both
        target = [of_union] * 3 + [of_both] * 3 + [of_turned] + [of_rest] * 4
        target = torch.stack(target)  # (T, B, C)
        known = (known_a & known_b).expand_as(target)
        shown = len(target) * soft_margin(self.shared(torch.stack(vectors)), target, known)
        whole = mse_loss(self.union(rest, intersection), a)
        order = mse_loss(union, turned[0]) + mse_loss(intersection, turned[1])
        return shown + whole + order + sum(mse_loss(vector, rest) for vector in only)

    def loss_of_few(self, x: Tensor, target: Tensor, known: Tensor) -> Tensor:
        """The images and the unions of `pairs` random pairs of them, or of all pairs if fewer."""
        a, b = torch.triu_indices(len(x), len(x), 1, device=x.device)  # every pair once
        drawn = torch.randperm(len(a), device=x.device)[: self.pairs]
        a, b = a[drawn], b[drawn]
        if len(a):
            x = torch.cat([x, self.union(x[a], x[b])])
        target = torch.cat([target, torch.maximum(target[a], target[b])])
        known = torch.cat([known, known[a] & known[b]])
        return soft_margin(self.few(x), target, known)


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    stage: str,
    width: int,
    hidden: int,
    dropout: float,
    pairs: int,
) -> LaSO:
    if stage not in STAGES:
        raise ValueError(f"laso stage is {stage!r}; it may be one of {STAGES}")
    few, count = None, len(labels.names)
    if stage == "few":
        blocks = [
            nn.Sequential(
                nn.Linear(size, hidden, bias=False), ImageNorm(hidden), nn.LeakyReLU(SLOPE)
            )
            for size in (width, hidden, hidden)
        ]
        few = nn.Sequential(*blocks, nn.Dropout(dropout), nn.Linear(hidden, count))
    return LaSO(encoder, count, width, few, pairs)
