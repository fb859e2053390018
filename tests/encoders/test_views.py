"""Views of photographs: the pixels equal Pillow's within two levels, for every window."""

from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from labelgraph.encoders import views
from labelgraph.files.images import read_image


def photograph(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Shapes of all sizes and edges, as a photograph has them."""
    draw = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for side in (3, 9, 40, 150):
        noise = Image.fromarray(draw.integers(0, 256, (side, side, 3), np.uint8))
        total += np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC)) / 4
    return total.astype(np.uint8)


def differences(view: torch.Tensor, expected: Image.Image) -> np.ndarray:
    return np.abs(view.permute(1, 2, 0).numpy().astype(int) - np.asarray(expected))


@pytest.mark.parametrize("size", [(500, 375), (333, 500), (61, 47), (224, 224)])
@pytest.mark.parametrize("side", [32, 224])
def test_a_view_of_the_whole_image_equals_pillows(size, side):
    image = photograph(*size)
    squashed = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
    assert differences(views.cut(image, views.WHOLE, side), squashed).max() <= 2
    mirrored = squashed.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert differences(views.cut(image, views.FIXED["flip"], side), mirrored).max() <= 2


HCP = [1.0, 0.875, 0.75, 0.625, 0.5]


@pytest.mark.parametrize("mirror", ["sideways", "both", "none"])
@pytest.mark.parametrize("crops", sorted(views.CROPS))
@pytest.mark.parametrize("seed", range(4))
def test_a_random_view_is_the_crop_of_its_window(crops, mirror, seed):
    image, chances = photograph(120, 90), views.Chances(crops, HCP, mirror)
    window = views.drawn(chances, 120, 90, np.random.default_rng(seed))
    box = [round(edge * side) for edge, side in zip(window, (120, 90, 120, 90), strict=False)]
    crop = Image.fromarray(image).crop(box).resize((64, 64), Image.Resampling.BILINEAR)
    if window.mirrored:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if window.upside_down:
        crop = crop.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    assert differences(views.cut(image, window, 64), crop).max() <= 2


def windows(crops: str, mirror: str = "none", count: int = 4000) -> list[views.Window]:
    draw, chances = np.random.default_rng(0), views.Chances(crops, HCP, mirror)
    return [views.drawn(chances, 400, 300, draw) for _ in range(count)]


def sides(found: list[views.Window], width: float, height: float) -> Counter:
    return Counter(
        (round((each.right - each.left) * width, 3), round((each.bottom - each.top) * height, 3))
        for each in found
    )


@pytest.mark.parametrize(
    ("crops", "width", "height"), [("multiscale", 4 / 3, 1), ("multiscale_square", 1, 1)]
)
def test_each_pair_of_sides_at_most_two_steps_apart_is_as_likely(crops, width, height):
    """ML-GCN's crops are of the photograph, in shares of its short side; ADD-GCN's of a square."""
    share = [1.0, 0.875, 0.75, 0.66, 0.5]
    pairs = {(a, b) for a in share for b in share if abs(share.index(a) - share.index(b)) <= 2}
    found = sides(windows(crops), width, height)
    assert found.keys() == pairs and len(pairs) == 19
    expected, spread = 4000 / 19, (4000 / 19) ** 0.5
    assert all(abs(count - expected) < 4 * spread for count in found.values())


def test_squares_have_one_of_the_given_sides_anywhere():
    found = windows("squares")
    assert sides(found, 1, 1).keys() == {(side, side) for side in HCP}
    half = [each for each in found if each.right - each.left == 0.5]
    assert abs(np.mean([each.left for each in half]) - 0.25) < 0.03
    assert max(each.left for each in half) > 0.48 and min(each.left for each in half) < 0.02


@pytest.mark.parametrize(
    ("mirror", "turned"), [("sideways", (1, 0)), ("both", (1, 1)), ("none", (0, 0))]
)
def test_half_of_the_images_are_mirrored(mirror, turned):
    found = windows("none", mirror)
    shares = [
        np.mean([getattr(each, how) for each in found]) for how in ("mirrored", "upside_down")
    ]
    assert shares == pytest.approx([0.5 * share for share in turned], abs=0.03)


@pytest.mark.parametrize(("view", "pixels"), [("centre_70", 448), ("centre_90", 576)])
def test_the_middle_of_640_pixels(view, pixels):
    window, free = views.fixed(view), (640 - pixels) / 2
    assert [edge * 640 for edge in window[:4]] == pytest.approx([free, free, *[free + pixels] * 2])


def test_the_smallest_photographs_have_a_view():
    for shape in ((1, 1, 3), (1, 9, 3), (9, 1, 3)):
        image = np.full(shape, 7, np.uint8)
        for name in views.FIXED:
            assert views.cut(image, views.fixed(name), 16).unique().tolist() == [7]


def test_read_only_pixels_are_read():
    image = photograph(50, 40)
    image.flags.writeable = False
    assert views.cut(image, views.WHOLE, 16).shape == (3, 16, 16)


@pytest.mark.parametrize("crops", sorted(views.CROPS))
def test_random_windows_have_the_promised_size(crops):
    chances = views.Chances(crops, HCP, "sideways")
    for seed in range(50):
        window = views.drawn(chances, 160, 120, np.random.default_rng(seed))
        shown = min((window.right - window.left) * 160, (window.bottom - window.top) * 120)
        assert shown / 120 * views.least_drawn(chances, 224) >= 223.9


def test_a_large_photograph_is_read_smaller_and_looks_the_same(tmp_path):
    image = photograph(1600, 1200)
    Image.fromarray(image).save(tmp_path / "large.jpg", quality=95)
    full = read_image(tmp_path / "large.jpg")
    small = read_image(tmp_path / "large.jpg", views.least(views.WHOLE, 224))
    assert full.shape == (1200, 1600, 3) and small.shape == (450, 600, 3)  # three eighths
    seen = [views.cut(each, views.WHOLE, 224).numpy().astype(int) for each in (full, small)]
    assert np.abs(seen[0] - seen[1]).mean() < 1


@pytest.mark.parametrize("size", [(890, 1000), (1600, 640), (500, 375)])
def test_a_photograph_less_than_twice_too_large_is_read_in_full(size, tmp_path):
    Image.fromarray(photograph(*size)).save(tmp_path / "a.jpg")
    found = read_image(tmp_path / "a.jpg", views.least(views.WHOLE, 224))
    assert found.shape == (size[1], size[0], 3)
