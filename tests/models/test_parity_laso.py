"""LaSO against its released code, described apart: full precision, the same weights.

Logits, loss and every gradient agree to 1e-9, for the second image of each pair being the next of
the batch, and for unions of the first stage's network. Biases before a normalisation are absent
here: in training they cancel, in testing its mean takes them up. A single image is left out in
training: there, batch statistics of it are an error.
"""

from functools import partial

import pytest
import torch
from conftest import settings
from literal_cases import Given
from parity_cases import compare, double_labels, drawn, features, inputs, targets, transplant
from released import laso as released_laso
from weight_cases import affine, as_drawn

from labelgraph import models

LABELS = pytest.mark.parametrize("labels", [20, 80])
CASES = [(1, False), (3, False), (3, True)]  # images; are they training
SEED = 3
FEATURES = 6
HIDDEN = 5
NARROW = {"width": FEATURES, "hidden": HIDDEN}


def laso_buffers(shapes):
    draw = torch.Generator().manual_seed(2)
    found = released_laso.buffers(shapes, torch.double)
    for name, value in found.items():
        mean = name.endswith("mean")
        value.normal_(generator=draw) if mean else value.uniform_(0.5, 2, generator=draw)
    return found


def normed(ours, theirs, linear, weights, fixed):
    """A normalisation. The bias of the layer before it is not ours: the mean takes it up."""
    mean = fixed[f"{theirs}.running_mean"] - weights[f"{linear}.bias"]
    variance = fixed[f"{theirs}.running_var"]
    statistics = {f"{ours}.running_mean": mean, f"{ours}.running_var": variance}
    return affine(ours, theirs, weights) | statistics


def laso_values(weights, fixed):
    values = affine("shared", "classifier", weights)
    names = zip(("rest", "intersection", "union"), released_laso.OPERATIONS, strict=True)
    for ours, theirs in names:
        values |= affine(f"{ours}.output", f"{theirs}.out", weights)
        for place, layer in (("first", "join"), ("second", "residual1")):
            name = f"{theirs}.{layer}"
            values[f"{ours}.{place}.weight"] = weights[f"{name}.weight"]
            values |= normed(f"{ours}.{place}_norm", f"{name}_norm", name, weights, fixed)
    return values


def without_cancelled(weights):
    """In testing, a mean that is no parameter takes up these biases; in training, they cancel."""
    layers = "join.bias", "residual1.bias", "first.bias", "second.bias", "third.bias"
    return {name: value for name, value in weights.items() if not name.endswith(layers)}


def laso_difference(images, labels, training):
    target, labels = targets(images, labels), double_labels(labels)
    shapes = released_laso.weights(released_laso.Sizes(len(labels.names), FEATURES))
    weights, fixed = drawn(shapes), laso_buffers(shapes)
    image, values = features(images, FEATURES), laso_values(weights, fixed)
    model = models.build("laso", labels, Given(FEATURES), **settings("laso") | NARROW)
    model = transplant(model, values).train(training)
    a = released_laso.pooled(image)
    pairs = a, a.roll(-1, 0), target, target.roll(-1, 0)
    logits = released_laso.logits(weights, fixed, image)
    expected = logits, released_laso.loss(weights, fixed, *pairs, training)
    batch = inputs(image, target)
    ours = model(batch), model.loss(batch)
    return compare(model, values, without_cancelled(weights), image, ours, expected)


@pytest.mark.parametrize(("images", "training"), CASES)
@LABELS
def test_laso_sets(images, labels, training):
    laso_difference(images, labels, training)


def few_values(weights, fixed):
    values = affine("few.3", "output", weights)
    for place, block in enumerate(("first", "second", "third")):
        values[f"few.{place}.0.weight"] = weights[f"{block}.weight"]
        values |= normed(f"few.{place}.1", f"{block}_norm", block, weights, fixed)
    return values


def few_difference(images, labels, training, monkeypatch):
    """The unions are those of the first stage's network, which rests."""
    target, labels = targets(images, labels), double_labels(labels)
    sizes = released_laso.Sizes(len(labels.names), FEATURES, hidden=HIDDEN)
    first, second = released_laso.weights(sizes), released_laso.few_shot_weights(sizes)
    weights, fixed = drawn(first | second), laso_buffers(first | second)
    image, draw = features(images, FEATURES), torch.Generator().manual_seed(1)
    values = laso_values(weights, fixed) | few_values(weights, fixed)
    model = models.build(
        "laso", labels, Given(FEATURES), **settings("laso", "shots") | NARROW | {"pairs": 2}
    )
    model = transplant(model, values).train(training)
    model.union.eval()
    kept = torch.rand(2, images + 2, HIDDEN, generator=draw) < 0.5
    masks = iter([*kept, *kept] if training else ())

    def dropout(x, share, training, _):
        return x * next(masks)[: len(x)] / (1 - share) if training and share else x

    monkeypatch.setattr(torch.nn.functional, "dropout", dropout)

    def scores(vectors):
        left = kept[:, : len(vectors)]
        return released_laso.few_shot_logits(weights, fixed, vectors, training, left)

    real = released_laso.pooled(image)
    torch.manual_seed(SEED)
    a, b = torch.combinations(torch.arange(images)).T
    drawn_pairs = torch.randperm(len(a))[:2]
    a, b = a[drawn_pairs], b[drawn_pairs]
    union = partial(released_laso.operate, weights, fixed, "union")
    made = released_laso.few_shot_batch(real, target, real[a], real[b], target[a], target[b], union)
    expected = scores(real), released_laso.few_shot_loss(scores(made[0]), made[1])
    batch = inputs(image, target)
    logits = model(batch)
    torch.manual_seed(SEED)
    ours = logits, model.loss(batch)
    compared = {name: x for name, x in without_cancelled(weights).items() if learns(name, images)}
    return compare(model, values, compared, image, ours, expected)


def learns(name, images):
    """A single image has no unions; the other operations are never used."""
    return name.split(".")[0] not in {*released_laso.OPERATIONS, "classifier"} or (
        name.startswith("union") and images > 1
    )


@pytest.mark.parametrize(("images", "training"), CASES)
@LABELS
def test_laso_few(images, labels, training, monkeypatch):
    few_difference(images, labels, training, monkeypatch)


def test_first_weights_of_laso():
    shapes = released_laso.weights(released_laso.Sizes(20, 24))
    model = models.build("laso", double_labels(20), Given(24), **settings("laso") | {"width": 24})
    as_drawn(model, laso_values, shapes, released_laso.buffers(shapes))


def test_normalisations_of_few_shot_classifiers_begin_around_1():
    chosen = settings("laso", "shots") | {"width": 24, "hidden": 200}
    few = models.build("laso", double_labels(20), Given(24), **chosen).few
    weights = torch.cat([block[1].weight for block in few[:3]])
    assert weights.mean().item() == pytest.approx(1, abs=0.005)
    assert weights.std().item() == pytest.approx(0.02, rel=0.15)
