"""LaSO against its description: sets of labels by hand, losses pair by pair."""

import pytest
import torch
from conftest import batch, build, label_space
from literal_cases import (
    ORDER,
    Given,
    agree,
    follow_labels,
    grid,
    leaky,
    linear,
    permuted,
    stir,
    survive_mixed_precision,
)

from labelgraph.models import laso

LABELS = 4
OWN = {"shared.weight": 1, "shared.bias": 1}


def model_of(stage="sets", width=5, encoder=5, pairs=100, dropout=0.0):
    settings = {"stage": stage, "width": width, "hidden": 6, "dropout": dropout, "pairs": pairs}
    return stir(laso.build(label_space(LABELS), Given(encoder), **settings))


def images_of(images=3, width=5):
    draw = torch.Generator().manual_seed(9)
    target = (torch.rand(images, LABELS, generator=draw) < 0.5).float()
    known = torch.rand(images, LABELS, generator=draw) < 0.7
    known[:, 1] = True
    return {"image": grid(images, width), "target": target, "known": known}


def normed(norm, x):
    """One vector, with the statistics as they are."""
    spread = (norm.running_var + norm.eps).sqrt()
    return (x - norm.running_mean) / spread * norm.weight + norm.bias


def operated(part, kind, a, b):
    hidden = leaky(normed(part.first_norm, linear(part.first, torch.cat([a, b]))))
    arithmetic = {
        "union": a + b,
        "intersection": torch.where(a < b, a, b),
        "rest": torch.where(a > b, a - b, torch.zeros_like(a)),
    }[kind]
    inner = arithmetic + normed(part.second_norm, linear(part.second, hidden))
    found = linear(part.output, leaky(inner))
    return torch.where(found > 0, found, torch.zeros_like(found))


def entropy(logits, target, known):
    """The mean over the known entries of one group of vectors: lists over images."""
    terms = []
    for scores, labels, given in zip(logits, target, known, strict=True):
        for score, label, is_given in zip(scores, labels, given, strict=True):
            if is_given:
                yes, no = torch.sigmoid(score), torch.sigmoid(-score)
                terms.append(-torch.log(yes) if label else -torch.log(no))
    return torch.stack(terms).mean()


def sets_of(target):
    return [{label for label, yes in enumerate(row) if yes} for row in target.tolist()]


def as_rows(sets):
    return [[label in one for label in range(LABELS)] for one in sets]


def pair_of(model, a, b, x, y):
    """Vectors a and b of images with label sets x and y: results with labels, and equal pairs."""

    def do(kind, one, other):
        return operated(getattr(model, kind), kind, one, other)

    union, back = do("union", a, b), do("union", b, a)
    common, common_back = do("intersection", a, b), do("intersection", b, a)
    rest = do("rest", a, b)
    ways = do("rest", rest, b), do("rest", a, common), do("rest", a, common_back)
    again = do("union", ways[2], common)
    shows = [
        (again, (x - (y & x)) | (x & y)),
        (union, x | y),
        (do("union", union, b), (x | y) | y),
        (common, x & y),
        (do("intersection", common, b), (x & y) & y),
        (rest, x - y),
        (ways[0], (x - y) - y),
        (ways[1], x - (x & y)),
        (ways[2], x - (y & x)),
    ]
    return (
        shows,
        [(again, a), *((way, rest) for way in ways)],
        [(union, back), (common, common_back)],
    )


def literal_of_sets(model, inputs):
    """The whole loss of the first stage, from Python's own sets and one pair after the other."""
    vectors = [features.mean((1, 2)) for features in inputs["image"]]
    labels, known = sets_of(inputs["target"]), inputs["known"].tolist()
    count = len(vectors)
    nexts = [(place, (place + 1) % count) for place in range(count)]
    given = [[x and y for x, y in zip(known[k], known[n], strict=True)] for k, n in nexts]
    loss = 2 * entropy([linear(model.shared, x) for x in vectors], as_rows(labels), known)
    for turned in (False, True):  # a with b, then b with a
        both = [(n, k) if turned else (k, n) for k, n in nexts]
        pairs = [pair_of(model, vectors[k], vectors[n], labels[k], labels[n]) for k, n in both]
        for made in zip(*(shows for shows, _, _ in pairs), strict=True):
            logits = [linear(model.shared, vector) for vector, _ in made]
            loss = loss + entropy(logits, as_rows([one for _, one in made]), given)
        equal = [own + ([] if turned else shared) for _, own, shared in pairs]
        for of_pairs in zip(*equal, strict=True):
            differences = torch.cat([one - other for one, other in of_pairs])
            loss = loss + (differences**2).mean()
    return loss


@pytest.mark.parametrize("images", [2, 3])
def test_the_loss_of_the_operations_is_that_of_sets(images):
    model, inputs = model_of().eval(), images_of(images)
    fast, slow = model.loss(inputs), literal_of_sets(model, inputs)
    torch.testing.assert_close(fast, slow, rtol=1e-5, atol=1e-5)
    agree(model, fast[None], slow[None])


def test_labels_of_sets_by_hand(monkeypatch):
    """The targets for the vectors of one pair: a shows 0 and 1, b shows 0 and 2."""
    seen = {}

    def note(logits, target, known):
        seen[target.ndim] = target
        return logits.sum()

    monkeypatch.setattr(laso, "soft_margin", note)
    target = torch.tensor([[1.0, 1, 0, 0], [1, 0, 1, 0]])
    model_of().loss(images_of(2) | {"target": target, "known": target >= 0})
    assert seen[3][:, 0].tolist() == [
        *([1, 1, 0, 0], [1, 0, 1, 0]),  # a and b again
        *([0, 1, 0, 0], [0, 0, 1, 0]) * 4,  # a without b, b without a
        *[[1, 0, 0, 0]] * 4,  # intersections
        *[[1, 1, 1, 0]] * 4,  # unions
    ]


def literal_of_few(model, inputs):
    vectors = [features.mean((1, 2)) for features in inputs["image"]]
    labels, known = sets_of(inputs["target"]), inputs["known"].tolist()
    for one in range(len(inputs["image"])):
        for other in range(one + 1, len(inputs["image"])):
            vectors.append(operated(model.union, "union", vectors[one], vectors[other]))
            labels.append(labels[one] | labels[other])
            known.append([x and y for x, y in zip(known[one], known[other], strict=True)])
    *blocks, last = model.few
    logits = []
    for x in vectors:
        for block in blocks:
            x = leaky(normed(block[1], linear(block[0], x)))
        logits.append(linear(last, x))
    return entropy(logits, as_rows(labels), known)


@pytest.mark.parametrize("images", [1, 2, 4])
def test_a_classifier_learns_from_few_images_and_the_unions_of_their_pairs(images):
    model, inputs = model_of("few").eval(), images_of(images)
    fast, slow = model.loss(inputs), literal_of_few(model, inputs)
    agree(model, fast[None], slow[None])


def test_no_more_unions_than_the_settings_allow_are_made(monkeypatch):
    model, made = model_of("few", pairs=4).eval(), []
    monkeypatch.setattr(model.union, "forward", lambda a, b: made.append((a, b)) or a + b)
    inputs = images_of(5)
    model.loss(inputs)
    ((a, b),) = made
    vectors = [features.mean((1, 2)) for features in inputs["image"]]
    places = [
        tuple(next(k for k, x in enumerate(vectors) if torch.allclose(x, row)) for row in pair)
        for pair in zip(a, b, strict=True)
    ]
    assert len(set(places)) == 4
    assert all(one < other for one, other in places)


def test_scores_are_those_of_the_stage():
    inputs = images_of(2)
    x = inputs["image"].mean((2, 3))
    sets, few = model_of().eval(), model_of("few", dropout=0.5).eval()
    torch.testing.assert_close(sets(inputs), sets.shared(x))
    torch.testing.assert_close(few(inputs), few.few(x))


def test_vectors_are_narrowed_if_the_settings_say_so():
    inputs = {"image": grid(2, 7)}
    model = model_of(width=5, encoder=7)
    x = model.reduce[0](inputs["image"].mean((2, 3))).clamp(min=0)
    torch.testing.assert_close(model.vectors(inputs), x)


def test_an_unknown_stage_is_named():
    with pytest.raises(ValueError, match=r"stage is 'base'; it may be one of \('sets', 'few'\)"):
        model_of("base")


def test_scores_follow_the_labels():
    settings = {"stage": "sets", "width": 6, "hidden": 6, "dropout": 0.0, "pairs": 9}
    labels = label_space(5)
    other = stir(laso.build(permuted(labels, ORDER), Given(6), **settings))
    follow_labels(stir(laso.build(labels, Given(6), **settings)), other, OWN, grid(3, 6))


def test_mixed_precision_learns():
    survive_mixed_precision(build("laso"), batch())
