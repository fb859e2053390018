"""SSGRL against its equations: position by position, edge by edge."""

import pytest
import torch
from conftest import batch, build, label_space
from literal_cases import (
    ORDER,
    Given,
    agree,
    cells,
    decoupled,
    follow_labels,
    grid,
    own_scores,
    permuted,
    pool,
    reduced,
    spread,
    stir,
    survive_mixed_precision,
)

from labelgraph.models import ssgrl
from labelgraph.parts import decoupling, gated
from labelgraph.parts.positions import positions

OWN = {"classifier.weight": 1, "classifier.bias": 1}


def model_of(labels, width=6, pooled=True, shared_gates=False, steps=3):
    settings = {"width": width, "hidden": 5, "steps": steps, "pooled": pooled, "gain": 1.0}
    return stir(ssgrl.build(labels, Given(6), **settings, shared_gates=shared_gates))


def literal(model, features, pooled, steps, shared_gates):
    """The scores (C,) of one image."""
    found = pool(features) if pooled else cells(features)
    if isinstance(model.reduction, decoupling.Reduction):
        found = reduced(model.reduction, found)
    first = decoupled(model.decoupling, found, model.vectors)
    states = [torch.tanh(x) for x in spread(model.graph, first, steps, shared_gates)]
    return own_scores(model.classifier, states)


@pytest.mark.parametrize("shared_gates", [False, True])
@pytest.mark.parametrize(("pooled", "width", "steps"), [(True, 6, 3), (False, 6, 1), (True, 4, 2)])
def test_scores_and_gradients_are_those_of_the_equations(pooled, width, steps, shared_gates):
    model = model_of(label_space(4), width, pooled, shared_gates, steps).eval()
    features = grid(2, 6, 3, 4)
    slow = torch.stack([literal(model, image, pooled, steps, shared_gates) for image in features])
    agree(model, model({"image": features}), slow)


def test_the_released_code_has_fewer_weights():
    fixed, released = (model_of(label_space(4), shared_gates=flag) for flag in (False, True))
    assert fixed.graph.recurrent.weight.shape == (12, 6)
    assert released.graph.recurrent.weight.shape == (6, 6)


def test_scores_follow_the_labels():
    labels = label_space(5)
    other = model_of(permuted(labels, ORDER))
    follow_labels(model_of(labels), other, OWN, grid(3, 6))


def test_the_graph_is_how_often_a_label_occurs_with_another():
    counts = torch.tensor([[4.0, 1, 0], [1, 2, 0], [0, 0, 0]])
    expected = torch.tensor([[1.0, 0.25, 0], [0.5, 1, 0], [0, 0, 1]])
    torch.testing.assert_close(gated.with_self(counts), expected)


@pytest.mark.parametrize("elements", [1, 150, 300])
def test_labels_in_chunks_give_the_same_scores_and_gradients(monkeypatch, elements):
    part = stir(decoupling.SemanticDecoupling(6, 12, 5))
    found, vectors = grid(2, 6).flatten(2).mT, label_space(7).vectors
    at_once = part(found, vectors)
    made = []
    keep = decoupling.response
    monkeypatch.setattr(decoupling, "ELEMENTS", elements)
    monkeypatch.setattr(
        decoupling, "response", lambda *given: made.append(len(given[1])) or keep(*given)
    )
    agree(part, part(found, vectors), at_once)
    assert len(made) > 2  # once for the scores, once for the gradient
    assert max(made) * 2 * 6 * 5 <= max(elements, 60)


def test_no_chunk_is_computed_twice_without_gradients(monkeypatch):
    part, found = decoupling.SemanticDecoupling(6, 12, 5), grid(2, 6).flatten(2).mT
    made = []
    keep = decoupling.response
    monkeypatch.setattr(decoupling, "ELEMENTS", 1)
    monkeypatch.setattr(decoupling, "response", lambda *given: made.append(1) or keep(*given))
    with torch.inference_mode():
        part(found, label_space(7).vectors)
    assert len(made) == 7


def test_an_odd_edge_is_pooled_from_the_positions_that_exist():
    features = torch.arange(6.0).reshape(1, 1, 2, 3)
    torch.testing.assert_close(positions(features, True), torch.tensor([[[2.0], [3.5]]]))


def test_mixed_precision_learns():
    survive_mixed_precision(build("ssgrl"), batch())
