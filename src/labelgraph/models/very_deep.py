"""VeryDeep: a linear support vector machine for each label, on features of a network at rest.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR
2015, https://arxiv.org/abs/1409.1556. An image's vector is the mean over its places, of length 1.

Shapes: N images of a role, B images, C labels, F features of the encoder.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full, known_mean

CONSTANTS = tuple(2.0**power for power in range(-5, 6))  # of errors against the penalty
USUAL = 1.0  # where there are no tune images to choose by
ACTIVE = 0.3  # about the share of images within the margin, which scales the solver's steps
ROUNDS = 200  # of the solver, at most
EXACT = 1e-6  # of the gradient
Entries = tuple[Tensor, Tensor, Tensor]  # vectors (N, F + 1) that end in 1; labels, known (N, C)


def squared_hinge(scores: Tensor, target: Tensor) -> Tensor:
    """Of each entry, (B, C): 0 where a score is beyond 1 on its label's side."""
    return (1 - (2 * target - 1) * full(scores)).clamp(min=0).square()


def machines(entries: Entries, constants: Iterable[float]) -> Iterator[Tensor]:
    """For each constant (C, F + 1): |w|^2 / 2 + constant * squared hinges is least.

    The last number is the bias, which is penalised like a weight, as in LIBLINEAR.
    """
    x, target, known = entries
    u, s, v = torch.linalg.svd(x, full_matrices=False)
    z = u * s  # (N, K): as few numbers as the images need; penalties stay the same
    found = z.new_zeros(target.shape[1], len(s))
    for constant in constants:
        step = (1 + 2 * constant * ACTIVE * s.square()).rsqrt()  # (K,)
        found = solved(found, z, step, target, known, constant)
        yield found @ v


@torch.enable_grad()
def solved(
    start: Tensor, z: Tensor, step: Tensor, target: Tensor, known: Tensor, constant: float
) -> Tensor:
    """The columns of `z` are orthogonal; `step` is the size of a step along each."""
    free = (start / step).requires_grad_()
    solver = torch.optim.LBFGS(
        [free],
        max_iter=ROUNDS,
        tolerance_grad=EXACT,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def cost() -> Tensor:
        solver.zero_grad()
        found = free * step
        errors = (squared_hinge(z @ found.T, target) * known).sum()
        value = constant * errors + found.square().sum() / 2
        value.backward()
        return value

    solver.step(cost)
    return free.detach() * step


class VeryDeep(nn.Module):
    """The mean feature of the image, of length 1, and one linear layer."""

    def __init__(self, encoder: nn.Module, labels: int):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.width, labels)

    def vectors(self, image: Tensor) -> Tensor:
        """(B, F)."""
        return normalize(full(self.encoder(image)).mean((2, 3)), dim=1)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Decision values (B, C), above 0 for a yes."""
        return self.classifier(self.vectors(batch["image"]))

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Where features are not cached, the machines are learnt in steps."""
        return known_mean(squared_hinge(self(batch), batch["target"]), batch["known"])

    def solve(self, fit: Iterable[dict[str, Tensor]], tune: Iterable[dict[str, Tensor]]) -> float:
        """Takes the place of training; returns the mean error of the images it has learned.

        The tune images choose the constant, and are then learned from, too.
        """
        learned, judged = self.entries(fit), self.entries(tune)
        constant = USUAL
        if judged:
            errors = [mean_error(found, judged) for found in machines(learned, CONSTANTS)]
            constant = CONSTANTS[errors.index(min(errors))]
            learned = tuple(torch.cat(pair) for pair in zip(learned, judged, strict=True))
        (best,) = machines(learned, [constant])
        self.classifier.weight.copy_(best[:, :-1])
        self.classifier.bias.copy_(best[:, -1])
        return mean_error(best, learned)

    def entries(self, batches: Iterable[dict[str, Tensor]]) -> Entries | None:
        parts = [
            (self.vectors(batch["image"]).double(), batch["target"].double(), batch["known"])
            for batch in batches
        ]
        if not parts:
            return None
        vectors, target, known = (torch.cat(part) for part in zip(*parts, strict=True))
        return torch.cat([vectors, torch.ones_like(vectors[:, :1])], 1), target, known


def mean_error(weights: Tensor, entries: Entries) -> float:
    x, target, known = entries
    return float(known_mean(squared_hinge(x @ weights.T, target), known))


def build(labels: LabelSpace, encoder: nn.Module) -> VeryDeep:
    return VeryDeep(encoder, len(labels.names))
