"""DSDL against its equations, number by number."""

import pytest
import torch
from conftest import batch, build, label_space
from literal_cases import (
    ORDER,
    Given,
    agree,
    dot,
    follow_labels,
    grid,
    leaky,
    linear,
    permuted,
    stir,
    survive_mixed_precision,
)

from labelgraph.models import dsdl

RIDGE, PENALTY = 0.5, 0.3


def model_of(labels, ridge=RIDGE):
    return stir(dsdl.build(labels, Given(6), hidden=5, ridge=ridge, penalty=PENALTY))


def dictionary_of(model):
    return [linear(model.output, leaky(linear(model.hidden, word))) for word in model.vectors]


def literal(model, features):
    """The code (C,) of one image: ridge regression by Gauss' elimination of its normal equation."""
    found = torch.stack([row.max() for row in features])  # (F,)
    atoms = dictionary_of(model)
    count = len(atoms)
    rows = [
        [dot(one, other) + (RIDGE if i == j else 0) for j, other in enumerate(atoms)]
        + [dot(one, found)]
        for i, one in enumerate(atoms)
    ]
    for done in range(count):
        for below in range(count):
            if below != done:
                share = rows[below][done] / rows[done][done]
                rows[below] = [x - share * y for x, y in zip(rows[below], rows[done], strict=True)]
    return torch.stack([rows[k][count] / rows[k][k] for k in range(count)])


def literal_loss(model, features, target, known):
    codes = [literal(model, image) for image in features]
    atoms = dictionary_of(model)
    losses, apart, size = [], 0, 0
    for image, code, yes, given in zip(features, codes, target, known, strict=True):
        for score, one, there in zip(code, yes, given, strict=True):
            if there:
                losses.append(torch.log(1 + torch.exp(-score if one else score)))
        pooled = torch.stack([row.max() for row in image])
        rebuilt = sum(number * atom for number, atom in zip(code, atoms, strict=True))
        apart = apart + ((rebuilt - pooled) ** 2).sum()
        size = size + (code**2).sum()
    similarity = []
    for word, atom in zip(model.vectors, atoms, strict=True):
        hidden = leaky(sum(x * row for x, row in zip(atom, model.output.weight, strict=True)))
        back = sum(x * row for x, row in zip(hidden, model.hidden.weight, strict=True))
        similarity.append(dot(back, word) / (dot(back, back) * dot(word, word)).sqrt())
    rebuilding = apart.sqrt() + RIDGE * size.sqrt()
    return (sum(losses) / len(losses) + PENALTY * rebuilding) / (sum(similarity) / len(similarity))


def test_scores_and_gradients_are_those_of_the_equations():
    model, features = model_of(label_space(4)), grid(2, 6)
    slow = torch.stack([literal(model, image.flatten(1)) for image in features])
    agree(model, model({"image": features}), slow)


def test_loss_and_gradients_are_those_of_the_equations():
    model, features = model_of(label_space(4)), grid(3, 6)
    given = batch(images=3, labels=4)
    inputs = {"image": features, "target": given["target"], "known": given["known"]}
    slow = literal_loss(model, features.flatten(2), inputs["target"], inputs["known"])
    assert not inputs["known"].all()
    agree(model, model.loss(inputs), slow)


def test_the_code_minimises_the_distance_to_the_features():
    model, features = model_of(label_space(4)), grid(1, 6)
    atoms, found = model.dictionary().detach(), features.amax((2, 3))
    code = model({"image": features}).detach().requires_grad_()
    cost = ((code @ atoms - found) ** 2).sum() + RIDGE * (code**2).sum()
    (slope,) = torch.autograd.grad(cost, code)
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-4)


def test_scores_follow_the_labels():
    labels = label_space(5)
    follow_labels(model_of(labels), model_of(permuted(labels, ORDER)), {}, grid(3, 6))


def test_more_labels_than_features_still_have_one_code():
    model, features = model_of(label_space(40)), grid(2, 6)
    atoms, found = model.dictionary().double(), features.amax((2, 3)).double()
    gram = atoms @ atoms.T + RIDGE * torch.eye(40)
    expected = torch.linalg.solve(gram, atoms @ found.T).T.float()
    torch.testing.assert_close(model({"image": features}), expected, rtol=1e-3, atol=1e-4)


def test_words_decoded_with_the_opposite_sign_do_not_flip_the_loss():
    model, inputs = model_of(label_space(4)), batch(labels=4)
    model.words = lambda dictionary: -model.vectors
    inputs["image"] = grid(3, 6)
    assert model.loss(inputs) > 0


@pytest.mark.parametrize("ridge", [0, -1])
def test_a_ridge_that_is_not_positive_is_refused(ridge):
    with pytest.raises(ValueError, match=f"ridge is {ridge}; it must be above 0"):
        model_of(label_space(4), ridge)


def test_mixed_precision_learns():
    survive_mixed_precision(build("dsdl"), batch())
