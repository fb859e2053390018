"""Precision, recall, F1 and the whole of `evaluate`: by hand, by literal loops, by scikit-learn."""

import json

import numpy as np
import pytest
import sklearn.metrics
from score_cases import draw, each_kind, evaluate

from labelgraph.score.precision_recall import among_highest


@each_kind
@pytest.mark.parametrize("group", ["all", "top3_thresholded", "top3_strict"])
def test_precision_and_recall_agree_with_scikit_learn(kind, group):
    scores, target = draw(kind)
    found = evaluate(scores, target)[group]
    highest = np.zeros(scores.shape, bool)
    for image, row in enumerate(scores):
        highest[image, sorted(range(len(row)), key=lambda column: (-row[column], column))[:3]] = 1
    above = scores > 0
    chosen = {"all": above, "top3_thresholded": above & highest, "top3_strict": highest}[group]
    there = target.any(0)
    for names, average, columns in (
        (("CP", "CR", "CF1_classwise"), "macro", there),
        (("OP", "OR", "OF1"), "micro", slice(None)),
    ):
        expected = sklearn.metrics.precision_recall_fscore_support(
            target[:, columns].ravel() if average == "micro" else target[:, columns],
            chosen[:, columns].ravel() if average == "micro" else chosen[:, columns],
            average="binary" if average == "micro" or target[:, columns].shape[1] == 1 else "macro",
            zero_division=0,
        )
        assert [found[name] for name in names] == pytest.approx(expected[:3], abs=1e-12)
    total = found["CP"] + found["CR"]
    assert found["CF1"] == pytest.approx(2 * found["CP"] * found["CR"] / total if total else 0)


@pytest.mark.parametrize("kind", ["plain", "ties", "never predicted", "absent"])
def test_the_released_convention_counts_as_its_meter_does(kind):
    scores, target = draw(kind)
    if kind == "ties":
        scores[scores == 0] = 0.5  # a logit of 0 is where that meter differs
    found = evaluate(scores, target)["all"]
    right, predicted, present = ([0] * target.shape[1] for _ in range(3))
    for row, truth in zip(scores, target, strict=True):
        for label in range(target.shape[1]):
            right[label] += int(row[label] >= 0 and truth[label] == 1)
            predicted[label] += int(row[label] >= 0)
            present[label] += int(truth[label] == 1)
    predicted = [count or 1 for count in predicted]
    precision = np.mean([a / b for a, b in zip(right, predicted, strict=True)])
    assert found["CP_released"] == pytest.approx(precision)
    assert found["OP_released"] == pytest.approx(sum(right) / sum(predicted))
    assert found["OR_released"] == pytest.approx(sum(right) / sum(present))
    if kind == "absent":
        assert found["CR_released"] is None
        assert found["CF1_released"] is None
    else:
        recall = np.mean([a / b for a, b in zip(right, present, strict=True)])
        assert found["CR_released"] == pytest.approx(recall)
        assert found["CF1_released"] == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_label_never_predicted_by_hand():
    # label 0: predicted twice, once rightly; label 1: there, never predicted
    found = evaluate([[1.0, -1.0], [1.0, -2.0]], [[1, 1], [0, 0]])["all"]
    assert found["CP"] == found["CP_released"] == 1 / 4
    assert found["CP_predicted_only"] == 1 / 2
    assert (found["OP"], found["OP_released"]) == (1 / 2, 1 / 3)
    assert (found["CR"], found["OR"]) == (1 / 2, 1 / 2)
    assert found["CF1"] == pytest.approx(1 / 3)
    assert found["CF1_classwise"] == pytest.approx((2 / 3 + 0) / 2)


def test_the_three_groups_by_hand():
    # above the threshold: columns 0 1 2 3; the three highest: 3 2 1
    scores, target = [[1.0, 2.0, 3.0, 4.0, -1.0]], [[1, 0, 1, 1, 1]]
    found = evaluate(scores, target)
    assert [found["all"][name] for name in ("OP", "OR")] == [3 / 4, 3 / 4]
    assert [found["top3_thresholded"][name] for name in ("OP", "OR")] == [2 / 3, 2 / 4]
    low = evaluate(np.array(scores) - 3.5, target)  # only column 3 is above the threshold
    assert [low["top3_thresholded"][name] for name in ("OP", "OR")] == [1, 1 / 4]
    assert low["top3_strict"] == found["top3_strict"]
    assert "top2_strict" in evaluate(scores, target, top=2)


def test_exactly_three_are_chosen_when_all_are_equal():
    chosen = among_highest(np.zeros((4, 6), np.float32), 3)
    assert chosen.tolist() == [[True] * 3 + [False] * 3] * 4
    assert among_highest(np.zeros((2, 2), np.float32), 3).all()


def test_of_a_sequence_the_named_labels_are_predicted_whatever_their_scores():
    scores, target = [[1.0, -2.0, 3.0, 4.0, -1.0]], [[1, 1, 0, 1, 1]]
    named_at = np.array([[1, 2, 0, 5, 3]])
    found = evaluate(scores, target, named_at=named_at)
    assert [found["all"][name] for name in ("OP", "OR")] == [1, 1]
    assert [found["top3_thresholded"][name] for name in ("OP", "OR")] == [1, 3 / 4]
    plain = evaluate(scores, target)
    assert found["top3_strict"] == plain["top3_strict"]
    assert found["map"] == plain["map"]
    none = evaluate(scores, target, named_at=0 * named_at)
    assert [none[group]["OR"] for group in ("all", "top3_thresholded")] == [0, 0]


def test_named_labels_follow_the_pool():
    scores, target = [[1.0, -1.0], [2.0, 1.0]], [[0, 0], [0, 1]]
    named_at = np.array([[1, 0], [0, 1]])
    assert evaluate(scores, target, named_at=named_at)["all"]["OP"] == 1 / 2
    assert evaluate(scores, target, named_at=named_at, pool="shown")["all"]["OP"] == 1


@pytest.mark.parametrize(("score", "expected"), [(0.0, 0), (1e-6, 1), (-1e-6, 0)])
def test_the_probability_must_be_larger_than_the_threshold(score, expected):
    assert evaluate([[score]], [[1]])["all"]["OR"] == expected


def test_another_threshold():
    scores = np.log(np.array([[0.69 / 0.31, 0.71 / 0.29]]))
    assert evaluate(scores, [[1, 1]], threshold=0.7)["all"]["OR"] == 1 / 2


@pytest.mark.parametrize("policy", ["ignored", "negative", "positive"])
def test_difficult_targets(policy):
    scores, target = draw("ties")
    target[np.random.default_rng(5).random(target.shape) < 0.2] = -1
    found = evaluate(scores, target, difficult_ap=policy, difficult_f1=policy)
    kept = (target != -1) | (policy != "ignored")  # (N, C)
    truth = np.where(target == -1, policy == "positive", target)
    for label in range(target.shape[1]):
        rows = kept[:, label]
        alone = evaluate(scores[rows, label, None], truth[rows, label, None])
        for name, values in found["ap"].items():
            assert values[label] == alone["ap"][name][0]
        assert found["positives"][label] == truth[rows, label].sum()
    pairs = scores[kept] > 0
    assert found["all"]["OP"] == pytest.approx(truth[kept][pairs].mean())
    assert found["all"]["OR"] == pytest.approx(pairs[truth[kept] == 1].mean())
    assert found["map"] == found["map_difficult"][policy]
    assert len({values["interpolated"] for values in found["map_difficult"].values()}) == 3


def test_the_two_policies_are_independent():
    scores, target = [[3.0], [2.0], [1.0]], [[1], [-1], [1]]
    found = evaluate(scores, target)
    assert found["map"]["non_interpolated"] == 1
    assert found["all"]["OP"] == pytest.approx(2 / 3)
    assert evaluate(scores, target, difficult_f1="ignored")["all"]["OP"] == 1
    swapped = evaluate(scores, target, difficult_ap="negative", difficult_f1="positive")
    assert swapped["map"]["non_interpolated"] == pytest.approx((1 + 2 / 3) / 2)
    assert swapped["all"]["OP"] == 1


def test_nothing_present():
    found = evaluate([[1.0, -1.0]], [[0, 0]])
    assert found["map"] == dict.fromkeys(found["map"])
    assert found["absent"] == [0, 1]
    assert (found["all"]["OP"], found["all"]["OR"], found["all"]["CF1"]) == (0, None, None)


def kinds_of(value):
    """The types of all that is in nested lists and dicts."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return set().union(*map(kinds_of, parts))
    return {type(value)}


@each_kind
def test_plain_json_without_nan(kind):
    found = evaluate(*draw(kind))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert kinds_of(found) <= {float, int, str, type(None)}  # and no number of NumPy's


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_inputs_are_left_alone_whatever_their_type(kind):
    scores, target = draw("ties")
    expected = evaluate(scores, target)
    scores, target = scores.astype(kind), target.astype(np.uint8)
    before = scores.copy(), target.copy()
    assert evaluate(scores, target) == expected
    assert all(np.array_equal(a, b) for a, b in zip(before, (scores, target), strict=True))


@pytest.mark.parametrize(
    ("scores", "target", "changed", "message"),
    [
        ([[0.0, 1.0], [np.nan, 0.0]], [[0, 1], [1, 0]], {}, "image row 1, label 0 is nan"),
        ([[0.0, np.inf]], [[0, 1]], {}, "image row 0, label 1 is inf"),
        ([[0.0, 1.0]], [[0], [1]], {}, r"scores \(1, 2\) and target \(2, 1\)"),
        ([0.0], [1], {}, r"must both be \(N, C\)"),
        (np.empty((0, 3)), np.empty((0, 3), int), {}, "at least one of each"),
        ([[0.0]], [[-2]], {}, "the target of image row 0, label 0 is -2"),
        ([[0.0] * 3], [[-1, 1, 2]], {}, "the target of image row 0, label 2 is 2"),
        ([[0.0] * 3], [[-1, 1, -2]], {}, "the target of image row 0, label 2 is -2"),
        ([[0.0]], [[1.0]], {}, "target is float64"),
        ([[0]], [[1]], {}, "scores are int64"),
        ([[0.0]], [[1]], {"threshold": 1.0}, "threshold is 1.0"),
        ([[0.0]], [[1]], {"threshold": 0.0}, "threshold is 0.0"),
        ([[0.0]], [[1]], {"threshold": "0.5"}, "threshold is '0.5'"),
        ([[0.0]], [[1]], {"top": 0}, "top is 0"),
        ([[0.0]], [[1]], {"difficult_ap": "skip"}, "difficult_ap is 'skip'; choose from ignored"),
        ([[0.0]], [[1]], {"difficult_f1": "skip"}, "difficult_f1 is 'skip'"),
    ],
)
def test_what_is_refused(scores, target, changed, message):
    with pytest.raises(ValueError, match=message):
        evaluate(scores, target, **changed)
