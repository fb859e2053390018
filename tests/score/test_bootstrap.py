"""The bootstrap: its metrics are those of the copied pictures, and its intervals hold the truth."""

import time

import numpy as np
import pytest

from labelgraph.score import bootstrap, metrics, precision_recall

SETTINGS = {"threshold": 0.5, "top": 2, "difficult_ap": "ignored", "difficult_f1": "negative"}
NAMES = ["cat", "dog", "owl", "elk"]


def pictures(count, seed=0, rounded=1):
    """Scores with ties, and codes of which some are difficult."""
    draw = np.random.default_rng(seed)
    target = draw.choice([1, 0, -1], (count, 4), p=[0.3, 0.6, 0.1]).astype(np.int8)
    scores = np.round(draw.normal(size=(count, 4)) + (target == 1), rounded)
    return scores.astype(np.float32), target


def test_a_draw_takes_as_many_pictures_and_always_the_same():
    counts = bootstrap.draws(7, 50)
    assert counts.shape == (50, 7)
    assert (counts.sum(1) == 7).all()
    assert 0 < (counts == 0).mean() < 0.5 and counts.max() > 2
    assert (counts == bootstrap.draws(7, 50)).all()
    assert (counts != bootstrap.draws(7, 50, seed=1)).any()


@pytest.mark.parametrize("policy", ["ignored", "negative", "positive"])
def test_values_of_a_draw_are_those_of_the_copied_pictures(policy):
    scores, target = pictures(23)
    counts = bootstrap.draws(23, 12)
    settings = SETTINGS | {"difficult_ap": policy, "difficult_f1": policy}
    precise = bootstrap.label_precisions(counts, scores, target, policy)
    chosen = {
        "all": scores > 0,
        "top2_thresholded": (scores > 0) & precision_recall.among_highest(scores, 2),
        "top2_strict": precision_recall.among_highest(scores, 2),
    }
    for row, times in enumerate(counts):
        copied = np.repeat(np.arange(23), times)
        wanted = metrics.evaluate(scores[copied], target[copied], **settings)
        known = [np.nan if ap is None else ap for ap in wanted["ap"]["non_interpolated"]]
        np.testing.assert_allclose(precise[:, row], known, atol=1e-12)
        for group, mask in chosen.items():
            found = bootstrap.rates(counts, mask, target, policy)
            for name in bootstrap.RATES:
                assert found[name][row] == pytest.approx(wanted[group][name]), (group, name)


def test_draws_of_named_labels_are_those_of_the_copied_pictures():
    scores, target = pictures(23)
    named_at = np.random.default_rng(4).integers(0, 4, scores.shape)
    counts = bootstrap.draws(23, 5)
    found = bootstrap.values(counts, scores, target, NAMES, SETTINGS, None, named_at)
    for place, drawn in enumerate(counts):
        rows = np.repeat(np.arange(23), drawn)
        copied = metrics.evaluate(scores[rows], target[rows], named_at=named_at[rows], **SETTINGS)
        for ending, group in (("", "all"), ("_top2", "top2_thresholded")):
            assert found[f"OF1{ending}"][place] == pytest.approx(copied[group]["OF1"])
    plain = bootstrap.values(counts, scores, target, NAMES, SETTINGS)
    assert not np.allclose(found["OF1"], plain["OF1"])


def test_parts_give_what_the_whole_gives(monkeypatch):
    scores, target = pictures(31)
    counts = bootstrap.draws(31, 9)
    whole = bootstrap.label_precisions(counts, scores, target, "ignored")
    monkeypatch.setattr(bootstrap, "WIDEST", 70)
    parts = bootstrap.label_precisions(counts, scores, target, "ignored")
    np.testing.assert_allclose(whole, parts, rtol=1e-12)


def test_intervals_hold_the_value_and_narrow_with_more_pictures():
    widths = []
    for count in (40, 640):
        scores, target = pictures(count)
        found = bootstrap.intervals(scores, target, NAMES, SETTINGS)
        whole = metrics.named(metrics.evaluate(scores, target, **SETTINGS), NAMES, [])
        for name, (low, high) in found.items():
            assert 0 <= low <= metrics.value(whole, name) <= high <= 1, name
        assert {"mAP", "AP:owl", "CF1", "OF1", "CF1_top2", "OF1_top2_strict"} <= found.keys()
        widths.append(found["mAP"][1] - found["mAP"][0])
    assert widths[1] < widths[0] / 2


def test_nineteen_of_twenty_intervals_hold_the_truth():
    """For 32 pictures, the truth being what very many give."""
    draw = np.random.default_rng(0)

    def taken(count):
        target = (draw.random((count, 4)) < 0.25).astype(np.int8)
        return (draw.normal(size=target.shape) + 2 * target - 1.2).astype(np.float32), target

    def values(scores, target):
        return metrics.named(metrics.evaluate(scores, target, **SETTINGS), NAMES, [])

    truth, held = values(*taken(50_000)), dict.fromkeys(("mAP", "CF1", "OF1"), 0)
    for _ in range(200):
        found = bootstrap.intervals(*taken(32), NAMES, SETTINGS)
        for name in held:
            low, high = found[name]
            held[name] += low <= metrics.value(truth, name) <= high
    assert all(180 <= times <= 199 for times in held.values()), held


def test_what_no_draw_can_say_is_left_out():
    scores, target = pictures(12)
    target[:, 1] = 0
    found = bootstrap.intervals(scores, target, NAMES, SETTINGS)
    assert "AP:dog" not in found and "AP:cat" in found
    assert bootstrap.intervals(scores, np.zeros_like(target), NAMES, SETTINGS).keys() == {
        f"{name}{ending}" for name in ("OP",) for ending in ("", "_top2", "_top2_strict")
    }
    one = bootstrap.intervals(scores[:1], np.array([[1, 0, 0, 0]], np.int8), NAMES, SETTINGS)
    assert one["mAP"][0] == one["mAP"][1]


def test_a_thousand_draws_of_a_thousand_pictures_take_seconds():
    scores, target = pictures(1000)
    start = time.process_time()
    bootstrap.intervals(scores, target, NAMES, SETTINGS)
    assert time.process_time() - start < 5
