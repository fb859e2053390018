"""ML-SGM against its equations, one image and one label at a time; its objectives by hand."""

import math

import numpy as np
import pytest
import torch
from conftest import batch, build, label_space, settings
from scipy import ndimage
from test_matching import literal, of
from torch.nn.functional import layer_norm

from labelgraph import models
from labelgraph.encoders import encoder as encoders
from labelgraph.models.ml_sgm import released as cellmatching
from labelgraph.parts import losses

VARIANTS = ("", "bl_casc", "bl_casc_go", "bl_gl", "go_gl", "no_matching", "no_activation", "sum")


def box_of(cells):
    """x, y, w, h of the largest part, as fractions of the image."""
    names, count = ndimage.label(cells, np.ones((3, 3)))
    places = [np.argwhere(names == k) for k in range(1, count + 1)]
    best = max(places, key=len)
    (top, left), (bottom, right) = best.min(0), best.max(0) + 1
    height, width = cells.shape
    return [left / width, top / height, (right - left) / width, (bottom - top) / height]


def instances(model, features, given):
    """Nodes, and their boxes as x, y, w, h, of one map (F, h, w): the image, then the rest."""
    reduced = torch.einsum("df,fyx->dyx", model.reduce.weight, features)
    reduced = reduced + model.reduce.bias[:, None, None]
    nodes, boxes = [reduced.mean((1, 2))], [[0, 0, 1, 1]]
    if given["instances"] == "cells":
        cells = torch.nn.functional.adaptive_avg_pool2d(reduced, 7)
        nodes += [cells[:, y, x] for y in range(7) for x in range(7)]
        boxes += [[x / 7, y / 7, 1 / 7, 1 / 7] for y in range(7) for x in range(7)]
    if given["instances"] == "activation":
        classify = model.find.classify
        maps = torch.einsum("cf,fyx->cyx", classify.weight, features)
        maps = torch.sigmoid(maps + classify.bias[:, None, None])
        order = sorted(range(len(maps)), key=lambda c: -maps[c].max())[: given["limit"]]
        for c in order:
            if maps[c].max() > given["gamma"]:
                nodes.append((maps[c] * reduced).sum((1, 2)))
                high = maps[c] > given["activated"] * maps[c].max()
                boxes.append(box_of(high.numpy()))
    nodes = torch.stack(nodes)
    if given["scale"] == "standard":
        nodes = layer_norm(nodes, nodes.shape[1:])
    return nodes, torch.tensor(boxes, dtype=nodes.dtype)


def slow(model, features, given):
    """Logits (C,) of one map."""
    nodes, boxes = instances(model, features, given)
    if not given["edges"]:
        return model.network(nodes).amax(0)
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    graph = model.network, given["edges"], nodes, corners, given["neighbours"]
    return literal(*graph, coordinates=boxes).amax(0)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("changed", [{}, {"gamma": 0.62, "limit": 3}], ids=["all", "some"])
def test_scores_are_those_of_the_equations(variant, changed):
    given = settings("ml_sgm", variant) | changed | {"neighbours": 2}
    torch.manual_seed(3)
    model = models.build("ml_sgm", label_space(5), encoders.Cached(24), **given).eval()
    inputs = batch()
    with torch.no_grad():
        found = model(inputs)
        expected = torch.stack([slow(model, image, given) for image in inputs["image"]])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_an_image_without_a_chosen_label_is_scored_by_its_global_node():
    model, inputs = build("ml_sgm").eval(), batch()
    model.find.gamma = 1.0
    given = settings("ml_sgm") | {"gamma": 1.0}
    with torch.no_grad():
        found = model(inputs)
        expected = torch.stack([slow(model, image, given) for image in inputs["image"]])
    assert not model.find(inputs["image"]).present[:, 1:].any()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def permuted(model, order):
    """The same model for the labels in another order."""
    state = model.state_dict()
    for name in ("find.classify.weight", "find.classify.bias", "network.words", "objective.rate"):
        state[name] = state[name][order]
    other = build("ml_sgm")
    other.load_state_dict(state)
    return other.eval()


def test_another_order_of_labels_gives_the_scores_in_that_order():
    model, inputs, order = build("ml_sgm").eval(), batch(), torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        torch.testing.assert_close(permuted(model, order)(inputs), model(inputs)[:, order])


def by_hand(name, shown, target, known, rate):
    """Eq. 16, 17 and 19 to 21 on probabilities, entry by entry."""
    total, count, images = 0.0, 0, len(shown)
    for i, c in np.ndindex(*shown.shape):
        p, r = shown[i, c], rate[c]
        if not known[i, c]:
            continue
        count += 1
        if name == "weighted":
            yes, no = math.exp(0.4 * (1 - r)) * math.log(p), math.exp(0.4 * r) * math.log(1 - p)
        elif name == "partial":
            weight = (-4.45 * known[i].mean() + 5.45) / len(rate)
            yes, no = weight * math.log(p), weight * math.log(1 - p)
        else:
            q = max(p - 0.05, 0)
            yes, no = math.log(p), q**4 * math.log(1 - q)
        total -= yes if target[i, c] else no
    return total / (images if name == "partial" else count)


@pytest.mark.parametrize("name", ["weighted", "partial", "asymmetric"])
def test_objectives_by_hand(name):
    inputs, draw = batch(6, 5), torch.Generator().manual_seed(0)
    logits = torch.randn(6, 5, generator=draw, dtype=torch.double) * 3
    rate = torch.rand(5, generator=draw)
    entries = logits, inputs["target"], inputs["known"]
    found = {
        "weighted": lambda: losses.weighted(*entries, rate, 0.4),
        "partial": lambda: losses.partial(*entries, -4.45, 5.45, 1.0),
        "asymmetric": lambda: losses.asymmetric(*entries, 0.0, 4.0, 0.05),
    }[name]()
    arrays = [x.numpy() for x in (logits.sigmoid(), inputs["target"], inputs["known"], rate)]
    assert float(found) == pytest.approx(by_hand(name, *arrays), rel=1e-6)


@pytest.mark.parametrize("name", ["weighted", "partial", "asymmetric"])
@pytest.mark.parametrize("size", [0.0, 200.0])
def test_objectives_and_their_gradients_stay_finite(name, size):
    logits = torch.tensor([[size, -size, size, -size]], requires_grad=True)
    target, known = torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.ones(1, 4, dtype=torch.bool)
    arguments = {
        "weighted": (torch.zeros(4), 0.4),
        "partial": (-4.45, 5.45, 1.0),
        "asymmetric": (0.0, 4.0, 0.05),
    }[name]
    loss = getattr(losses, name)(logits, target, known, *arguments)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_without_beta_the_weighted_loss_is_the_plain_one():
    inputs, logits = batch(), torch.randn(3, 5)
    plain = losses.soft_margin(logits, inputs["target"], inputs["known"])
    found = losses.weighted(logits, inputs["target"], inputs["known"], torch.rand(5), 0.0)
    torch.testing.assert_close(found, plain)


def test_maps_learn_by_the_same_objective():
    model, inputs = build("ml_sgm"), batch()
    logits, of_maps = model.scores(inputs)
    entries = inputs["target"], inputs["known"]
    expected = model.objective(logits, *entries) + model.objective(of_maps, *entries)
    torch.testing.assert_close(model.loss(inputs), expected)


def test_the_cells_beside_a_cell_by_hand():
    """0 1 2
    3 4 5"""
    picks, share = cellmatching.grid(torch.zeros(1, 1, 2, 3))
    found = [sorted(picks[i][share[i] > 0].argmax(-1).tolist()) for i in range(6)]
    assert found == [[1, 3], [0, 2, 4], [1, 5], [0, 4], [1, 3, 5], [2, 4]]
    for i, beside_it in enumerate(found):
        assert share[i][share[i] > 0].tolist() == pytest.approx(
            [1 / len(beside_it)] * len(beside_it)
        )
        assert picks[i].sum() == len(beside_it)


def test_the_released_model_matches_49_cells_of_a_picture_of_448_pixels():
    """14 x 14 features of ResNet-101 give 7 x 7 cells; an odd side is rounded up."""
    model = build("ml_sgm", variant="released").eval()
    for side, cells in ((14, 7), (13, 7)):
        reduced = model.reduce(torch.rand(1, model.encoder.width, side, side))
        assert reduced.shape[2:] == (cells, cells)


def test_the_released_loss_weighs_a_yes_four_times():
    model, inputs = build("ml_sgm", variant="released").eval(), batch()
    inputs["known"] = torch.ones(3, 5, dtype=torch.bool)
    shown, target = model(inputs).sigmoid(), inputs["target"]
    expected = -(0.8 * target * shown.log() + 0.2 * (1 - target) * (1 - shown).log()).mean()
    torch.testing.assert_close(model.loss(inputs), expected)


def test_the_output_chooses_the_scores_and_not_the_training():
    inputs = batch()
    found = {}
    for output in ("matching", "maps", "sum"):
        torch.manual_seed(0)
        model = models.build(
            "ml_sgm", label_space(5), encoders.Cached(24), **settings("ml_sgm") | {"output": output}
        ).eval()
        found[output] = model(inputs), model.scores(inputs), model.loss(inputs)
    matched, of_maps = found["matching"][1]
    torch.testing.assert_close(found["matching"][0], matched)
    torch.testing.assert_close(found["maps"][0], of_maps)
    torch.testing.assert_close(found["sum"][0], matched + of_maps)
    assert len({loss.item() for *_, loss in found.values()}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"instances": "boxes"},
        {"objective": "hinge"},
        {"output": "both"},
        {"output": "maps", "instances": "cells"},
    ],
)
def test_a_wrong_setting_is_named(change):
    given = settings("ml_sgm") | change
    with pytest.raises(ValueError, match=r"boxes|hinge|both|without activation maps"):
        models.build("ml_sgm", label_space(5), encoders.Cached(24), **given)


def test_a_perceptron_is_its_two_layers():
    model = build("ml_sgm")
    update = model.network.blocks[0].update_instances
    values = [torch.randn(size) for size in update.inputs]
    torch.testing.assert_close(update(*values), update.norm(of(update, *values)))
