"""Atten-Reinforce against a calculation by hand: its windows, its reward, what its places learn."""

import math

import numpy as np
import parity_cases as parity
import pytest
import torch
from conftest import settings
from literal_cases import Given, slopes
from references import atten_reinforce as slow

from labelgraph.models import atten_reinforce
from labelgraph.parts import shares

LABELS, FEATURES, WIDTH = 4, 3, 6
HEIGHT, ACROSS = 5, 6  # of the map
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
LAYERS = {"memory": "lstm", "scorer.0": "hidden", "classifier": "scores", "place": "place"}
FEWER = {"steps": 2, "sizes": [0.3, 1.2], "ratios": [2.0]}  # one window is larger than the map
VARIANTS = [
    ("", {}),
    ("", FEWER | {"points": 1, "samples": 4, "deviation": 1.5}),  # places beyond the map's edge
    ("", FEWER | {"points": 3, "samples": 1}),
    ("fixed", {"steps": 7}),  # more than there are fixed places
]


def model_of(seed=0, variant="", **changes):
    """Of methods.yaml, with narrow layers; windows have their sizes in double precision."""
    given = settings("atten_reinforce", variant) | {"width": WIDTH} | changes
    model = atten_reinforce.build(parity.double_labels(LABELS), Given(FEATURES), **given).double()
    wide_and_high = [
        (size * math.sqrt(ratio), size / math.sqrt(ratio))
        for size in given["sizes"]
        for ratio in given["ratios"]
    ]
    torch.testing.assert_close(2 * model.shapes.float(), torch.tensor(wide_and_high))
    model.shapes = torch.tensor(wide_and_high, dtype=torch.double) / 2
    draw = torch.Generator().manual_seed(seed)
    for value in model.parameters():
        value.data = 0.7 * torch.randn(value.shape, generator=draw, dtype=torch.double)
    model.usual.fill_(0.3)
    return model


def batch():
    """The second image has no label; the third has unknown ones, which are not in its target."""
    draw = torch.Generator().manual_seed(6)
    target = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 0]])
    known = torch.ones(4, LABELS, dtype=torch.bool)
    known[2] = torch.tensor([True, False, False, True])
    image = torch.rand(4, FEATURES, HEIGHT, ACROSS, generator=draw, dtype=torch.double)
    return {"image": image, "target": target.double(), "known": known}


def weights_of(model):
    """By the names of the calculation by hand, where features come before a crop's parts."""
    found = {}
    for name, value in model.named_parameters():
        part, _, kind = name.rpartition(".")
        found[f"{LAYERS.get(part, 'region')}.{kind}"] = value.detach().numpy()
    points, samples = model.points, model.samples
    parts = found["region.weight"].reshape(WIDTH, points, points, FEATURES)
    parts = parts.transpose(0, 3, 1, 2) / samples**2  # a part is a mean of samples
    each = parts.repeat(samples, 2).repeat(samples, 3)
    return found | {"region.weight": each.reshape(WIDTH, -1)}


def by_hand(model, **drawn):
    windows = [(2 * high * HEIGHT, 2 * wide * ACROSS) for wide, high in model.shapes.tolist()]
    given = {"steps": model.steps, "crop": model.points * model.samples, "windows": windows}
    given |= {"deviation": model.deviation, "baseline": 0.3}
    image, target, known = (batch()[name].numpy() for name in ("image", "target", "known"))
    return slow.parts(weights_of(model), image, target, known, given, **drawn)


def fixed(model):
    """The centre and the middles of quarters, again and again."""
    places = [(0, 0), (-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)]
    return np.array([[places[step % 5] for step in range(model.steps)]] * 4)


def noise(model, seed):
    torch.manual_seed(seed)
    steps = [torch.randn(4, 2, dtype=torch.double) for _ in range(model.steps)]
    return torch.stack(steps, 1).numpy()


def sampled(model, seed):
    """What the calculation by hand is given in a training step of this seed."""
    return {"noise": noise(model, seed)} if model.chooses else {"locations": fixed(model)}


@pytest.mark.parametrize(("variant", "changes"), VARIANTS)
def test_scores_are_those_by_hand(variant, changes):
    model = model_of(0, variant, **changes).eval()
    drawn = {} if model.chooses else {"locations": fixed(model)}
    expected = by_hand(model, **drawn)["scores"]
    with torch.no_grad():
        found, _ = model.look(batch()["image"])
        np.testing.assert_allclose(found.numpy(), expected, **CLOSE)
        logits = model(batch()).numpy()
    share = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    often = parity.double_labels(LABELS).positive_rate.sum().item()
    np.testing.assert_allclose(logits, np.log(share * 2 * often), **CLOSE)


@pytest.mark.parametrize(("variant", "changes"), VARIANTS)
@pytest.mark.parametrize("seed", range(2))
def test_a_training_step_is_that_by_hand(seed, variant, changes):
    """Scores, rewards, both losses and the usual reward, at the same sampled places."""
    model, inputs = model_of(seed, variant, **changes).train(), batch()
    expected = by_hand(model, **sampled(model, seed))
    target, known = inputs["target"], inputs["known"]
    torch.manual_seed(seed)
    with torch.no_grad():
        scores, density = model.look(inputs["image"])
        np.testing.assert_allclose(scores.numpy(), expected["scores"], **CLOSE)
        rewards = atten_reinforce.reward(scores, target, known)
        assert rewards.tolist() == pytest.approx([each or 0 for each in expected["rewards"]])
        squares = shares.squares(scores, target, known).item()
        assert squares == pytest.approx(expected["classification"], rel=1e-9)
        policy = -((rewards - 0.3) * density)[[0, 2, 3]].mean().item()
        assert policy == pytest.approx(expected["policy"], rel=1e-9)
        torch.manual_seed(seed)
        assert model.loss(inputs).item() == pytest.approx(squares + policy, rel=1e-9)
    usual = slow.next_baseline(0.3, expected["rewards"], atten_reinforce.MEMORY)
    assert model.usual.item() == pytest.approx(usual, rel=1e-9)


def test_the_cases_have_places_beyond_the_map_and_different_rewards():
    model = model_of(1, **VARIANTS[1][1])
    found = by_hand(model, **sampled(model, 1))
    assert (abs(found["places"]) > 1).any() and (abs(found["places"]) < 1).any()
    assert len(set(found["rewards"])) > 2


@pytest.mark.parametrize(("variant", "changes"), [*VARIANTS[1:3], ("fixed", FEWER)])
def test_gradients_are_those_by_hand(variant, changes):
    """The layer of places learns from the policy alone, all others from the squares alone."""
    model = model_of(0, variant, **changes).train()
    places = by_hand(model, **sampled(model, 0))["places"]
    torch.manual_seed(0)
    model.loss(batch()).backward()
    chooses = [name for name, _ in model.named_parameters() if name.startswith("place.")]
    others = [name for name, _ in model.named_parameters() if name not in chooses]
    assert len(chooses) == (0 if variant else 2)
    for part, names in {"policy": chooses, "classification": others}.items():
        values = [model.get_parameter(name) for name in names]
        found, expected = slopes(values, lambda part=part: by_hand(model, locations=places)[part])
        assert found == pytest.approx(expected, rel=1e-7)
        assert abs(found) > 1e-4 or not names


def test_rewards_are_those_by_hand():
    """Also with equal scores, of which the first label's comes first."""
    draw = torch.Generator().manual_seed(2)
    scores = torch.randint(3, (60, 5), generator=draw).double()
    known = torch.rand(60, 5, generator=draw) < 0.7
    target = ((torch.rand(60, 5, generator=draw) < 0.4) & known).double()
    found = atten_reinforce.reward(scores, target, known).tolist()
    expected = []
    for a, row, seen in zip(scores.numpy(), target.numpy(), known.numpy(), strict=True):
        positive = [label for label in range(5) if row[label]]
        expected.append(slow.reward_of(a, positive, seen) or 0)
    assert found == pytest.approx(expected) and len(set(expected)) > 3


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
    assert model.usual.item() == pytest.approx(0.3)
    model.train().loss(inputs | {"target": 0 * inputs["target"]})  # nothing to reward
    assert model.usual.item() == pytest.approx(0.3)
    given = settings("atten_reinforce")
    new = atten_reinforce.build(parity.double_labels(LABELS), Given(FEATURES), **given)
    assert new.usual == 0


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
