"""RNN-Attention against a calculation by hand and torch's own sampling; its regions and loss."""

import math

import numpy as np
import parity_cases as parity
import pytest
import torch
from conftest import batch, build
from literal_cases import Given, survive_mixed_precision
from references import rnn_attention as slow
from torch.nn.functional import affine_grid, grid_sample, max_pool2d

from labelgraph.models import rnn_attention

LABELS = 5
SETTINGS = {"regions": 5, "samples": 3, "pooled": False, "vector": 6, "state": 5, "hidden": 4}
SETTINGS |= {"largest": 0.5, "smallest": 0.1, "anchor": 0.01, "upright": 0.1, "penalty": 0.1}
SETTINGS |= {"threshold": 0.1}
BY_HAND = {"vector": "region", "cell": "lstm", "hidden": "hidden", "classifier": "scores"}
BY_HAND |= {"place": "place"}


def model_of(seed=0, **changes):
    labels = parity.double_labels(LABELS)
    model = rnn_attention.build(labels, Given(7), **SETTINGS | changes).double()
    draw = torch.Generator().manual_seed(seed)
    for value in model.parameters():
        value.data = 0.7 * torch.randn(value.shape, generator=draw, dtype=torch.double)
    return model.eval()


def weights_of(model):
    """By the names of the calculation by hand."""
    found = {}
    for name, value in model.named_parameters():
        part, _, kind = name.partition(".")
        found[f"{BY_HAND[part]}.{kind}"] = value.detach().numpy()
    blocks = found["region.weight"].reshape(6, model.samples**2, 7)  # by hand, features come first
    return found | {"region.weight": blocks.transpose(0, 2, 1).reshape(6, -1)}


def region(maps, place, samples):
    """As a map, (B, F, S, S)."""
    cells = maps.flatten(2).mT
    found = rnn_attention.region(cells, maps.shape[2:], place, samples)
    return found.mT.unflatten(2, (samples, samples))


def example():
    inputs = parity.inputs(parity.features(6, 7, 4, 3).detach(), parity.targets(6, LABELS))
    inputs["target"][0] = 0
    inputs["target"][1] = 1
    return inputs


@pytest.mark.parametrize(("regions", "samples"), [(5, 3), (2, 1), (1, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_scores_and_losses_are_those_by_hand(regions, samples, seed):
    model, inputs = model_of(seed, regions=regions, samples=samples), example()
    settings = {"regions": regions, "size": samples, "region_relu": True, "align_corners": True}
    settings |= {"anchors": model.anchors.numpy(), "anchor_weight": 0.01, "positive_weight": 0.1}
    settings |= {"place_weight": 0.1, "largest": 0.5, "smallest": 0.1}
    given = weights_of(model), inputs["image"].numpy()
    with torch.no_grad():
        scores, _ = model.look(inputs["image"])
        expected = slow.logits(*given, settings)
        np.testing.assert_allclose(scores.amax(1).numpy(), expected, rtol=1e-9, atol=1e-9)
        loss = slow.loss(*given, inputs["target"].numpy(), settings)
        assert model.loss(inputs).item() == pytest.approx(loss, rel=1e-9)


def test_the_cases_have_regions_that_each_penalty_is_for():
    models = [model_of(seed) for seed in range(3)]
    scale = torch.stack([model.look(example()["image"])[1] for model in models])[..., :2]
    assert (scale.abs() > 0.5).any() and (scale.abs() < 0.5).any()
    assert (scale < 0.1).any() and (scale > 0.1).any()


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_samples_are_those_of_torch(samples):
    maps = torch.rand(4, 2, 5, 4, dtype=torch.double)
    place = torch.randn(4, 4, dtype=torch.double)
    place[0] = torch.tensor(rnn_attention.WHOLE)
    matrix = torch.zeros(4, 2, 3, dtype=torch.double)
    matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, 0, 2], matrix[:, 1, 2] = place.unbind(1)
    field = affine_grid(matrix, (4, 2, samples, samples), align_corners=True)
    expected = grid_sample(maps, field, padding_mode="zeros", align_corners=True)
    torch.testing.assert_close(region(maps, place, samples), expected)


def test_the_whole_map_with_as_many_samples_as_cells_is_the_map():
    maps = torch.rand(2, 3, 4, 4)
    whole = torch.tensor(rnn_attention.WHOLE).expand(2, -1)
    torch.testing.assert_close(region(maps, whole, 4), maps)
    assert not region(maps, whole + torch.tensor([0, 0, 3, 0]), 4).any()


def test_anchors_lie_on_a_circle():
    found = rnn_attention.anchors(5)
    expected = [[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]]
    torch.testing.assert_close(found, torch.tensor(expected))
    assert rnn_attention.anchors(1).shape == (0, 2)
    torch.testing.assert_close(rnn_attention.anchors(4).norm(dim=1), torch.full((3,), 0.5**0.5))


def test_a_logit_is_zero_at_the_threshold():
    model, inputs = model_of(threshold=0.2), example()
    scores, _ = model.look(inputs["image"])
    shares = scores.amax(1).softmax(1)
    torch.testing.assert_close(model(inputs), (shares / 0.2).log())


def test_all_regions_are_the_whole_map_at_first():
    model = rnn_attention.build(parity.double_labels(LABELS), Given(7), **SETTINGS)
    _, places = model.look(torch.rand(2, 7, 4, 3))
    assert (places == torch.tensor(rnn_attention.WHOLE)).all()


def test_pooling_takes_the_maximum_of_two_by_two_samples():
    model, given = model_of(samples=4, pooled=True), example()["image"]
    seen = []
    model.vector.register_forward_hook(lambda part, x, out: seen.append(x[0]))
    model.look(given)
    whole = torch.tensor(rnn_attention.WHOLE).double().expand(len(given), -1)
    expected = max_pool2d(region(given, whole, 4), 2)
    torch.testing.assert_close(seen[0], expected.flatten(2).mT.flatten(1))


def test_images_without_a_label_move_regions_alone():
    model, inputs = model_of(), example()
    none = {name: value[:1] for name, value in inputs.items()}
    _, places = model.look(none["image"])
    torch.testing.assert_close(model.loss(none), model.penalty(places))
    assert math.isclose(model_of(penalty=0.0).loss(none).item(), 0)


def test_gradients_reach_the_place_of_a_region_through_the_scores():
    model, inputs = model_of(1, penalty=0.0), example()
    model.loss(inputs).backward()
    assert model.place.weight.grad.abs().amax() > 1e-6


def test_mixed_precision_learns():
    survive_mixed_precision(build("rnn_attention"), batch())
