"""KGGR against its description: features and classifiers, position by position, edge by edge."""

import pytest
import torch
from conftest import batch, build, label_space
from literal_cases import (
    ORDER,
    Given,
    agree,
    cells,
    decoupled,
    dot,
    follow_labels,
    grid,
    permuted,
    pool,
    reduced,
    spread,
    stir,
    survive_mixed_precision,
)

from labelgraph.models import kggr

OWN = {"classifier.weight": 1, "classifier.bias": 1}


def model_of(labels, pooled=True, double_product=False, steps=3):
    settings = {"width": 4, "hidden": 5, "steps": steps, "pooled": pooled, "gain": 1.0}
    return stir(kggr.build(labels, Given(6), **settings, double_product=double_product))


def literal(model, features, pooled, steps, double_product):
    """The scores (C,) of one image, with the statistics of the normalisation as they are."""
    found = reduced(model.reduction, pool(features) if pooled else cells(features))
    first = decoupled(model.decoupling, found, model.vectors)
    states = [torch.tanh(x) for x in spread(model.feature_graph, first, steps, False)]
    rows = list(model.classifier.weight)
    propagated = spread(model.classifier_graph, rows, steps, False)
    if double_product:
        propagated = [x * row for x, row in zip(propagated, rows, strict=True)]
    scores = [dot(state, weight) for state, weight in zip(states, propagated, strict=True)]
    return torch.stack(scores) + model.classifier.bias


@pytest.mark.parametrize("double_product", [False, True])
@pytest.mark.parametrize(("pooled", "steps"), [(True, 3), (False, 1)])
def test_scores_and_gradients_are_those_of_the_description(pooled, steps, double_product):
    model = model_of(label_space(4), pooled, double_product, steps).eval()
    features = grid(2, 6, 3, 4)
    slow = [literal(model, image, pooled, steps, double_product) for image in features]
    agree(model, model({"image": features}), torch.stack(slow))


def test_in_training_positions_are_normalised_over_the_batch():
    part = model_of(label_space(4)).reduction.train()
    found = part(grid(3, 6))  # (B, P, F')
    expected = part.norm.bias.expand(4)
    torch.testing.assert_close(found.mean((0, 1)), expected, rtol=1e-4, atol=1e-5)


def test_scores_follow_the_labels():
    labels = label_space(5)
    other = model_of(permuted(labels, ORDER))
    follow_labels(model_of(labels), other, OWN, grid(3, 6))


def test_mixed_precision_learns():
    survive_mixed_precision(build("kggr"), batch())
