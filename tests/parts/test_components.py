"""Boxes of connected parts against scipy, map by map."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from labelgraph.parts import components


def by_scipy(cells):
    """The box of the largest part; of equal ones, the one whose last cell comes first."""
    names, count = ndimage.label(cells, np.ones((3, 3)))
    if not count:
        return [0, 0, 0, 0]
    places = [np.flatnonzero(names == k) for k in range(1, count + 1)]
    best = min(places, key=lambda found: (-len(found), found.max()))
    rows, columns = np.divmod(best, cells.shape[1])
    height, width = cells.shape
    low = [columns.min() / width, rows.min() / height]
    return [*low, (columns.max() + 1) / width, (rows.max() + 1) / height]


def check(cells):
    found = components.boxes(torch.from_numpy(cells))
    expected = torch.tensor([by_scipy(one) for one in cells]).float()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("density", [0.05, 0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("shape", [(14, 14), (7, 9), (1, 6), (1, 1)])
def test_random_maps(shape, density):
    draw = np.random.default_rng(int(density * 100) + shape[1])
    check(draw.random((40, *shape)) < density)


def drawing(*lines):
    return np.array([[character == "#" for character in line] for line in lines])


@pytest.mark.parametrize(
    "cells",
    [
        drawing("....", "...."),  # empty
        drawing("####", "####"),  # all
        drawing("#...", ".#..", "..#."),  # touching at corners
        drawing("##..", "..##", "...."),  # two that touch at one corner are one part
        drawing("##.#", "...#"),  # two of equal size
        drawing("##.###", "#....#", "######"),  # an almost closed ring
        drawing("######", ".....#", "######", "#.....", "######"),  # the longest path
    ],
)
def test_drawn_maps(cells):
    check(cells[None])


def test_without_the_early_stop_of_the_cpu_the_result_is_the_same(monkeypatch):
    cells = torch.rand(20, 7, 7, generator=torch.Generator().manual_seed(0)) < 0.5
    early = components.named(cells)
    monkeypatch.setattr(torch.Tensor, "equal", lambda *_: False)
    assert (components.named(cells) == early).all()
