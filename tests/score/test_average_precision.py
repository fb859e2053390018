"""Average precision: worked by hand, by literal loops, and by scikit-learn and torchmetrics."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
import sklearn.metrics
import torch
from score_cases import draw, each_kind, evaluate
from torchmetrics.functional.classification import multilabel_average_precision

from labelgraph.score.average_precision import average_precisions


@pytest.mark.parametrize(
    ("hits", "plain", "interpolated", "eleven"),
    [
        ([1, 0, 1, 0], 5 / 6, 5 / 6, (6 * 1 + 5 * 2 / 3) / 11),
        ([0, 1, 1], (1 / 2 + 2 / 3) / 2, 2 / 3, 2 / 3),
        ([1, 0, 0, 1, 1], (1 + 2 / 4 + 3 / 5) / 3, (1 + 3 / 5 + 3 / 5) / 3, (4 + 7 * 3 / 5) / 11),
        ([1, 1], 1, 1, 1),
        ([0, 0, 1], 1 / 3, 1 / 3, 1 / 3),
    ],
)
def test_average_precision_by_hand(hits, plain, interpolated, eleven):
    scores = np.arange(len(hits), 0, -1, dtype=np.float32)[:, None]
    found = evaluate(scores, np.array(hits, np.int8)[:, None])["map"]
    assert found == pytest.approx(
        {
            "non_interpolated": plain,
            "interpolated": interpolated,
            "11_point": eleven,
            "scikit_learn": plain,
        }
    )


def test_a_tie_by_hand():
    # 2.0: yes; 1.0: yes, no, no, yes. The two negatives of the tie stand before its positives.
    found = average_precisions(np.array([2.0, 1.0, 1.0]), np.array([1.0, 1.0, 0.0]))
    assert found["non_interpolated"] == pytest.approx((1 + 2 / 4 + 3 / 5) / 3)
    assert found["scikit_learn"] == pytest.approx((1 + 3 / 5 + 3 / 5) / 3)
    assert found["interpolated"] == pytest.approx((1 + 3 / 5 + 3 / 5) / 3)


@each_kind
def test_the_order_of_images_changes_nothing(kind):
    scores, target = draw(kind)
    order = np.random.default_rng(1).permutation(len(scores))
    assert evaluate(scores, target) == evaluate(scores[order], target[order])


@each_kind
def test_literal_loops_agree(kind):
    scores, target = draw(kind)
    found = evaluate(scores, target)["ap"]
    for label in range(target.shape[1]):
        # no before yes among equals
        order = sorted(range(len(scores)), key=lambda i: (-scores[i, label], target[i, label]))
        present = int(target[:, label].sum())
        curve, hits = [], 0  # (recall, precision, is it a hit) after each image
        for seen, image in enumerate(order, 1):
            hits += int(target[image, label])
            if present:
                curve.append((Fraction(hits, present), Fraction(hits, seen), target[image, label]))
        if not present:
            assert [values[label] for values in found.values()] == [None] * 4
            continue
        area, last = Fraction(0), Fraction(0)
        for recall, _, _ in curve:
            area += (recall - last) * max(p for r, p, _ in curve if r >= recall)
            last = recall
        points = [max(p for r, p, _ in curve if r >= Fraction(t, 10)) for t in range(11)]
        plain = sum(precision for _, precision, hit in curve if hit) / present
        assert found["interpolated"][label] == pytest.approx(float(area), abs=1e-12)
        assert found["11_point"][label] == pytest.approx(float(sum(points) / 11), abs=1e-12)
        assert found["non_interpolated"][label] == pytest.approx(float(plain), abs=1e-12)


@each_kind
def test_scikit_learn_and_torchmetrics_agree(kind):
    scores, target = draw(kind)
    found = evaluate(scores, target)
    there = target.any(0)
    assert found["absent"] == np.flatnonzero(~there).tolist()
    for label in np.flatnonzero(there):
        expected = sklearn.metrics.average_precision_score(target[:, label], scores[:, label])
        assert found["ap"]["scikit_learn"][label] == pytest.approx(expected, abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels without a positive
        expected = sklearn.metrics.average_precision_score(target, scores)
        assert found["map_absent_zero"]["scikit_learn"] == pytest.approx(expected, abs=1e-12)
        if kind == "one label":
            return  # torchmetrics wants two
        theirs = multilabel_average_precision(
            torch.tensor(scores).double().sigmoid(), torch.tensor(target).long(), target.shape[1]
        )
    assert found["map_absent_zero"]["scikit_learn"] == pytest.approx(theirs.item(), abs=1e-6)
    if there.all():
        assert found["map_absent_zero"] == found["map"]
    else:
        ratio = found["map_absent_zero"]["interpolated"] / found["map"]["interpolated"]
        assert ratio == pytest.approx(there.mean())
