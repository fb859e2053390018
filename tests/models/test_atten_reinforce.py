"""Atten-Reinforce step by step and window by window, its reward, and what its places learn from."""

import math

import pytest
import torch
from conftest import label_space
from literal_cases import Given, linear, stir
from torch.nn.functional import grid_sample

from labelgraph.models import atten_reinforce
from labelgraph.parts import shares

GIVEN = {
    "width": 4, "steps": 3, "points": 2, "samples": 1, "sizes": [0.3, 0.6], "ratios": [0.5, 2.0],
    "deviation": 0.1, "places": "chosen",
}  # fmt: skip
LABELS, FEATURES = 4, 5
BY_HAND = {"rtol": 1e-9, "atol": 1e-9}


def model_of(**changes):
    model = atten_reinforce.build(label_space(LABELS), Given(FEATURES), **GIVEN | changes)
    return stir(model.double())


def batch(images=3):
    draw = torch.Generator().manual_seed(6)
    return {
        "image": torch.rand(images, FEATURES, 5, 6, generator=draw, dtype=torch.double),
        "target": (torch.rand(images, LABELS, generator=draw) < 0.5).double(),
        "known": torch.ones(images, LABELS, dtype=torch.bool),
    }


def crop(image, box):
    """Four bilinear samples of one image, part after part."""
    left, top, right, bottom = box
    places = [
        (2 * (left + (right - left) * x) - 1, 2 * (top + (bottom - top) * y) - 1)
        for y in (0.25, 0.75)
        for x in (0.25, 0.75)
    ]
    grid = torch.tensor(places, dtype=torch.double).view(1, 1, 4, 2)
    found = grid_sample(image[None], grid, padding_mode="border", align_corners=False)
    return found[0, :, 0].T.flatten()


def remembered(cell, x, state):
    """torch's LSTM, gate by gate."""
    hidden, memory = state
    width = len(hidden)
    total = cell.weight_ih @ x + cell.bias_ih + cell.weight_hh @ hidden + cell.bias_hh
    enters, stays, new, leaves = total.split(width)
    memory = torch.sigmoid(stays) * memory + torch.sigmoid(enters) * torch.tanh(new)
    return torch.sigmoid(leaves) * torch.tanh(memory), memory


def by_hand(model, image, fixed=None):
    """(scores, places) of one image; `fixed`: places that are given."""
    nothing = torch.zeros(4, dtype=torch.double)
    whole = linear(model.code[0], crop(image, (0, 0, 1, 1))).relu()
    state = remembered(model.memory, whole, (nothing, nothing))
    best, places = torch.full((LABELS,), -torch.inf, dtype=torch.double), []
    for step in range(3):
        x, y = fixed[step] if fixed else torch.tanh(linear(model.place, state[0])).tolist()
        places.append((x, y))
        codes = []
        centre = (x + 1) / 2, (y + 1) / 2
        for wide, high in model.shapes.tolist():
            box = centre[0] - wide, centre[1] - high, centre[0] + wide, centre[1] + high
            codes.append(linear(model.code[0], crop(image, box)).relu())
        state = remembered(model.memory, sum(codes) / len(codes), state)
        for one in codes:
            both = linear(model.scorer[0], torch.cat([one, state[0]])).relu()
            best = torch.maximum(best, linear(model.classifier, both))
    return best, places


@pytest.mark.parametrize("places", ["chosen", "fixed"])
def test_scores_are_those_of_single_windows(places):
    model, inputs = model_of(places=places).eval(), batch()
    fixed = None if places == "chosen" else [(0, 0), (-0.5, -0.5), (0.5, -0.5)]
    found, _ = model.look(inputs["image"])
    for image, scores in zip(inputs["image"], found, strict=True):
        torch.testing.assert_close(scores, by_hand(model, image, fixed)[0], **BY_HAND)


def test_windows_have_all_sizes_and_ratios():
    found = 2 * atten_reinforce.shapes([0.3, 0.6], [0.5, 2.0])
    root = math.sqrt(2)
    expected = [
        *((0.3 / root, 0.3 * root), (0.3 * root, 0.3 / root)),
        *((0.6 / root, 0.6 * root), (0.6 * root, 0.6 / root)),
    ]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_the_reward_is_the_share_of_labels_that_are_named():
    scores = torch.tensor([[4.0, 3, 2, 1], [4, 3, 2, 1], [4, 3, 2, 1]])
    target = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    known = torch.ones(3, 4, dtype=torch.bool)
    assert atten_reinforce.reward(scores, target, known).tolist() == [0.5, 0, 0]
    known[1] = torch.tensor([False, False, False, True])
    assert atten_reinforce.reward(scores, target, known).tolist() == [0.5, 1, 0]


def test_places_move_towards_those_that_were_rewarded_more_than_usual():
    """The gradient of the policy's part alone, by hand."""
    model, inputs = model_of(steps=1).train(), batch()
    model.usual.fill_(0.3)
    torch.manual_seed(3)
    scores, density = model.look(inputs["image"])
    better = atten_reinforce.reward(scores, inputs["target"], inputs["known"]) - 0.3
    expected = shares.squares(scores, inputs["target"], inputs["known"]) - (better * density).mean()
    torch.manual_seed(3)
    torch.testing.assert_close(model.loss(inputs), expected, **BY_HAND)
    torch.manual_seed(3)
    noise = torch.randn(3, 2, dtype=torch.double)
    torch.testing.assert_close(density, -noise.square().sum(1) / 2, **BY_HAND)


def test_windows_have_no_gradient_through_their_places():
    model, inputs = model_of().train(), batch()
    scores, _ = model.look(inputs["image"])
    found = torch.autograd.grad(scores.sum(), model.place.weight, allow_unused=True)
    assert found[0] is None


def test_rewards_teach_the_layer_of_places_alone():
    model, inputs = model_of().train(), batch()
    _, density = model.look(inputs["image"])
    density.sum().backward()
    taught = {name for name, value in model.named_parameters() if value.grad is not None}
    assert taught == {"place.weight", "place.bias"}


def test_the_usual_reward_follows_the_rewards_of_training_only():
    model, inputs = model_of(), batch()
    model.eval().loss(inputs)
    assert model.usual == 0
    torch.manual_seed(3)
    scores, _ = model.train().look(inputs["image"])
    mean = atten_reinforce.reward(scores, inputs["target"], inputs["known"]).mean()
    torch.manual_seed(3)
    model.loss(inputs)
    torch.testing.assert_close(model.usual, 0.1 * mean, **BY_HAND)
    model.loss(inputs | {"target": 0 * inputs["target"]})  # nothing to reward
    torch.testing.assert_close(model.usual, 0.1 * mean, **BY_HAND)


def test_a_training_step_is_decided_by_the_seed_and_testing_by_nothing():
    model, inputs = model_of().train(), batch()
    losses = []
    for seed in (1, 1, 2):
        model.usual.zero_()
        torch.manual_seed(seed)
        losses.append(model.loss(inputs).item())
    assert losses[0] == losses[1] != losses[2]
    assert torch.equal(model.eval()(inputs), model(inputs))


def test_other_places_are_refused():
    with pytest.raises(ValueError, match="places is 'random'"):
        model_of(places="random")
