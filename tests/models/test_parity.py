"""Five methods against their released code, described apart: the same weights, double precision.

Logits, loss and every gradient agree to 1e-9. Where a module keeps its weights otherwise than the
released code, `values` says how, and gradients follow by the chain rule:

- layers with the same input are one layer: SSGRL's gates, C-Tran's keys and values;
- weights without effect are absent: biases before the softmax over positions and the layer of the
  shared reset gate (SSGRL), a bias before batch statistics (ADD-GCN).
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from unittest import mock

import parity_cases as parity
import pytest
import torch
from literal_cases import Given
from parity_cases import Scored, Weights
from released import add_gcn as add_gcn_code
from released import c_tran as c_tran_code
from released import dsdl as dsdl_code
from released import ml_gcn as ml_gcn_code
from released import ssgrl as ssgrl_code
from torch import Tensor, nn

from labelgraph.models import add_gcn, c_tran, dsdl, ml_gcn, ssgrl
from labelgraph.train import loop

FEATURES = 8

# layers: our name -> the released one
ML_GCN = {"layers.0": "first", "layers.1": "second"}
DSDL = {"hidden": "first", "output": "second"}
ADD_GCN = {
    "maps": "maps",
    "transform": "reduction",
    "static_graph": "static_graph",
    "static": "static",
    "dynamic_graph.summary": "global",
    "dynamic_graph.norm": "global_norm",
    "dynamic_graph.relations": "dynamic_graph",
    "dynamic": "dynamic",
    "classifier": "last",
}
SSGRL = {
    "reduction.linear": "reduction",
    "reduction.norm": "reduction_norm",
    "decoupling.image": "decoupling.image",
    "decoupling.words": "decoupling.word",
    "decoupling.joint": "decoupling.joint",
    "decoupling.attention": "decoupling.score",
    "graph.output": "output",
    "classifier": "classifier",
}
C_TRAN = {
    "labels": "label_embedding",
    "states": "state_embedding",
    "norm": "norm",
    "classifier": "classifier",
}
C_TRAN_LAYER = {
    "output": "attention.out",
    "norms.0": "norm1",
    "up": "first",
    "down": "second",
    "norms.1": "norm2",
}


def renamed(weights: Weights, layers: dict[str, str]) -> Weights:
    """Weights and biases of the layers that `weights` has; of convolutions, as matrices."""
    values = {}
    for ours, theirs in layers.items():
        for kind in ("weight", "bias"):
            value = weights.get(f"{theirs}.{kind}")
            if value is not None:
                values[f"{ours}.{kind}"] = value.flatten(1) if value.ndim > 1 else value
    return values


def ssgrl_values(weights: Weights, shared: bool) -> Weights:
    gates = parity.graph_values(weights, "graph", shared_gates=shared)
    return renamed(weights, SSGRL) | gates


def c_tran_values(weights: Weights) -> Weights:
    values = renamed(weights, C_TRAN)
    for place in range(3):
        layer = f"layers.{place}"
        names = {f"{layer}.{ours}": f"{layer}.{name}" for ours, name in C_TRAN_LAYER.items()}
        values |= renamed(weights, names)
        for kind in ("weight", "bias"):
            three = weights[f"{layer}.attention.in.{kind}"]
            width = len(three) // 3
            values[f"{layer}.query.{kind}"] = three[:width]
            values[f"{layer}.memory.{kind}"] = three[width:]
    return values


def score(model: nn.Module, given: dict[str, Tensor]) -> Scored:
    return model(given), loop.loss_of(model, given)


@dataclass(frozen=True)
class Case:
    """A module of ours, and the released code with the same weights."""

    model: nn.Module
    weights: Weights  # by the released names
    values: Callable[[Weights], Weights]  # by our names, made of them
    rules: dict[str, str]  # how the released code draws the first weights
    theirs: Callable[[Tensor, Tensor, bool], Scored]  # of features, target, and is it training
    ours: Callable[[nn.Module, dict[str, Tensor]], Scored] = score
    gathered: Weights = field(default_factory=dict)  # running statistics, by our names
    silent: frozenset[str] = frozenset()  # weights without effect
    at_rest: frozenset[str] = frozenset()  # in testing, a part of our running statistics


def ml_gcn_case(labels: int, widths: tuple[int, int, int] = (12, 6, FEATURES)) -> Case:
    code, sizes = ml_gcn_code, ml_gcn_code.Sizes(labels, *widths)
    words = parity.double_labels(labels, widths[0])
    weights = parity.drawn(code.weights(sizes), widths[1] ** -0.5)
    pairs = words.counts.clone().fill_diagonal_(0)
    fixed = code.buffers(words.vectors, pairs, words.counts.diagonal())
    settings = {"pooling": "max", "graph": "released", "threshold": 0.4, "neighbour_weight": 0.2}
    model = ml_gcn.build(words, Given(widths[2]), **settings, hidden=widths[1], layers=2)
    torch.testing.assert_close(model.graph, fixed["graph"], rtol=1e-12, atol=1e-12)

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        scores = code.logits(weights, fixed, image, training)
        return scores, code.loss(scores, target)

    values = partial(renamed, layers=ML_GCN)
    return Case(model, weights, values, code.first_weights(sizes), theirs)


def dsdl_case(
    labels: int, ridge: float, penalty: float, widths: tuple[int, int, int] = (12, 16, 24)
) -> Case:
    code, sizes = dsdl_code, dsdl_code.Sizes(labels, *widths)
    words = parity.double_labels(labels, widths[0])
    weights = parity.drawn(code.weights(sizes), widths[1] ** -0.5)
    fixed = code.buffers(words.vectors)
    model = dsdl.build(words, Given(widths[2]), hidden=widths[1], ridge=ridge, penalty=penalty)

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        terms = code.loss_terms(weights, fixed, image, target, ridge)
        assert terms["cosine"] > dsdl.LEAST  # below it our loss differs on purpose
        loss = code.loss(weights, fixed, image, target, ridge, penalty)
        return code.logits(weights, fixed, image, ridge, training), loss

    return Case(model, weights, partial(renamed, layers=DSDL), code.first_weights(sizes), theirs)


def add_gcn_case(labels: int, features: int = FEATURES, width: int = 6) -> Case:
    code, sizes = add_gcn_code, add_gcn_code.Sizes(labels, features, width)
    weights, fixed = parity.drawn(code.weights(sizes), width**-0.5), code.buffers(sizes)
    fixed["global_norm.mean"] += 0.3
    fixed["global_norm.variance"] *= 1.7
    model = add_gcn.build(parity.double_labels(labels), Given(features), width=width)
    norm = "dynamic_graph.norm.running"
    own_mean = fixed["global_norm.mean"] - weights["global.bias"].detach()
    gathered = {f"{norm}_mean": own_mean, f"{norm}_var": fixed["global_norm.variance"]}

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        scores = code.logits(weights, fixed, image, training)
        return scores, code.loss(scores, target)

    values, rules = partial(renamed, layers=ADD_GCN), code.first_weights(sizes)
    bias = frozenset({"global.bias"})
    return Case(model, weights, values, rules, theirs, gathered=gathered, silent=bias, at_rest=bias)


def ssgrl_case(
    labels: int, shared: bool, reduced: int | None = None, features: int = FEATURES, hidden: int = 5
) -> Case:
    code, width, words = ssgrl_code, reduced or features, parity.double_labels(labels)
    sizes = code.Sizes(labels, words.vectors.shape[1], features, hidden, width, reduced)
    shapes = code.weights(sizes)
    sent = {name: shapes.pop(name) for name in tuple(shapes) if name.startswith("graph.")}
    weights = parity.drawn(shapes, 1.0) | parity.drawn(sent, 0.3)  # or the gates would saturate
    fixed = code.buffers(words.vectors, words.counts, words.counts.diagonal(), sizes)
    gathered, silent = {}, {"decoupling.joint.bias", "decoupling.score.bias"}
    if shared:
        silent |= {"graph.reset.state.weight", "graph.reset.state.bias"}
    if reduced:
        fixed["reduction_norm.mean"] += 0.3
        fixed["reduction_norm.variance"] *= 1.7
        gathered["reduction.norm.running_mean"] = fixed["reduction_norm.mean"]
        gathered["reduction.norm.running_var"] = fixed["reduction_norm.variance"]
    settings = {"width": width, "hidden": hidden, "steps": 3, "pooled": True, "gain": 1.0}
    model = ssgrl.build(words, Given(features), **settings, shared_gates=shared)

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        scores = code.logits(weights, fixed, image, shared, training=training)
        return scores, code.loss(scores, target)

    values, rules = partial(ssgrl_values, shared=shared), code.first_weights(sizes)
    silent = frozenset(silent)
    return Case(model, weights, values, rules, theirs, gathered=gathered, silent=silent)


def c_tran_case(labels: int, dropout: float = 0.0, features: int = FEATURES) -> Case:
    """Logits are those with no label known and, below them, those with some labels known."""
    code, sizes = c_tran_code, c_tran_code.Sizes(labels, features)
    weights = parity.drawn(code.weights(sizes), 1.0)
    settings = {"width": features, "layers": 3, "heads": 4, "feedforward": features}
    settings |= {"dropout": dropout, "known_share": code.MOST_KNOWN, "pooled": False}
    model = c_tran.build(parity.double_labels(labels), Given(features), **settings)

    def ours(model: nn.Module, given: dict[str, Tensor]) -> Scored:
        known = shown(*given["target"].shape)
        with mock.patch.object(c_tran, "chosen", lambda *given: known):
            loss = model.loss(given)
        states = known * (1 + given["target"]).long()
        return torch.cat([model(given), model.scores(given["image"], states)]), loss

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        known = shown(*target.shape)
        states = code.states_from(target, known)
        blind = code.logits(weights, {}, image, torch.full_like(states, code.UNKNOWN))
        scores = code.logits(weights, {}, image, states, training=training)
        return torch.cat([blind, scores]), code.loss(scores, target, known)

    return Case(model, weights, c_tran_values, code.first_weights(sizes), theirs, ours)


def shown(images: int, labels: int) -> Tensor:
    """Which labels are known, (B, C): a few of one image, the most of a second, none of a third."""
    draw = torch.Generator().manual_seed(8)
    rows = []
    for number in [4, int(labels * c_tran_code.MOST_KNOWN), 0][:images]:
        order = torch.randperm(labels, generator=draw).tolist()
        rows.append(c_tran_code.known_in_training(labels, number, order))
    return torch.stack(rows)


CASES: dict[str, Callable[[int], Case]] = {
    "ml_gcn": ml_gcn_case,
    "dsdl": lambda labels: dsdl_case(labels, 0.1, 0.05),
    "dsdl (VOC's ridge)": lambda labels: dsdl_case(labels, 10.0, 0.05),
    "c_tran": c_tran_case,
    "add_gcn": add_gcn_case,
    "ssgrl (released)": lambda labels: ssgrl_case(labels, True),
    "ssgrl (corrected)": lambda labels: ssgrl_case(labels, False),
    "ssgrl (partial labels)": lambda labels: ssgrl_case(labels, False, 6),
}


def difference(case: Case, labels: int, images: int, training: bool) -> parity.Difference:
    values = case.values(case.weights)
    model = parity.transplant(case.model, values | case.gathered).train(training)
    image, target = parity.features(images, model.encoder.width), parity.targets(images, labels)
    ours = case.ours(model, parity.inputs(image, target))
    theirs = case.theirs(image, target, training)
    own = {name: x for name, x in case.weights.items() if training or name not in case.at_rest}
    silent = case.silent & own.keys()
    return parity.compare(model, values, own, image, ours, theirs, silent)


RUNS = [(name, images, images == 3) for name in CASES for images in (1, 3)]
RUNS += [("add_gcn", 3, False), ("ssgrl (partial labels)", 3, False)]  # batch normalisation at rest
RUNS += [("ssgrl (partial labels)", 1, True)]


@pytest.mark.parametrize("labels", [20, 80])
@pytest.mark.parametrize(("name", "images", "training"), RUNS)
def test_logits_loss_and_gradients_are_the_released_ones(name, images, training, labels):
    difference(CASES[name](labels), labels, images, training)


@pytest.mark.parametrize(
    ("build", "given"),
    [
        (ml_gcn_case, {"widths": (300, 1024, 2048)}),
        (dsdl_case, {"ridge": 0.1, "penalty": 1e-6, "widths": (300, 1024, 2048)}),
        (add_gcn_case, {"features": 2048, "width": 1024}),
    ],
)
def test_networks_of_the_released_size_agree(build, given):
    difference(build(20, **given), 20, 2, True)


@pytest.mark.parametrize("images", [1, 3])
def test_c_trans_dropout_acts_at_the_same_places(monkeypatch, images):
    labels, rate = 20, c_tran_code.DROPOUT
    case = c_tran_case(labels, rate)
    values = case.values(case.weights)
    model = parity.transplant(case.model, values).train()
    image, target = parity.features(images, FEATURES), parity.targets(images, labels)
    keep = draws(images, image[0, 0].numel() + labels)

    def attend(query: Tensor, key: Tensor, value: Tensor, dropout_p: float) -> Tensor:
        share = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)  # (B, A, Q, N)
        assert dropout_p == rate
        return share * taken("attention", share.shape[2]) / (1 - rate) @ value

    def drop(x: Tensor) -> Tensor:
        return x * taken(next(places), x.shape[1]) / (1 - rate)

    def taken(place: str, rows: int) -> Tensor:
        """The layer's draws for these tokens: the last layer asks for labels only."""
        found = torch.stack([of_image[len(used[place])][place] for of_image in keep])
        used[place].append(rows)
        return found[..., -rows:, :]

    used: dict[str, list[int]] = {place: [] for place in keep[0][0]}
    places = itertools.cycle(["heard", "hidden", "thought"])
    monkeypatch.setattr(c_tran, "attention", attend)
    for layer in model.layers:
        layer.dropout.forward = drop
    states = torch.zeros(images, labels, dtype=torch.long)
    scores = model.scores(image, states)
    unknown = torch.full_like(states, c_tran_code.UNKNOWN)
    other = c_tran_code.logits(case.weights, {}, image, unknown, training=True, keep=keep)
    assert {len(rows) for rows in used.values()} == {len(model.layers)}
    ours, theirs = ((x, c_tran_code.loss(x, target, None)) for x in (scores, other))
    silent = frozenset({"state_embedding.weight"})  # the row of unknown does not learn
    parity.compare(model, values, case.weights, image, ours, theirs, silent)


def draws(images: int, tokens: int) -> list[list[dict[str, Tensor]]]:
    """What is kept, 0 or 1, of each image and layer."""
    draw = torch.Generator().manual_seed(9)
    shapes = {"attention": (4, tokens, tokens)}
    shapes |= dict.fromkeys(("heard", "hidden", "thought"), (tokens, FEATURES))

    def one() -> dict[str, Tensor]:
        return {name: (torch.rand(x, generator=draw) > 0.3).double() for name, x in shapes.items()}

    return [[one() for _ in range(3)] for _ in range(images)]


def test_add_gcn_gathers_the_same_statistics():
    code, case = add_gcn_code, add_gcn_case(20)
    model = parity.transplant(case.model, case.values(case.weights) | case.gathered).train()
    norm, image = model.dynamic_graph.norm, parity.features(3, FEATURES)
    fixed = {"global_norm.mean": norm.running_mean.clone()}
    fixed["global_norm.variance"] = norm.running_var.clone()
    model({"image": image})
    nodes = [
        code.after_static_graph(case.weights, code.attended_nodes(case.weights, x)) for x in image
    ]
    bias = case.weights["global.bias"]
    found = [x - bias for x in code.global_vectors(case.weights, nodes)]
    expected = code.running_after(fixed, found)
    torch.testing.assert_close(norm.running_mean, expected["global_norm.mean"], rtol=0, atol=1e-9)
    torch.testing.assert_close(
        norm.running_var, expected["global_norm.variance"], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize(
    ("build", "given"),
    [
        (ml_gcn_case, {"widths": (48, 64, 96)}),
        (dsdl_case, {"ridge": 0.1, "penalty": 0.05, "widths": (48, 64, 96)}),
        (c_tran_case, {"features": 64}),
        (add_gcn_case, {"features": 96, "width": 64}),
        (ssgrl_case, {"shared": True, "features": 64, "hidden": 48}),
        (ssgrl_case, {"shared": False, "features": 96, "reduced": 64, "hidden": 48}),
    ],
)
def test_first_weights_are_drawn_as_in_the_released_code(build, given):
    case = build(20, **given)
    bounds = {name: torch.full(x.shape, bound(case, name)) for name, x in case.weights.items()}
    bounds = case.values(bounds)
    for name, weight in case.model.named_parameters():
        if "norm" in name:
            assert torch.equal(weight, bounds[name].to(weight)), name
            continue
        drawn = (weight / bounds[name])[bounds[name] > 0]
        assert not weight[bounds[name] == 0].any(), name
        if len(drawn):
            assert drawn.abs().max() <= 1, name
            off = drawn.std(correction=0).item() * 3**0.5 - 1  # of a uniform distribution, 0
            assert abs(off) < 2.5 / len(drawn) ** 0.5, f"{name}: {off}"


def bound(case: Case, name: str) -> float:
    """Of the uniform distribution that the rule names; the value itself, of a normalisation."""
    rule, layer = case.rules[name], name.rpartition(".")[0]
    if rule in ("0", "1"):
        return float(rule)
    outputs, inputs = case.weights[f"{layer}.weight"].flatten(1).shape
    if "xavier" in rule:
        return (6 / (inputs + outputs)) ** 0.5
    return (outputs if rule == "uniform ±1/sqrt(outputs)" else inputs) ** -0.5
