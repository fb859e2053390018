"""Region features against torchvision's RoIAlign and boxes worked by hand."""

import pytest
import torch
from conftest import boxes

from labelgraph.parts import regions


@pytest.mark.parametrize(("height", "width"), [(4, 5), (14, 14), (7, 3), (1, 1)])
def test_pooling_is_the_mean_of_torchvisions_roi_align(height, width):
    from torchvision.ops import roi_align

    draw = torch.Generator().manual_seed(height)
    features = torch.randn(3, 6, height, width, generator=draw)
    found = boxes(3, draw)[:, :4]
    scale = torch.tensor([width, height, width, height])
    places = [image * scale for image in found]
    expected = roi_align(features, places, 7, sampling_ratio=2, aligned=True).mean((2, 3))
    torch.testing.assert_close(
        regions.pool(features, found).flatten(0, 1), expected, rtol=1e-5, atol=1e-5
    )


def test_a_box_in_a_uniform_area_has_that_areas_feature():
    features = torch.zeros(1, 1, 4, 4)
    features[:, :, :, 2:] = 1
    halves = torch.tensor([[[0, 0, 0.375, 1], [0.625, 0, 1, 1], [0, 0, 1, 1]]])
    torch.testing.assert_close(
        regions.pool(features, halves), torch.tensor([[[0.0], [1.0], [0.5]]])
    )


def test_an_empty_place_gives_zeros_and_no_gradient():
    features = torch.rand(2, 3, 4, 4, requires_grad=True)
    empty = torch.zeros(2, 5, 4)
    pooled = regions.pool(features, empty)
    pooled.sum().backward()
    assert not pooled.any()
    assert not features.grad.any()
    assert not regions.present(empty).any()


def test_gradients_reach_the_map_as_in_torchvision():
    from torchvision.ops import roi_align

    draw = torch.Generator().manual_seed(1)
    features = torch.randn(2, 3, 6, 6, generator=draw, requires_grad=True)
    found = boxes(2, draw)[:, :4]
    weight = torch.randn(8, 3, generator=draw)
    (regions.pool(features, found).flatten(0, 1) * weight).sum().backward()
    ours, features.grad = features.grad, None
    pooled = roi_align(features, list(found * 6), 7, sampling_ratio=2, aligned=True)
    (pooled.mean((2, 3)) * weight).sum().backward()
    torch.testing.assert_close(ours, features.grad, rtol=1e-5, atol=1e-5)
