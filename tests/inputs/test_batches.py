"""Batches: their number and views, and what a view leaves of a box; worked by hand."""

import numpy as np
import pytest
import torch
from conftest import relined
from PIL import Image
from run_cases import run_settings

from labelgraph.encoders import views
from labelgraph.files.small import write_arrays, write_json
from labelgraph.inputs import batches

NAMES = np.array(["a", "b", "c", "d"])
PLAIN = views.FIXED["plain"]


def stored(folder, view, images, first=0.0):
    """Features of a view, one number per image: `first`, `first` + 1, ..."""
    folder.mkdir(exist_ok=True)
    write_json(folder / f"{view}.json", {"images": images, "encoder": {"view": view}})
    numbers = first + np.arange(len(images), dtype=np.float16)
    np.save(
        folder / f"{view}.npy", np.ones((1, 2, 3, 5), np.float16) * numbers[:, None, None, None]
    )
    return folder / f"{view}.json"


def seen(features, parts, chance=None):
    return [image[:, 0, 0, 0].tolist() for image, _ in features.batches(parts, chance)]


@pytest.mark.parametrize(
    ("images", "batch", "sizes"),
    [(9, 4, [3, 3, 3]), (8, 4, [4, 4]), (5, 4, [3, 2]), (1, 4, [1]), (3, 1, [1, 1, 1]), (0, 4, [])],
)
def test_batches_have_nearly_equal_sizes(images, batch, sizes):
    found = batches.groups(np.arange(images), batch)
    assert [len(part) for part in found] == sizes
    assert np.concatenate([*found, []]).tolist() == list(range(images))


def test_each_epoch_and_each_seed_has_an_order_of_its_own():
    def order(seed, epoch):
        return np.concatenate(batches.shuffled(np.arange(50), 8, seed, epoch)).tolist()

    assert order(1, 2) == order(1, 2)
    assert sorted(order(1, 2)) == list(range(50))
    assert len({str(order(seed, epoch)) for seed, epoch in ((1, 2), (1, 3), (2, 2))}) == 3


def test_random_views_depend_on_seed_epoch_and_image_only():
    def number(seed, epoch, row):
        return batches.Chance(seed, epoch).of(row).random()

    assert number(1, 2, 3) == number(1, 2, np.int64(3))
    assert len({number(*each) for each in ((1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4))}) == 4


def test_features_are_in_the_requested_order(tmp_path):
    """The file has other images too, in another order."""
    path = stored(tmp_path, "plain", ["x", "d", "b", "y", "a", "c"])
    features = batches.Features([path], NAMES)
    assert features.width == 5
    assert seen(features, [np.array([0, 3]), np.array([2])]) == [[4, 1], [5]]
    image, windows = next(features.batches([np.array([1, 1])], None))
    assert image.shape == (2, 5, 2, 3) and image.dtype == torch.float16
    assert windows == [PLAIN, PLAIN]


def test_large_features_stay_on_disk_and_are_the_same(tmp_path, monkeypatch):
    path = stored(tmp_path, "plain", ["x", "d", "b", "y", "a", "c"])
    parts = [np.array([0, 3]), np.array([2])]
    monkeypatch.setattr(batches, "IN_MEMORY", 4 * 2 * 3 * 5 * 2)  # the bytes of four images
    small = batches.Features([path], NAMES)
    monkeypatch.setattr(batches, "IN_MEMORY", 4 * 2 * 3 * 5 * 2 - 1)
    large = batches.Features([path], NAMES)
    assert seen(small, parts) == seen(large, parts)
    assert not isinstance(small.views[0][1], np.memmap)
    assert isinstance(large.views[0][1], np.memmap)


def test_images_missing_in_further_views_do_not_shift_the_others(tmp_path):
    """Only the first view must have all images."""
    files = [
        stored(tmp_path, "plain", ["a", "b", "c"]),
        stored(tmp_path, "flip", ["z", "c", "a"], 10),
    ]
    features = batches.Features(files, NAMES[:3])
    rows, grid, _ = features.views[1]
    assert rows.tolist() == [0, -1, 1]
    assert grid[rows[[0, 2]], 0, 0, 0].tolist() == [12, 11]


def test_an_image_without_features_is_named(tmp_path):
    path = stored(tmp_path, "plain", ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"plain\.json has no features of d; remove it"):
        batches.Features([path], NAMES)


def test_views_are_drawn_in_training_and_the_first_is_used_elsewhere(tmp_path):
    files = [
        stored(tmp_path, "plain", NAMES.tolist()),
        stored(tmp_path, "flip", NAMES.tolist(), 10),
    ]
    features, every = batches.Features(files, NAMES), [np.arange(4)]
    assert seen(features, every) == [[0, 1, 2, 3]]
    drawn = [seen(features, every, batches.Chance(0, epoch))[0] for epoch in range(20)]
    assert {value % 10 for value in drawn[0]} == {0, 1, 2, 3}
    assert len(set(map(str, drawn))) > 8
    alone = batches.Features(files[:1], NAMES)
    assert seen(alone, every, batches.Chance(0, 0)) == [[0, 1, 2, 3]]
    image, windows = next(features.batches(every, batches.Chance(0, 1)))
    assert [window.mirrored for window in windows] == [value >= 10 for value in image[:, 0, 0, 0]]


BOX = [0.2, 0.1, 0.4, 0.5]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (views.WHOLE, BOX),
        (views.FIXED["flip"], [0.6, 0.1, 0.8, 0.5]),
        (views.Window(0.0, 0.0, 0.5, 1.0, False), [0.4, 0.1, 0.8, 0.5]),
        (views.Window(0.3, 0.3, 0.8, 0.8, False), [0, 0, 0.2, 0.4]),
        (views.Window(0.3, 0.3, 0.8, 0.8, True), [0.8, 0, 1, 0.4]),
        (views.Window(0.0, 0.0, 1.0, 1.0, False, True), [0.2, 0.5, 0.4, 0.9]),
        (views.Window(0.0, 0.0, 0.5, 1.0, True, True), [0.2, 0.5, 0.6, 0.9]),
        (views.Window(0.5, 0.0, 1.0, 1.0, False), [0, 0, 0, 0]),  # beside it
        (views.Window(0.0, 0.499, 1.0, 1.0, False), [0, 0, 0, 0]),  # two thousandths of it are left
    ],
)
def test_boxes_follow_the_view(window, expected):
    boxes = torch.tensor([[BOX, [0.0, 0.0, 0.0, 0.0]]])
    found = batches.seen_through(boxes, [window])
    torch.testing.assert_close(found, torch.tensor([[expected, [0.0] * 4]]))


def test_boxes_smaller_than_a_hundredth_of_the_view_are_dropped():
    edges = [[0.0, 0.0, 0.01, 1.0], [0.0, 0.0, 1.0, 0.01], [0.0, 0.0, 0.011, 0.011]]
    found = batches.seen_through(torch.tensor([edges]), [views.WHOLE])
    assert found.any(-1).tolist() == [[False, False, True]]


def test_each_image_has_its_own_view_of_its_boxes():
    boxes = torch.tensor([[BOX], [BOX]])
    found = batches.seen_through(boxes, [views.WHOLE, views.FIXED["flip"]])
    torch.testing.assert_close(found, torch.tensor([[BOX], [[0.6, 0.1, 0.8, 0.5]]]))


def test_boxes_are_found_by_the_images_name(tmp_path):
    path, some = tmp_path / "boxes.npz", NAMES[[0, 2]]
    boxes = np.array([[[0.5, 0, 1, 1]], [[0, 0, 1, 1]], [[0, 0, 0.25, 1]]], np.float32)
    write_arrays(path, images=np.array(["c", "x", "a"]), boxes=boxes)
    found = batches.read_boxes(path, some)
    assert found.tolist() == [[[0, 0, 0.25, 1]], [[0.5, 0, 1, 1]]]
    inputs = batches.Inputs(batches.Features([stored(tmp_path, "plain", ["a", "c"])], some), found)
    (batch,) = inputs.batches([np.array([1])], None)
    assert batch["image"][0, 0, 0, 0] == 1
    assert batch["boxes"].tolist() == [[[0.5, 0, 1, 1]]]
    with pytest.raises(ValueError, match=r"boxes\.npz has no regions of b; remove it"):
        batches.read_boxes(path, NAMES)


SETTINGS = relined(
    run_settings("baseline"),
    train={"crops": "none", "mirror": "sideways", "workers": 0},
    encoder={"size": 8, "test_size": 4, "test_view": "plain"},
)


@pytest.fixture
def photograph(tmp_path):
    """Dark on the left, bright on the right."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, 15:] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path


def test_photographs_are_larger_in_training_and_mirrored_at_random(photograph):
    images, rows = np.array(["a.png"] * 12), [np.arange(12)]
    learning, judging = (
        batches.inputs([], photograph, None, images, SETTINGS, learning=learning)
        for learning in (True, False)
    )
    (fixed,) = judging.batches(rows, None)
    assert fixed.keys() == {"image"} and fixed["image"].shape == (12, 3, 4, 4)
    assert (fixed["image"][..., 0] < 10).all() and (fixed["image"][..., -1] > 190).all()
    (drawn,) = learning.batches(rows, batches.Chance(0, 0))
    assert drawn["image"].shape == (12, 3, 8, 8)
    assert 0 < (drawn["image"][:, 0, 0, 0] > 100).sum() < 12
    (again,) = learning.batches(rows, batches.Chance(0, 0))
    assert torch.equal(drawn["image"], again["image"])


def test_reading_photographs_leaves_the_generator_of_dropout_alone(photograph):
    state = torch.get_rng_state()
    inputs = batches.inputs([], photograph, None, np.array(["a.png"]), SETTINGS, learning=True)
    list(inputs.batches([np.array([0])], batches.Chance(0, 0)))
    assert torch.equal(torch.get_rng_state(), state)
