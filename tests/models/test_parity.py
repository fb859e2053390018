"""Five methods against their released code, described apart: the same weights, double precision.

Logits, loss and every gradient agree to 1e-9. Where a module keeps its weights otherwise than the
released code, `values` says how, and gradients follow by the chain rule:

- layers with the same input are one layer: SSGRL's gates, C-Tran's keys and values;
- weights without effect are absent: biases before the softmax over positions and the layer of the
  shared reset gate (SSGRL), a bias before batch statistics (ADD-GCN).
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
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


def score(model: nn.Module, given: dict[str, Tensor]) -> Scored:
    return model(given), loop.loss_of(model, given)


@dataclass(frozen=True)
class Case:
    """A module of ours, and the released code with the same weights."""

    model: nn.Module
    weights: Weights  # by the released names
    values: Weights  # by our names, made of `weights`
    theirs: Callable[[Tensor, Tensor, bool], Scored]  # of features, target, and is it training
    ours: Callable[[nn.Module, dict[str, Tensor]], Scored] = score
    silent: frozenset[str] = frozenset()  # weights without effect
    gathered: frozenset[str] = frozenset()  # in testing, a part of our running statistics


def ml_gcn_case(labels: int, widths: tuple[int, int, int] = (12, 6, FEATURES)) -> Case:
    code, words = ml_gcn_code, parity.double_labels(labels, widths[0])
    weights = parity.drawn(code.weights(code.Sizes(labels, *widths)), widths[1] ** -0.5)
    pairs = words.counts.clone().fill_diagonal_(0)
    fixed = code.buffers(words.vectors, pairs, words.counts.diagonal())
    settings = {"pooling": "max", "graph": "released", "threshold": 0.4, "neighbour_weight": 0.2}
    model = ml_gcn.build(words, Given(widths[2]), **settings, hidden=widths[1], layers=2)
    torch.testing.assert_close(model.graph, fixed["graph"], rtol=1e-12, atol=1e-12)

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        scores = code.logits(weights, fixed, image, training)
        return scores, code.loss(scores, target)

    return Case(
        model, weights, renamed(weights, {"layers.0": "first", "layers.1": "second"}), theirs
    )


def dsdl_case(
    labels: int, ridge: float, penalty: float, widths: tuple[int, int, int] = (12, 16, 24)
) -> Case:
    code, words = dsdl_code, parity.double_labels(labels, widths[0])
    weights = parity.drawn(code.weights(code.Sizes(labels, *widths)), widths[1] ** -0.5)
    fixed = code.buffers(words.vectors)
    model = dsdl.build(words, Given(widths[2]), hidden=widths[1], ridge=ridge, penalty=penalty)

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        terms = code.loss_terms(weights, fixed, image, target, ridge)
        assert terms["cosine"] > dsdl.LEAST  # below it our loss differs on purpose
        loss = code.loss(weights, fixed, image, target, ridge, penalty)
        return code.logits(weights, fixed, image, ridge, training), loss

    return Case(model, weights, renamed(weights, {"hidden": "first", "output": "second"}), theirs)


def add_gcn_case(labels: int, features: int = FEATURES, width: int = 6) -> Case:
    code, sizes = add_gcn_code, add_gcn_code.Sizes(labels, features, width)
    weights, fixed = parity.drawn(code.weights(sizes), width**-0.5), code.buffers(sizes)
    fixed["global_norm.mean"] += 0.3
    fixed["global_norm.variance"] *= 1.7
    model = add_gcn.build(parity.double_labels(labels), Given(features), width=width)
    layers = {"maps": "maps", "transform": "reduction", "static_graph": "static_graph"}
    layers |= {"static": "static", "dynamic": "dynamic", "classifier": "last"}
    layers |= {"dynamic_graph.summary": "global", "dynamic_graph.norm": "global_norm"}
    values = renamed(weights, layers | {"dynamic_graph.relations": "dynamic_graph"})
    bias = values.pop("dynamic_graph.summary.bias").detach()
    values["dynamic_graph.norm.running_mean"] = fixed["global_norm.mean"] - bias
    values["dynamic_graph.norm.running_var"] = fixed["global_norm.variance"]

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        scores = code.logits(weights, fixed, image, training)
        return scores, code.loss(scores, target)

    own = frozenset({"global.bias"})
    return Case(model, weights, values, theirs, silent=own, gathered=own)


def ssgrl_case(labels: int, shared: bool, reduced: int | None = None) -> Case:
    width, hidden, code = reduced or FEATURES, 5, ssgrl_code
    words = parity.double_labels(labels)
    sizes = code.Sizes(labels, words.vectors.shape[1], FEATURES, hidden, width, reduced)
    shapes = code.weights(sizes)
    sent = {name: shapes.pop(name) for name in tuple(shapes) if name.startswith("graph.")}
    weights = parity.drawn(shapes, 1.0) | parity.drawn(sent, 0.3)  # or the gates would saturate
    fixed = code.buffers(words.vectors, words.counts, words.counts.diagonal(), sizes)
    layers = {"decoupling.image": "decoupling.image", "decoupling.words": "decoupling.word"}
    layers |= {"decoupling.joint": "decoupling.joint", "decoupling.attention": "decoupling.score"}
    layers |= {"graph.output": "output", "classifier": "classifier"}
    silent = {"decoupling.joint.bias", "decoupling.score.bias"}
    if shared:
        silent |= {"graph.reset.state.weight", "graph.reset.state.bias"}
    if reduced:
        layers |= {"reduction.linear": "reduction", "reduction.norm": "reduction_norm"}
        fixed["reduction_norm.mean"] += 0.3
        fixed["reduction_norm.variance"] *= 1.7
    values = renamed(weights, layers) | parity.graph_values(weights, "graph", shared_gates=shared)
    if reduced:
        values["reduction.norm.running_mean"] = fixed["reduction_norm.mean"]
        values["reduction.norm.running_var"] = fixed["reduction_norm.variance"]
    settings = {"width": width, "hidden": hidden, "steps": 3, "pooled": True, "gain": 1.0}
    model = ssgrl.build(words, Given(FEATURES), **settings, shared_gates=shared)

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        scores = code.logits(weights, fixed, image, shared, training=training)
        return scores, code.loss(scores, target)

    return Case(model, weights, values, theirs, silent=frozenset(silent))


def c_tran_case(labels: int, dropout: float = 0.0) -> Case:
    """Logits are those with no label known and, below them, those with some labels known."""
    code, sizes = c_tran_code, c_tran_code.Sizes(labels, FEATURES)
    weights = parity.drawn(code.weights(sizes), 1.0)
    settings = {"width": FEATURES, "layers": 3, "heads": 4, "feedforward": FEATURES}
    settings |= {"dropout": dropout, "known_share": code.MOST_KNOWN, "pooled": False}
    model = c_tran.build(parity.double_labels(labels), Given(FEATURES), **settings)
    draw = torch.Generator().manual_seed(8)
    numbers = [0, int(labels * code.MOST_KNOWN), 4]
    orders = [torch.randperm(labels, generator=draw).tolist() for _ in numbers]
    shown = [
        code.known_in_training(labels, number, order)
        for number, order in zip(numbers, orders, strict=True)
    ]

    def drawn(images: int) -> Tensor:
        return torch.stack(shown[-images:])

    def ours(model: nn.Module, given: dict[str, Tensor]) -> Scored:
        known = drawn(len(given["target"]))
        with mock.patch.object(c_tran, "chosen", lambda *given: known):
            loss = model.loss(given)
        states = known * (1 + given["target"]).long()
        return torch.cat([model(given), model.scores(given["image"], states)]), loss

    def theirs(image: Tensor, target: Tensor, training: bool) -> Scored:
        known = drawn(len(target))
        states = code.states_from(target, known)
        blind = code.logits(weights, {}, image, torch.full_like(states, code.UNKNOWN))
        scores = code.logits(weights, {}, image, states, training=training)
        return torch.cat([blind, scores]), code.loss(scores, target, known)

    return Case(model, weights, c_tran_values(weights), theirs, ours)


def c_tran_values(weights: Weights) -> Weights:
    layers = {"labels": "label_embedding", "states": "state_embedding", "norm": "norm"}
    layers |= {"classifier": "classifier"}
    for place in range(3):
        layer = f"layers.{place}"
        layers |= {f"{layer}.output": f"{layer}.attention.out", f"{layer}.up": f"{layer}.first"}
        layers |= {f"{layer}.down": f"{layer}.second"}
        layers |= {f"{layer}.norms.{k}": f"{layer}.norm{k + 1}" for k in range(2)}
    values = renamed(weights, layers)
    for place in range(3):
        for kind in ("weight", "bias"):
            three = weights[f"layers.{place}.attention.in.{kind}"]
            width = len(three) // 3
            values[f"layers.{place}.query.{kind}"] = three[:width]
            values[f"layers.{place}.memory.{kind}"] = three[width:]
    return values


def renamed(weights: Weights, layers: dict[str, str]) -> Weights:
    """Weights and biases of layers, our name -> the released one; of convolutions, as matrices."""
    values = {}
    for ours, theirs in layers.items():
        for kind in ("weight", "bias"):
            value = weights.get(f"{theirs}.{kind}")
            if value is not None:
                values[f"{ours}.{kind}"] = value.flatten(1) if value.ndim > 1 else value
    return values


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
    model = parity.transplant(case.model, case.values).train(training)
    image, target = parity.features(images, model.encoder.width), parity.targets(images, labels)
    ours = case.ours(model, parity.inputs(image, target))
    theirs = case.theirs(image, target, training)
    own = {k: x for k, x in case.weights.items() if training or k not in case.gathered}
    silent = case.silent & own.keys()
    return parity.compare(model, case.values, own, image, ours, theirs, silent)


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
    model = parity.transplant(case.model, case.values).train()
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
    parity.compare(model, case.values, case.weights, image, ours, theirs, silent)


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
    model = parity.transplant(case.model, case.values).train()
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
