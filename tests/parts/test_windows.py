"""Windows and crops against torch's own bilinear sampling, and against sums by hand."""

import pytest
import torch
from torch.nn.functional import grid_sample

from labelgraph.parts import regions
from labelgraph.parts.windows import crops, every_window


def maps(images=2, width=3, height=4, across=6):
    draw = torch.Generator().manual_seed(1)
    return torch.rand(images, width, height, across, generator=draw, dtype=torch.double)


def sampled(features, box, points):
    """torch's samples at the centres of points x points parts of a box, (B, K * K, F)."""
    steps = (torch.arange(points, dtype=torch.double) + 0.5) / points
    left, top, right, bottom = box
    down, across = torch.meshgrid(
        top + steps * (bottom - top), left + steps * (right - left), indexing="ij"
    )
    grid = (2 * torch.stack([across, down], -1) - 1).expand(len(features), -1, -1, 2)
    found = grid_sample(features, grid, padding_mode="border", align_corners=False)
    return found.flatten(2).mT


def test_all_windows_of_a_lattice():
    found = every_window(7, [1, 3, 5, 7])
    assert len(found) == 49 + 25 + 9 + 1
    assert found[49].tolist() == pytest.approx([0, 0, 3 / 7, 3 / 7])
    assert found[50].tolist() == pytest.approx([1 / 7, 0, 4 / 7, 3 / 7])  # reading order
    assert found[-1].tolist() == [0, 0, 1, 1]
    assert len({tuple(box) for box in found.tolist()}) == len(found)


@pytest.mark.parametrize("points", [1, 3])
@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 1.0, 1.0), (0.1, 0.3, 0.45, 0.9), (-0.2, 0.5, 0.4, 1.3)]
)
def test_a_crop_is_sampled_bilinearly(points, box):
    features = maps()
    found = crops(features, torch.tensor([box], dtype=torch.double), points)
    torch.testing.assert_close(found[:, 0], sampled(features, box, points))


def test_several_samples_of_a_part_are_its_mean():
    features, box = maps(), (0.1, 0.2, 0.8, 0.6)
    fine = sampled(features, box, 6).unflatten(1, (2, 3, 2, 3)).mean((2, 4)).flatten(1, 2)
    found = crops(features, torch.tensor([box], dtype=torch.double), 2, 3)
    torch.testing.assert_close(found[:, 0], fine)


def test_one_part_is_the_mean_over_a_region():
    features = maps().float()
    boxes = torch.tensor([[[0.1, 0.2, 0.8, 0.6]], [[0.0, 0.5, 0.3, 1.0]]])
    expected = regions.pool(features, boxes)
    found = crops(features, boxes, 1, regions.SAMPLES)[:, :, 0]
    torch.testing.assert_close(found, expected)


def test_windows_may_differ_between_images():
    features = maps()
    boxes = torch.rand(2, 5, 4, generator=torch.Generator().manual_seed(2), dtype=torch.double)
    found = crops(features, boxes, 2)
    assert found.shape == (2, 5, 4, 3)
    for image in range(2):
        alone = crops(features[image, None], boxes[image], 2)
        torch.testing.assert_close(found[image, None], alone)
