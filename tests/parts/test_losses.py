"""The losses over known entries, by hand."""

import math

import pytest
import torch

from labelgraph.parts import losses

ALL = torch.ones(1, 2, dtype=torch.bool)


def logit(*shares):
    return torch.tensor([shares]).logit()


def test_a_no_below_the_margin_does_not_count():
    shown, target = logit(0.04, 0.02), torch.tensor([[0.0, 0.0]])
    assert losses.asymmetric(shown, target, ALL, 0.0, 4.0, 0.05) == 0
    # with 0.25, which is 0.2 above it: 0.2^4 * -log(0.8)
    found = losses.asymmetric(logit(0.25, 0.02), target, ALL, 0.0, 4.0, 0.05)
    assert found == pytest.approx(0.2**4 * -math.log(0.8) / 2, rel=1e-5)


def test_a_yes_of_the_asymmetric_loss_has_no_margin():
    found = losses.asymmetric(logit(0.25, 0.25), torch.tensor([[1.0, 1.0]]), ALL, 2.0, 4.0, 0.05)
    assert found == pytest.approx(0.75**2 * -math.log(0.25), rel=1e-5)


def test_a_confident_mistake_has_a_loss_and_a_gradient():
    """With a probability that rounds to 1, the logarithm is clamped at 1e-8 without a margin."""
    logits = torch.tensor([[200.0, 200.0]], requires_grad=True)
    loss = losses.asymmetric(logits, torch.zeros(1, 2), ALL, 0.0, 4.0, 0.0)
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(1e-8), rel=1e-5)
    assert torch.isfinite(logits.grad).all()


def test_weights_by_the_frequency_of_a_label():
    """The rare yes counts e^(0.4 * 0.9), the no of the label with frequency one half e^(0.2)."""
    rate, target = torch.tensor([0.1, 0.5]), torch.tensor([[1.0, 0.0]])
    found = losses.weighted(logit(0.3, 0.3), target, ALL, rate, 0.4)
    expected = math.exp(0.36) * -math.log(0.3) + math.exp(0.2) * -math.log(0.7)
    assert found == pytest.approx(expected / 2, rel=1e-5)


def test_the_fewer_labels_are_known_the_more_each_counts():
    """One of two labels known: the proportion is a half, and the mean is over both labels."""
    known = torch.tensor([[True, False]])
    found = losses.partial(logit(0.3, 0.3), torch.tensor([[1.0, 0.0]]), known, -4.0, 5.0, 2.0)
    assert found == pytest.approx((-4 * 0.5**2 + 5) * -math.log(0.3) / 2, rel=1e-5)


def test_the_mean_is_over_known_entries_and_0_without_any():
    values = torch.tensor([[2.0, 6.0], [4.0, 100.0]], requires_grad=True)
    known = torch.tensor([[True, True], [True, False]])
    assert losses.known_mean(values, known) == 4
    nothing = losses.known_mean(values, known & False)
    nothing.backward()
    assert nothing == 0 and not values.grad.any()
