"""The released code and this project's modules beside each other, with the same weights.

A file in `released/` describes the released code of one method with plain loops, on tensors under
names of its own. A test says from which of them each parameter of our module follows: `values`, by
our names, computed from `weights`, by the released ones. Everything is in double precision.
Gradients are compared for the released tensors; ours reach them by the chain rule.
"""

from typing import NamedTuple

import torch
from conftest import label_space
from torch import Tensor, nn

from labelgraph.parts.labelspace import LabelSpace

TOLERANCE = 1e-9  # relative and absolute
EFFECT = 1e-7  # a weight whose gradient is nowhere larger would be compared for nothing

Weights = dict[str, Tensor]
Scored = tuple[Tensor, Tensor]  # logits (B, C), loss


class Difference(NamedTuple):
    """The largest absolute differences from the released code."""

    logits: float
    loss: float
    gradients: float


def double_labels(count: int, words: int = 12) -> LabelSpace:
    """Labels with counts, rates and word vectors in double precision; each of them occurs."""
    draw = torch.Generator().manual_seed(count)
    shown = (torch.rand(200, count, generator=draw) < torch.linspace(0.9, 0.1, count)).double()
    counts = shown.T @ shown
    vectors = torch.randn(count, words, generator=draw, dtype=torch.double)
    return LabelSpace(label_space(count).names, counts, 200, counts.diagonal() / 200, vectors)


def drawn(shapes: dict[str, tuple[int, ...]], scale: float = 0.4) -> Weights:
    """Random weights of these shapes, normally distributed."""
    draw = torch.Generator().manual_seed(5)
    values = {
        name: scale * torch.randn(shape, generator=draw, dtype=torch.double)
        for name, shape in shapes.items()
    }
    return {name: value.requires_grad_() for name, value in values.items()}


def features(images: int, width: int, height: int = 2, across: int = 4) -> Tensor:
    """What an encoder would find, (B, F, h, w); `literal_cases.Given` passes it on."""
    draw = torch.Generator().manual_seed(6)
    found = torch.rand(images, width, height, across, generator=draw, dtype=torch.double)
    return found.requires_grad_()


def targets(images: int, labels: int) -> Tensor:
    draw = torch.Generator().manual_seed(7)
    return (torch.rand(images, labels, generator=draw) < 0.3).double()


def inputs(image: Tensor, target: Tensor) -> dict[str, Tensor]:
    """A batch of which every label is known."""
    known = torch.ones(target.shape, dtype=torch.bool)
    return {"image": image, "target": target, "known": known, "place": torch.arange(len(image))}


@torch.no_grad()
def transplant(model: nn.Module, values: Weights) -> nn.Module:
    """The model in double precision with these values; every parameter must be among them."""
    model.double()
    own = dict(model.named_parameters())
    assert own.keys() <= values.keys(), f"without a value: {own.keys() - values.keys()}"
    for name, value in (own | dict(model.named_buffers())).items():
        if name in values:
            assert value.shape == values[name].shape, name
            value.copy_(values[name])
    return model


def compare(
    model: nn.Module,
    values: Weights,
    weights: Weights,
    image: Tensor,
    ours: Scored,
    theirs: Scored,
    silent: frozenset[str] = frozenset(),
) -> Difference:
    """Logits, loss and every gradient of the loss, the features' included, must be the same.

    `silent`: released weights that the calculation does not depend on.
    """
    assert ours[0].dtype == ours[1].dtype == torch.double
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=TOLERANCE, atol=TOLERANCE)
    expected = slopes(theirs[1], weights | {"features": image})
    found = released_slopes(model, values, weights, image, ours[1])
    for name, slope in expected.items():
        torch.testing.assert_close(
            found[name],
            slope,
            rtol=TOLERANCE,
            atol=TOLERANCE,
            msg=lambda text, name=name: f"gradient of {name}: {text}",
        )
        assert (slope.abs().max() > EFFECT) != (name in silent), f"{name}: {slope.abs().max()}"
    apart = [largest(mine, other) for mine, other in zip(ours, theirs, strict=True)]
    return Difference(*apart, max(largest(found[name], expected[name]) for name in expected))


def slopes(value: Tensor, places: Weights) -> Weights:
    """The gradient of `value`; 0 where it does not depend on a tensor."""
    found = torch.autograd.grad(value, list(places.values()), retain_graph=True, allow_unused=True)
    pairs = zip(places.items(), found, strict=True)
    return {name: torch.zeros_like(x) if slope is None else slope for (name, x), slope in pairs}


def released_slopes(
    model: nn.Module, values: Weights, weights: Weights, image: Tensor, loss: Tensor
) -> Weights:
    """The gradient of our loss for the released weights, through ours: the chain rule."""
    own = slopes(loss, dict(model.named_parameters()) | {"features": image})
    of_features = own.pop("features")
    total = sum((values[name] * slope).sum() for name, slope in own.items())
    return slopes(total, weights) | {"features": of_features}


def graph_values(
    weights: Weights, ours: str, theirs: str = "graph", shared_gates: bool = False
) -> Weights:
    """The gated graph network without the layer after it: we keep layers of one input together.

    `ours` and `theirs`: what its names begin with.
    """
    sent = ("update.message", "reset.message", "candidate.message")
    own = ("update.state",) if shared_gates else ("update.state", "reset.state")
    layers = {"message": sent, "recurrent": own, "candidate": ("candidate.state",)}
    return {
        f"{ours}.{layer}.{kind}": torch.cat([weights[f"{theirs}.{name}.{kind}"] for name in names])
        for layer, names in layers.items()
        for kind in ("weight", "bias")
    }


def largest(one: Tensor, other: Tensor) -> float:
    return (one - other).abs().max().item()
