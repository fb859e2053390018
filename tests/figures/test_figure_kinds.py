"""The arithmetic of single kinds of figures, by hand."""

import numpy as np
import pytest

from labelgraph.figures import activation_maps, curves, image_choice
from labelgraph.figures.kinds import (
    embedding,
    mistakes,
    regions,
    retrieval,
    sweep,
)


def report(target, probability):
    names = [chr(97 + column) for column in range(len(target[0]))]
    images = np.array([f"{row}.jpg" for row in range(len(target))])
    return image_choice.Report(images, names, np.array(target), {"one": np.array(probability)})


def test_the_surest_mistakes_come_first():
    known = report([[0], [0], [1], [-1], [1]], [[0.6], [0.9], [0.9], [0.99], [0.2]])
    wanted = {"label": "a", "kind": "false_positive", "count": 5}
    assert mistakes.worst(known, "one", wanted) == [1, 0]  # the difficult one is none
    assert mistakes.worst(known, "one", wanted | {"kind": "false_negative"}) == [4]
    assert mistakes.worst(known, "one", wanted | {"count": 1}) == [1]
    with pytest.raises(ValueError, match=r"no label 'z'; there are \['a'\]"):
        mistakes.worst(known, "one", wanted | {"label": "z"})


def test_labels_are_sorted_into_right_and_wrong():
    known = report([[1, 1, 0, 0, -1, -1]], [[0.9, 0.1, 0.9, 0.1, 0.9, 0.1]])
    assert mistakes.sorted_out(known, "one", 0) == {"+": ["c"], "−": ["b"], "": ["a", "e"]}


def test_nearest_images_are_others_and_the_first_of_equals():
    values = np.array([[0.0, 0], [3, 0], [0, 1], [0, -1], [9, 9]])
    found = retrieval.nearest(values, np.array([0, 1]), 3)
    assert found[0].tolist() == [2, 3, 1]
    assert found[1].tolist() == [0, 2, 3]


def test_shared_labels_are_those_of_the_query():
    known = report([[1, 1, 0], [1, 0, 1], [0, -1, 0]], np.zeros((3, 3)))
    assert retrieval.shared(known, 0, 1) == 1
    assert retrieval.shared(known, 0, 2) == 0
    table = retrieval.labels_found(
        {"systems": {"one": "One"}, "top": 2}, known, {"one": {0: [1, 2]}}
    )
    assert table[1] == ["One", "25.0%", "1"]


def test_labels_are_joined_with_their_nearest_companions():
    counts = np.array([[4, 2, 0, 0], [2, 4, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
    alike = embedding.likeness(counts)
    np.testing.assert_allclose(alike[0], [0, 0.5, 0, 0])
    np.testing.assert_allclose(alike[2], [0, 0.5, 0, 0])
    assert embedding.groups(np.array([1, 0, 3, 2, 3])).tolist() == [0, 0, 1, 1, 1]


def test_the_companion_rate_counts_labels_that_are_nearest_to_a_companion():
    counts = np.diag([9] * 5) + np.eye(5, k=1, dtype=int) * 3 + np.eye(5, k=-1, dtype=int) * 3
    turns = np.arange(5) * 0.2
    line = np.stack([np.cos(turns), np.sin(turns)], 1)  # neighbours in counts are neighbours here
    assert embedding.companion_rate(line, counts) == 100
    apart = np.eye(5)
    apart[0, 4] = apart[4, 0] = 0.9  # the two ends, which never occur together
    assert embedding.companion_rate(apart, counts) < 100


def test_places_of_a_window_are_places_of_the_photograph():
    cells = np.zeros((4, 4))
    cells[1, 2] = 1.0
    seen = activation_maps.Seen(
        cells, np.array([0.5, 0.25, 0.75, 0.5]), np.array([0.2, 0.2, 0.8, 0.8])
    )
    np.testing.assert_allclose(seen.in_photograph(seen.box), [0.5, 0.35, 0.65, 0.5])
    np.testing.assert_allclose(activation_maps.strongest_cell(seen), [0.5, 0.35, 0.65, 0.5])
    inside, beside = np.array([0.6, 0.4, 0.9, 0.9]), np.array([0.7, 0.4, 0.9, 0.9])
    assert activation_maps.touches(seen, [inside]) is True
    assert activation_maps.touches(seen, [beside]) is False
    assert activation_maps.touches(seen, [beside, inside]) is True
    assert activation_maps.touches(seen, []) is None


def test_a_map_colours_its_window_only():
    pixels = np.full((20, 20, 3), 100, np.uint8)
    window = np.array([0.5, 0.5, 1.0, 1.0])
    found = activation_maps.overlaid(
        pixels, activation_maps.Seen(np.ones((2, 2)), np.zeros(4), window)
    )
    grey = found[0, 0]
    assert (grey == grey[0]).all() and grey[0] == 162
    assert (found[:10] == 162).all() and (found[:, :10] == 162).all()
    assert (np.ptp(found[10:, 10:].astype(int), axis=2) > 50).all()


def test_what_weighs_nothing_fades():
    pixels = np.full((10, 10, 3), [200, 100, 0], np.uint8)
    boxes = np.array([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0, 1, 0.5]])
    found = regions.faded(pixels, boxes, np.array([2.0, 1.0, 0.0])).astype(int)
    assert found[0, 0].tolist() == [200, 100, 0]
    pale = 0.35 * 100 + 0.65 * 255
    assert found[0, 9].tolist() == [int(pale)] * 3
    np.testing.assert_allclose(found[9, 9], (np.array([200, 100, 0]) + pale) / 2, atol=1)
    stored = {"images": np.array(["x"]), "boxes": boxes[None] * [[1], [1], [0]]}
    stored["factor"] = np.array([[-2.0, 1.0, 5.0]])
    assert regions.weighted(stored, "x")[1].tolist() == [2, 1]  # the empty place is none


def test_mean_and_std_leave_out_what_is_not_defined():
    assert curves.mean_and_std([0.5, None, 0.7]) == pytest.approx((60, 14.1421356))
    assert curves.mean_and_std([0.5]) == (50, None)
    assert curves.mean_and_std([None]) == (None, None)


def test_an_axis_spans_at_least_some_points():
    line = curves.Curve("", [1, 2], [60.0, 60.5], [None, 0.5])
    low, high = curves.limits([line])
    assert low == pytest.approx(60.5 - 2.2) and high == pytest.approx(60.5 + 2.2)


def test_labels_below_an_axis_do_not_touch():
    assert sweep.spaced([4, 5, 10, 50], list("abcd"), 1) == ["", "b", "c", "d"]
    assert sweep.spaced([1, 2, 3], list("abc"), 0) == ["a", "b", "c"]
