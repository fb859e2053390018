"""Labels' shares against sums by hand."""

import math

import pytest
import torch

from labelgraph.parts import shares

SCORES = torch.tensor([[1.0, 0.0, -1.0], [0.5, 0.5, 2.0]], dtype=torch.double)


def test_the_loss_is_the_one_by_hand():
    target = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]], dtype=torch.double)
    known = torch.tensor([[True, True, True], [True, True, False]])
    first = [math.exp(value) for value in (1, 0, -1)]
    shown = [value / sum(first) for value in first]
    of_first = (shown[0] - 0.5) ** 2 + (shown[1] - 0.5) ** 2 + shown[2] ** 2
    of_second = (0.5 - 0) ** 2 + (0.5 - 1) ** 2  # two known labels with the same score
    found = shares.squares(SCORES, target, known)
    assert found.item() == pytest.approx((of_first + of_second) / 2, rel=1e-9)


def test_images_without_a_known_label_are_left_out():
    target = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.double)
    known = torch.tensor([[True, True, True], [True, True, False]])
    both = shares.squares(SCORES, target, known)
    torch.testing.assert_close(both, shares.squares(SCORES[:1], target[:1], known[:1]))
    assert shares.squares(SCORES, 0 * target, known) == 0


def test_half_of_a_labels_share_is_the_threshold():
    found = shares.as_logits(SCORES, torch.tensor(2.0))
    assert torch.equal(found > 0, SCORES.softmax(1) > 1 / 4)
    assert torch.equal(found.argsort(1), SCORES.argsort(1))
