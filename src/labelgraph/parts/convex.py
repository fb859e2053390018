"""The best linear layer on features that do not learn: the optimum of a convex problem.

The cross-entropy of the fit images plus a penalty on the weights is minimised; how much the penalty
counts is chosen by the cross-entropy of the tune images. So no rate, number of epochs or first
weights decide how good the layer is.

Shapes: N images, C labels, F features, K numbers of an image that are left.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from labelgraph.parts.losses import cross_entropy

STRENGTHS = (3.0, 10.0, 30.0, 100.0)  # of the data against the penalty
USUAL = STRENGTHS.index(10.0)  # where no label of a tune image is known to choose by
ROUNDS = 200  # of the solver, at most
EXACT = 1e-4  # of the gradient, as a share of what all images of one label could make it
CURVATURE = 0.1  # about p (1 - p) of an average label, which scales the solver's steps


class Entries(NamedTuple):
    """Images with their labels."""

    x: Tensor  # (N, F)
    target: Tensor  # (N, C)
    weight: Tensor  # (N, C): how much an entry counts; 0 where a label is unknown


class Linear(NamedTuple):
    weight: Tensor  # (C, F)
    bias: Tensor  # (C,)


def optimum(fit: Entries, tune: Entries | None) -> Linear:
    found = [*solutions(fit)]
    if tune is None or not tune.weight.any():
        return found[USUAL]
    return min(found, key=lambda layer: loss(layer, tune))


def loss(layer: Linear, entries: Entries) -> float:
    """The mean cross-entropy of the entries, as they count."""
    values = cross_entropy(entries.x @ layer.weight.T + layer.bias, entries.target)
    return float((values * entries.weight).sum() / entries.weight.sum())


def solutions(fit: Entries) -> Iterator[Linear]:
    """The layer for each strength, found from the one before."""
    mean = fit.x.mean(0)
    u, s, v = torch.linalg.svd(fit.x - mean, full_matrices=False)
    z = u * s  # (N, K): as few numbers as the images need; penalties stay the same
    unit = len(z) / float(s.square().sum())  # of strengths: one over the mean squared length
    found = z.new_zeros(fit.target.shape[1], z.shape[1] + 1)
    for strength in STRENGTHS:
        found = solved(found, z, s, fit, strength * unit)
        weight = found[:, :-1] @ v
        yield Linear(weight, found[:, -1] - weight @ mean)


@torch.enable_grad()
def solved(start: Tensor, z: Tensor, s: Tensor, fit: Entries, strength: float) -> Tensor:
    """Weights and, last, biases (C, K + 1): `strength` * cross-entropy + |weights|^2 / 2 is least.

    The columns of `z` are orthogonal and have the lengths `s`, so the curvature along each is
    known well enough to give all directions steps of the right size.
    """
    ends = s.new_tensor([strength * CURVATURE * len(z)])
    step = torch.cat([1 + strength * CURVATURE * s.square(), ends]).rsqrt()  # (K + 1,)
    free = (start / step).requires_grad_()
    total = strength * len(z)
    solver = torch.optim.LBFGS(
        [free],
        max_iter=ROUNDS,
        tolerance_grad=EXACT * total * float(step.min()),
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def cost() -> Tensor:
        solver.zero_grad()
        found = free * step
        values = cross_entropy(z @ found[:, :-1].T + found[:, -1], fit.target)
        value = strength * (values * fit.weight).sum() + found[:, :-1].square().sum() / 2
        value.backward()
        return value

    solver.step(cost)
    return free.detach() * step
