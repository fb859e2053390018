"""Weights of our layers after those of the released code, which has other names for them.

The released rules for first weights: ones and zeros for normalisations, torch's own for the rest.
"""

import math

import pytest
import torch


def affine(ours, theirs, weights):
    """The two tensors of a layer."""
    return {f"{ours}.{part}": weights[f"{theirs}.{part}"] for part in ("weight", "bias")}


def bound(name, shapes):
    """What the released code draws: ones or zeros, or uniformly ± this, torch's own rule."""
    if name.startswith("blend"):
        return 0.5
    if "norm" in name:
        return 1.0 if name.endswith("weight") else 0.0
    return math.prod(shapes[name.rsplit(".", 1)[0] + ".weight"][1:]) ** -0.5


def as_drawn(model, values, shapes, fixed):
    """Compares each parameter with the rule of the released weights that it takes the place of."""
    bounds = {name: torch.full(shape, bound(name, shapes)) for name, shape in shapes.items()}
    constant = {
        name: torch.full(shape, float("norm" in name or name.startswith("blend")))
        for name, shape in shapes.items()
    }
    expected, still = (values(given, fixed) for given in (bounds, constant))
    for name, value in model.named_parameters():
        if still[name].all():
            assert value.equal(expected[name].view_as(value)), name
            continue
        share = value.detach() / expected[name]
        assert share.abs().max() < 1 + 1e-6, name
        if share.numel() >= 200:
            assert share.std().item() == pytest.approx(3**-0.5, rel=0.1), name
