"""Which images are judged, and how much each counts: by hand, by scikit-learn, by drawing."""

import numpy as np
import pytest
from score_cases import evaluate
from sklearn.metrics import average_precision_score

from labelgraph.score import average_precision, class_balanced


def test_weights_by_hand():
    shown = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 1, 0], [0, 0, 0, 0, 0]], bool)  # (C, N)
    third = 1 / 3
    expected = [1 / 2 + third, 1 / 2, third, third, 0]
    np.testing.assert_allclose(class_balanced.image_weights(shown), expected)


def test_balanced_precision_by_hand():
    """Label 0 is shown once, label 1 three times: the images that show 1 count a third each."""
    scores = np.array([[0.9, 3.0], [0.8, 2.0], [0.7, 1.0], [0.1, 4.0]])
    target = np.array([[0, 1], [1, 0], [0, 1], [0, 1]])
    third = 1 / 3
    first = 1 / (1 + third)  # one image that weighs a third stands before it
    second = (1 + 1 + 1 / 2) / 3  # at ranks 1, 2 and 4; the stranger at rank 3 weighs as all three
    found = evaluate(scores, target)
    assert found["map_balanced"]["non_interpolated"] == pytest.approx((first + second) / 2)
    assert found["map"]["non_interpolated"] == pytest.approx((1 / 2 + (1 + 1 + 3 / 4) / 3) / 2)


@pytest.mark.parametrize("digits", [6, 1], ids=["no ties", "ties"])
def test_weights_count_as_in_scikit_learn(digits):
    draw = np.random.default_rng(2)
    target = (draw.random((80, 5)) < [0.5, 0.3, 0.2, 0.1, 0.05]).astype(np.int8)
    scores = (draw.standard_normal(target.shape) + target).round(digits)
    weights = class_balanced.image_weights(target.T == 1)
    expected = [
        average_precision_score(target[:, label], scores[:, label], sample_weight=weights)
        for label in range(5)
    ]
    found = evaluate(scores, target)["map_balanced"]["scikit_learn"]
    assert found == pytest.approx(np.mean(expected), rel=1e-12)


def test_ever_more_draws_come_to_the_weights():
    """LaSO's way: a label, then an image that shows it."""
    draw = np.random.default_rng(5)
    target = (draw.random((60, 3)) < [0.6, 0.2, 0.1]).astype(np.int8)
    scores = draw.standard_normal(target.shape) + 1.5 * target
    labels = draw.integers(3, size=60000)
    rows = np.concatenate(
        [
            draw.choice(np.flatnonzero(target[:, label]), (labels == label).sum())
            for label in range(3)
        ]
    )
    drawn = evaluate(scores[rows], target[rows])["map"]["scikit_learn"]
    found = evaluate(scores, target)
    assert found["map_balanced"]["scikit_learn"] == pytest.approx(drawn, abs=0.01)
    assert abs(found["map_balanced"]["scikit_learn"] - found["map"]["scikit_learn"]) > 0.05


@pytest.mark.parametrize("kind", average_precision.CONVENTIONS)
def test_equal_weights_change_nothing(kind):
    draw = np.random.default_rng(7)
    positives, negatives = (draw.standard_normal(size).round(1) for size in (23, 70))
    plain = average_precision.average_precisions(positives, negatives)
    same = [np.full(len(values), 0.1) for values in (positives, negatives)]
    weighted = class_balanced.weighted_precisions(positives, negatives, *same)
    assert weighted[kind] == pytest.approx(plain[kind], rel=1e-9)
    assert class_balanced.weighted_precisions(positives[:0], negatives, *same)[kind] is None


def test_of_tied_positives_the_light_ones_stand_first():
    """Weights 3 and 1 tie with a negative of weight 2, which stands before both."""
    ones = np.ones(2)
    for weights in ([3.0, 1.0], [1.0, 3.0]):
        found = class_balanced.weighted_precisions(
            ones, ones[:1], np.array(weights), np.array([2.0])
        )
        light, heavy = (1 / 4) / (1 / 4 + 2 / 4), 1 / (1 + 2 / 4)
        assert found["non_interpolated"] == pytest.approx(light / 4 + heavy * 3 / 4)
        assert found["interpolated"] == found["scikit_learn"] == pytest.approx(heavy)


def test_the_order_of_images_changes_not_the_last_digit():
    draw = np.random.default_rng(4)
    scores, weights = draw.integers(4, size=200).astype(float), draw.random(200)
    yes = draw.random(200) < 0.3
    first = class_balanced.weighted_precisions(
        scores[yes], scores[~yes], weights[yes], weights[~yes]
    )
    for _ in range(20):
        order = draw.permutation(200)
        s, w, y = scores[order], weights[order], yes[order]
        assert class_balanced.weighted_precisions(s[y], s[~y], w[y], w[~y]) == first


@pytest.mark.parametrize("policy", average_precision.POLICIES)
def test_what_a_difficult_target_counts_as_holds_in_both_pools(policy):
    scores = np.array([[4.0], [3.0], [2.0], [1.0]])
    target = np.array([[-1], [1], [0], [1]])
    found = evaluate(scores, target, difficult_ap=policy)
    expected = {"ignored": (1 + 2 / 3) / 2, "negative": (1 / 2 + 2 / 4) / 2}
    expected["positive"] = (1 + 1 + 3 / 4) / 3
    assert found["map"]["non_interpolated"] == pytest.approx(expected[policy])
    assert found["map_pool"]["all"] == found["map"]
    # without the image of which it is not known, and the one that shows nothing
    assert found["map_pool"]["shown"]["non_interpolated"] == 1


def test_both_pools_stand_side_by_side_and_one_is_the_rest():
    scores = np.array([[3.0, 0.0], [2.0, 1.0], [1.0, 2.0], [0.0, 3.0]])
    target = np.array([[0, 0], [1, 0], [0, 1], [0, -1]])  # image 0 shows nothing, image 3 perhaps
    every, shown = (evaluate(scores, target, pool=pool) for pool in ("all", "shown"))
    assert every["images"] == 4 and shown["images"] == 2
    assert every["map_pool"] == shown["map_pool"]
    assert every["map"] == every["map_pool"]["all"] != shown["map_pool"]["shown"] == shown["map"]
    assert every["map"]["non_interpolated"] == (1 / 2 + 1) / 2
    assert shown["map"]["non_interpolated"] == 1
    assert every["map_balanced"] == shown["map_balanced"]
    assert shown["all"] == evaluate(scores[1:3], target[1:3])["all"]


def test_a_pool_without_images_and_one_that_is_unknown():
    with pytest.raises(
        ValueError, match="no image shows any of the scored labels; set pool to all"
    ):
        evaluate([[1.0], [2.0]], [[0], [-1]], pool="shown")
    with pytest.raises(ValueError, match="pool is 'novel'; choose from all, shown"):
        evaluate([[1.0]], [[1]], pool="novel")
