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
SPREAD = 0.02  # of the first weights of the few-shot normalisations around 1
STAGES = ("sets", "few")  # what is learnt: the set operations, or a classifier from few images
PRIORS = {"union": torch.add, "intersection": torch.minimum, "rest": lambda a, b: (a - b).relu()}
Vectors = tuple[Tensor, Tensor]


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
        inner = self.prior(a, b) + self.second_norm(self.second(hidden))
        return self.output(leaky_relu(inner, SLOPE)).relu()


def both(operation: nn.Module, x: Vectors, y: Vectors) -> Vectors:
    """The operation on each of two pairs."""
    return tuple(operation(one, other) for one, other in zip(x, y, strict=True))


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
        # each image counts twice, as the first and as the second of a pair
        shown = 2 * soft_margin(self.shared(images[0]), *images[1:])
        return shown + self.of_sets(*images, *following)

    def of_sets(self, a, yes_a, known_a, b, yes_b, known_b) -> Tensor:
        """Each image `a` with the next, `b`: results of operations must show the sets' labels.

        Everything is computed for (a, b) and then for (b, a), in the released code's order: each
        call moves the statistics of its network.
        """
        x, y = (a, b), (b, a)
        rest = both(self.rest, x, y)
        rest_again = both(self.rest, rest, y)  # and equivalent expressions
        common = both(self.intersection, x, y)
        outside = both(self.rest, x, common[::-1]), both(self.rest, x, common)
        common_again = both(self.intersection, common, y)
        union = both(self.union, x, y)
        union_again = both(self.union, union, y)
        whole = both(self.union, outside[0], common)
        groups = whole, rest, rest_again, *outside, common, common_again, union, union_again
        of_both, of_either = yes_a * yes_b, torch.maximum(yes_a, yes_b)
        only = [yes_a - of_both, yes_b - of_both]
        target = [yes_a, yes_b] + only * 4 + [of_both] * 4 + [of_either] * 4
        target = torch.stack(target)  # (T, B, C)
        vectors = torch.stack([vector for group in groups for vector in group])  # (T, B, W)
        known = (known_a & known_b).expand_as(target)
        shown = len(target) * soft_margin(self.shared(vectors), target, known)
        alike = [(whole, x), *((rest, same) for same in (rest_again, *outside))]
        pairs = [pair for groups in alike for pair in zip(*groups, strict=True)]
        return shown + sum(mse_loss(*pair) for pair in (*pairs, union, common))

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
                nn.Linear(size, hidden, bias=False),
                ImageNorm(hidden),
                nn.LeakyReLU(SLOPE),
                nn.Dropout(share),
            )
            for size, share in ((width, dropout), (hidden, dropout), (hidden, 0.0))
        ]
        for block in blocks:
            nn.init.normal_(block[1].weight, 1.0, SPREAD)
        few = nn.Sequential(*blocks, nn.Linear(hidden, count))
    return LaSO(encoder, count, width, few, pairs)
