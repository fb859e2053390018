"""VeryDeep's machines against scikit-learn's, and what chooses their constant."""

import numpy as np
import pytest
import torch
from conftest import batch, label_space
from literal_cases import Given
from sklearn.svm import LinearSVC

from labelgraph.models import very_deep

LABELS, WIDTH = 3, 6


def model_of():
    return very_deep.build(label_space(LABELS), Given(WIDTH))


def batches(seed, images=40):
    """Images whose labels their features tell, with some mistakes."""
    draw = torch.Generator().manual_seed(seed)
    image = torch.rand(images, WIDTH, 2, 3, generator=draw)
    mean = image.mean((2, 3))
    target = (mean[:, :LABELS] + 0.1 * torch.randn(images, LABELS, generator=draw) > 0.5).float()
    known = torch.rand(images, LABELS, generator=draw) < 0.9
    whole = {"image": image, "target": target, "known": known}
    return [
        {name: value[part] for name, value in whole.items()}
        for part in (slice(15), slice(15, None))
    ]


def has_learned(model, weights):
    layer = model.classifier
    found = torch.cat([layer.weight, layer.bias[:, None]], 1).double()
    torch.testing.assert_close(found, weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("constant", [0.1, 1.0, 30.0])
def test_machines_are_scikit_learns(constant):
    entries = model_of().entries(batches(1))
    (found,) = very_deep.machines(entries, [constant])
    x, target, known = (value.numpy() for value in entries)
    for label in range(LABELS):
        rows = known[:, label]
        judge = LinearSVC(C=constant, dual=False, tol=1e-10, max_iter=10_000)
        judge.fit(x[rows, :-1], target[rows, label])
        expected = np.append(judge.coef_[0], judge.intercept_)
        np.testing.assert_allclose(found[label].numpy(), expected, rtol=1e-3, atol=1e-4)


def test_machines_do_not_depend_on_the_constants_before():
    entries = model_of().entries(batches(1))
    (alone,) = very_deep.machines(entries, [2.0])
    *_, last = very_deep.machines(entries, [0.1, 30.0, 2.0])
    torch.testing.assert_close(last, alone, rtol=1e-4, atol=1e-5)


def test_the_tune_images_choose_the_constant_and_are_then_learned():
    model = model_of()
    with torch.no_grad():
        model.solve(batches(1), batches(2))
    learned, judged = model.entries(batches(1)), model.entries(batches(2))
    errors = {
        value: very_deep.mean_error(found, judged)
        for value, found in zip(
            very_deep.CONSTANTS, very_deep.machines(learned, very_deep.CONSTANTS), strict=True
        )
    }
    best = min(errors, key=errors.get)
    both = tuple(torch.cat(pair) for pair in zip(learned, judged, strict=True))
    (expected,) = very_deep.machines(both, [best])
    has_learned(model, expected)


def test_without_tune_images_the_usual_constant_is_taken():
    model = model_of()
    with torch.no_grad():
        found = model.solve(batches(1), [])
    learned = model.entries(batches(1))
    (expected,) = very_deep.machines(learned, [very_deep.USUAL])
    has_learned(model, expected)
    assert found == pytest.approx(very_deep.mean_error(expected, learned))


def test_larger_features_are_the_same_image():
    model = very_deep.build(label_space(5), Given(24))
    inputs = batch()
    torch.testing.assert_close(model(inputs | {"image": 7 * inputs["image"]}), model(inputs))


def test_entries_beyond_the_margin_cost_nothing():
    scores = torch.tensor([[2.0, 0.5, -0.5, -1.0]])
    found = very_deep.squared_hinge(scores, torch.tensor([[1.0, 1.0, 0.0, 1.0]]))
    assert found.tolist() == [[0, 0.25, 0.25, 4]]
