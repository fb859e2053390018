"""Plain versions of the methods' equations: loops over labels, positions and edges of one image.

Everything is computed on single vectors, so that each line can be checked against the paper.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from labelgraph.parts.labelspace import LabelSpace
from labelgraph.train import loop

ORDER = [3, 0, 4, 1, 2]  # the labels of the permutation tests


class Given(nn.Module):
    """An encoder that returns its input, the features."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def forward(self, image: Tensor) -> Tensor:
        return image


@torch.no_grad()
def stir(model: nn.Module) -> nn.Module:
    """Makes weights so large that each of them affects the scores."""
    draw = torch.Generator().manual_seed(3)
    for value in model.parameters():
        value.copy_(0.4 * torch.randn(value.shape, generator=draw))
    for name, value in model.named_buffers():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2, generator=draw)
        if name.endswith("running_mean"):
            value.normal_(generator=draw)
    return model


def grid(images: int, width: int, height: int = 2, across: int = 3) -> Tensor:
    draw = torch.Generator().manual_seed(4)
    return torch.rand(images, width, height, across, generator=draw)


def gradients(model: nn.Module, value: Tensor) -> dict[str, Tensor]:
    named = dict(model.named_parameters())
    found = torch.autograd.grad(value, list(named.values()), allow_unused=True)
    return {name: grad for name, grad in zip(named, found, strict=True) if grad is not None}


def agree(model: nn.Module, fast: Tensor, slow: Tensor) -> None:
    """The same numbers, and the same gradient for every parameter."""
    torch.testing.assert_close(fast, slow, rtol=1e-5, atol=1e-5)
    weights = torch.linspace(-1, 1, fast.numel()).reshape(fast.shape)
    quick, literal = (gradients(model, (value * weights).sum()) for value in (fast, slow))
    assert quick.keys() == literal.keys()
    for name, gradient in quick.items():
        torch.testing.assert_close(
            gradient, literal[name], rtol=1e-4, atol=1e-5, msg=lambda text, name=name: name + text
        )


@torch.no_grad()
def slopes(values: list[Tensor], function: Callable[[], float]) -> tuple[float, float]:
    """Along a random direction: by the gradients of `values`, and by differences of `function`."""
    draw = torch.Generator().manual_seed(1)
    ways = [torch.randn(value.shape, generator=draw, dtype=value.dtype) for value in values]
    ends = []
    for step in (1e-5, -1e-5):
        for value, way in zip(values, ways, strict=True):
            value.add_(step * way)
        ends.append(function())
        for value, way in zip(values, ways, strict=True):
            value.sub_(step * way)
    found = sum(dot(value.grad, way).item() for value, way in zip(values, ways, strict=True))
    return found, (ends[0] - ends[1]) / 2e-5


def dot(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).sum()


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """One output after the other."""
    found = torch.stack([dot(row, x) for row in layer.weight])
    return found if layer.bias is None else found + layer.bias


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)


def pool(features: Tensor) -> list[Tensor]:
    """The features (F, h, w) of one image -> the means of up to 2 x 2 positions."""
    _, height, width = features.shape
    return [
        torch.stack(
            [
                features[:, row, column]
                for row in range(top, min(top + 2, height))
                for column in range(left, min(left + 2, width))
            ]
        ).mean(0)
        for top in range(0, height, 2)
        for left in range(0, width, 2)
    ]


def cells(features: Tensor) -> list[Tensor]:
    """The features (F, h, w) of one image -> all positions, row by row."""
    return [features[:, row, column] for row, column in torch.cartesian_prod(*places(features))]


def places(features: Tensor) -> tuple[Tensor, Tensor]:
    return torch.arange(features.shape[1]), torch.arange(features.shape[2])


def reduced(part: nn.Module, found: list[Tensor]) -> list[Tensor]:
    """Fewer numbers for each position, with the statistics of the normalisation as they are."""
    norm = part.norm
    spread = (norm.running_var + norm.eps).sqrt()
    found = [(linear(part.linear, x) - norm.running_mean) / spread for x in found]
    return [x * norm.weight + norm.bias for x in found]


def decoupled(part: nn.Module, found: list[Tensor], vectors: Tensor) -> list[Tensor]:
    """Eqs. 1 to 4 of SSGRL: attention of each label over the positions, one by one."""
    states = []
    for word in vectors:
        energy = []
        for position in found:
            bent = torch.tanh(linear(part.image, position) * linear(part.words, word))
            energy.append(linear(part.attention, linear(part.joint, bent))[0])
        total = sum(torch.exp(value) for value in energy)
        shares = [torch.exp(value) / total for value in energy]
        states.append(sum(share * x for share, x in zip(shares, found, strict=True)))
    return states


def spread(part: nn.Module, first: list[Tensor], steps: int, shared_gates: bool) -> list[Tensor]:
    """Eqs. 5 and 6 of SSGRL, edge by edge, and the layer that reads first and last states."""
    states, width = first, len(first[0])
    to_update, to_reset, to_candidate = part.message.weight.split(width)
    biases = part.message.bias.split(width)
    own = [part.recurrent.weight.split(width), part.recurrent.bias.split(width)]
    own_update, own_reset = ([rows[place] for rows in own] for place in (0, -1))
    for _ in range(steps):
        changed = []
        for here, state in enumerate(states):
            out = sum(part.graph[here, there] * other for there, other in enumerate(states))
            into = sum(part.graph[there, here] * other for there, other in enumerate(states))
            received = torch.cat([out, into])
            update = to_update @ received + biases[0] + own_update[0] @ state + own_update[1]
            reset = to_reset @ received + biases[1] + own_reset[0] @ state + own_reset[1]
            update, reset = torch.sigmoid(update), torch.sigmoid(reset)
            candidate = to_candidate @ received + biases[2]
            candidate = torch.tanh(candidate + linear(part.candidate, reset * state))
            changed.append((1 - update) * state + update * candidate)
        states = changed
    pairs = zip(states, first, strict=True)
    return [linear(part.output, torch.cat([last, start])) for last, start in pairs]


def own_scores(classifier: nn.Linear, states: list[Tensor]) -> Tensor:
    """The product of each label's state with its own row of the classifier."""
    rows = zip(states, classifier.weight, classifier.bias, strict=True)
    return torch.stack([dot(state, weight) + bias for state, weight, bias in rows])


def permuted(labels: LabelSpace, order: list[int]) -> LabelSpace:
    return replace(
        labels,
        names=tuple(labels.names[place] for place in order),
        counts=labels.counts[order][:, order],
        positive_rate=labels.positive_rate[order],
        vectors=labels.vectors[order],
    )


def follow_labels(model: nn.Module, other: nn.Module, own: dict[str, int], image: Tensor) -> None:
    """`other` has the labels in ORDER; `own`: how many first dimensions of a weight are labels."""
    for name, value in other.named_parameters():
        weight = model.get_parameter(name).data
        for dimension in range(own.get(name, 0)):
            weight = weight.index_select(dimension, torch.tensor(ORDER))
        value.data = weight
    with torch.no_grad():
        found = other.eval()({"image": image})
        expected = model.eval()({"image": image})[:, ORDER]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 1e-3


def survive_mixed_precision(model: nn.Module, inputs: dict[str, Tensor]) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loop.loss_of(model.train(), inputs)
    loss.backward()
    assert loss.isfinite()
    assert all(value.grad.isfinite().all() for value in model.parameters() if value.requires_grad)
