"""The exact linear layer: the optimum of the problem as written, chosen on the tune images."""

import numpy as np
import pytest
from scipy.optimize import minimize
from torch import from_numpy

from labelgraph.parts import convex

IMAGES, FEATURES, LABELS = 40, 7, 3


def entries(images, seed, unknown=0.2):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(images, FEATURES)) * np.linspace(0.2, 3, FEATURES) + 1
    true = np.random.default_rng(9).normal(size=(FEATURES, LABELS))
    target = (x @ true / 3 + draw.logistic(size=(images, LABELS)) > 0.5).astype(float)
    weight = draw.uniform(0.5, 2, (images, LABELS)) * (draw.random((images, LABELS)) > unknown)
    return convex.Entries(*map(from_numpy, (x, target, weight)))


def literal(fit, label, strength):
    """Weights and bias of one label, found by scipy without any change of variables."""
    x, target, weight = (part.numpy() for part in fit)
    unit = 1 / np.mean([np.sum((row - x.mean(0)) ** 2) for row in x])

    def cost(found):
        logits = x @ found[:-1] + found[-1]
        lost = np.logaddexp(0, np.where(target[:, label] == 1, -logits, logits))
        return strength * unit * weight[:, label] @ lost + np.sum(found[:-1] ** 2) / 2

    return minimize(cost, np.zeros(FEATURES + 1), method="BFGS", options={"gtol": 1e-5}).x


def test_every_strength_gives_the_optimum():
    fit = entries(IMAGES, 1)
    for strength, layer in zip(convex.STRENGTHS, convex.solutions(fit), strict=True):
        for label in range(LABELS):
            wanted = literal(fit, label, strength)
            np.testing.assert_allclose(layer.weight[label].numpy(), wanted[:-1], atol=2e-3)
            assert float(layer.bias[label]) == pytest.approx(wanted[-1], abs=4e-3)


def test_unknown_labels_change_nothing():
    fit = entries(IMAGES, 1)
    turned = fit._replace(target=(fit.target - (fit.weight == 0).double()).abs())
    for one, other in zip(convex.solutions(fit), convex.solutions(turned), strict=True):
        np.testing.assert_array_equal(one.weight.numpy(), other.weight.numpy())


def test_the_tune_images_choose_the_strength():
    fit, tune = entries(IMAGES, 1), entries(60, 2)
    losses = [convex.loss(layer, tune) for layer in convex.solutions(fit)]
    assert len({round(loss, 6) for loss in losses}) == len(losses)
    assert convex.loss(convex.optimum(fit, tune), tune) == min(losses)


def test_without_a_known_label_of_a_tune_image_the_usual_strength_is_taken():
    fit = entries(IMAGES, 1)
    usual = [*convex.solutions(fit)][convex.USUAL]
    for tune in (None, entries(9, 2, unknown=1)):
        found = convex.optimum(fit, tune)
        np.testing.assert_array_equal(found.weight.numpy(), usual.weight.numpy())


def test_more_features_than_images_are_no_problem():
    fit = entries(5, 3, unknown=0)
    assert convex.optimum(fit, None).weight.shape == (LABELS, FEATURES)
