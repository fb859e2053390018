"""SST against its description: pair by pair, label by label, image by image."""

import pytest
import torch
from conftest import batch, build, label_space
from literal_cases import Given, agree, dot, linear, permuted, stir, survive_mixed_precision
from transfer_cases import (
    IMAGES,
    KNOWN,
    LABELS,
    TARGET,
    contrast,
    cosine,
    entropy,
    inputs,
    kinds,
    known_entropy,
    label_features,
    logits_of,
    mean,
    yes,
)

from labelgraph.models.sst_pl import sst_pl
from labelgraph.parts.contrast import contrastive

PAIRS = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
SIZES = {"width": 4, "hidden": 5, "steps": 2, "gain": 1.0, "queue": 3}
WEIGHTS = {"start": 5, "pair_weight": 10.0, "contrast": 0.05}
SETTINGS = SIZES | WEIGHTS | {"image_margin": [0.6, 0.05, 0.46], "cross_margin": [0.25, 0.02, 0.1]}


def model_of(labels=None, **changes):
    model = stir(sst_pl.build(labels or label_space(LABELS), Given(6), **SETTINGS | changes))
    draw = torch.Generator().manual_seed(8)
    directions = torch.randn(model.queue.shape, generator=draw)
    directions[1, 1:] = 0  # the queue of label 1 is not full yet
    model.queue.copy_(directions / directions.norm(dim=-1, keepdim=True).clamp(min=1e-9))
    return model.eval()


def pair_logits(pairs, seen):
    """A logit for each pair of labels of one image, (P,), layer after layer."""
    found = []
    for row, (one, other) in enumerate(PAIRS):
        both = torch.cat([linear(pairs.embed, seen[one]), linear(pairs.embed, seen[other])])
        bent = linear(pairs.last, torch.relu(linear(pairs.join, both)))
        found.append(dot(bent, pairs.weight[row]) + pairs.bias[row])
    return torch.stack(found)


def asymmetric(logit, both):
    """Ridnik et al. with exponents 1 and 2 and a margin of 0.05."""
    shown = torch.sigmoid(logit)
    if both:
        return -(1 - shown) * torch.log(shown)
    lower = (shown - 0.05).clamp(min=0)
    return -(lower**2) * torch.log(1 - lower)


def likely(pairs, image, label):
    """The mean probability of the pairs with the image's known positives."""
    chances = []
    for row, (one, other) in enumerate(PAIRS):
        partner = {one: other, other: one}.get(label)
        if partner is not None and yes(image, partner):
            chances.append(torch.sigmoid(pairs[row]))
    return mean(chances)


def literal(model, given, margins):
    """The whole loss; `margins`: for labels filled in from the image and from other images."""
    seen = [label_features(model.trunk, image) for image in given["image"]]
    logits = [logits_of(model.trunk, states) for states in seen]
    pairs = [pair_logits(model.pairs, states) for states in seen]
    of_pairs = [
        asymmetric(pairs[image][row], yes(image, one) and yes(image, other))
        for image in range(IMAGES)
        for row, (one, other) in enumerate(PAIRS)
    ]
    total = known_entropy(logits) + 10 * mean(of_pairs) + 0.05 * contrast(seen, given)
    filled = {"image": 0, "cross": 0}
    for kind in filled if margins else ():
        counted = []
        for image in range(IMAGES):
            for label in range(LABELS):
                value, say = logits[image][label], TARGET[image][label]
                if kind == "image":
                    score = likely(pairs[image], image, label)
                else:
                    score = mean([cosine(seen[image][label], x) for x in model.queue[label]])
                if not KNOWN[image][label]:
                    if score < margins[kind]:
                        continue
                    say, filled[kind] = 1, filled[kind] + 1
                counted.append(entropy(value, say))
        total = total + mean(counted)
    return total, filled


@pytest.mark.parametrize(
    ("epoch", "margins"),
    [
        (4, None),
        (5, {"image": 0.6, "cross": 0.25}),
        (7, {"image": 0.5, "cross": 0.21}),
        (99, {"image": 0.46, "cross": 0.1}),
    ],
)
def test_loss_and_gradients_are_those_of_the_description(epoch, margins):
    model, given = model_of(), inputs()
    model.start_epoch(epoch, 10, iter(()))
    torch.manual_seed(0)
    fast = model.loss(given)
    torch.manual_seed(0)
    slow, filled = literal(model, given, margins)
    agree(model, fast, slow)
    if margins:
        unknown = sum(not known for row in KNOWN for known in row)
        assert all(0 < count < unknown for count in filled.values()), filled


@pytest.mark.parametrize("shown", [0.0, 0.2, 0.9])
def test_pairs_of_images_are_pulled_together_and_pushed_apart(shown):
    """Few, some or no pairs of positives: the number of pairs pushed apart matches them."""
    draw = torch.Generator().manual_seed(2)
    seen = torch.randn(7, 3, 4, generator=draw, requires_grad=True)
    given = {
        "target": (torch.rand(7, 3, generator=draw) < shown).float(),
        "known": torch.rand(7, 3, generator=draw) < 0.8,
    }
    states = [list(image) for image in seen]
    counts = {kind: len(values) for kind, values in kinds(states, given).items()}
    assert (counts["alike"] > 0) == (shown > 0)
    assert shown != 0.2 or 0 < 3 * counts["alike"] < counts["absent"]
    torch.manual_seed(0)
    fast = contrastive(seen, given["target"], given["known"])
    torch.manual_seed(0)
    slow = contrast(states, given)
    torch.testing.assert_close(fast, slow)
    quick, literal = (torch.autograd.grad(value, seen)[0] for value in (fast, slow))
    torch.testing.assert_close(quick, literal)


def test_without_pairs_of_images_the_loss_is_0():
    seen, nothing = torch.randn(1, 3, 4), torch.zeros(1, 3)
    assert contrastive(seen, nothing, nothing > 0) == 0
    assert contrastive(seen, nothing, nothing == 0) == 0


def test_labels_that_an_image_makes_likely_by_hand():
    """Three images: labels 0 and 1 known, only 0, none; every pair has another probability."""
    model = model_of()
    chances = torch.tensor([0.9, 0.8, 0.2, 0.6, 0.5, 0.7])
    shown = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]) > 0
    found = model.within(chances.logit().expand(3, -1), shown)
    expected = [[0.45, 0.45, 0.7, 0.35], [0.0, 0.9, 0.8, 0.2], [0.0, 0.0, 0.0, 0.0]]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_labels_that_other_images_make_likely_by_hand():
    """A queue of three: two directions like that of the image's feature, and an empty place."""
    model = model_of(label_space(2), width=2)
    model.queue.copy_(torch.tensor([[[1.0, 0], [0, 1], [0, 0]], [[0, -1], [0, -1], [0, -1]]]))
    seen = torch.tensor([[[2.0, 0.0], [0.0, 3.0]], [[3.0, 4.0], [1.0, 0.0]]])
    torch.testing.assert_close(model.across(seen), torch.tensor([[1 / 3, -1.0], [1.4 / 3, 0.0]]))


def test_a_queue_keeps_the_latest_known_positives():
    model = model_of().train()
    seen = torch.randn(IMAGES, LABELS, 4, generator=torch.Generator().manual_seed(1))
    known_yes = torch.tensor([[yes(m, c) for c in range(LABELS)] for m in range(IMAGES)])
    expected = []
    for label in range(LABELS):
        new = [seen[m, label] / seen[m, label].norm() for m in range(IMAGES) if yes(m, label)]
        expected.append(torch.stack([*new, *model.queue[label]][:3]))
    assert known_yes.sum(0).tolist() == [2, 1, 1, 0]
    model.remember(seen, known_yes)
    torch.testing.assert_close(model.queue, torch.stack(expected))
    more = torch.cat([seen, seen * 2]), torch.cat([known_yes] * 2)  # more than a queue holds
    model.remember(*more)
    assert model.queue.norm(dim=-1)[0].tolist() == pytest.approx([1.0] * 3)


def test_a_step_fills_the_queue_and_advances_the_ramp():
    model, given = model_of(start=0).train(), inputs()
    model.queue.zero_()
    model.start_epoch(0, 4, iter(()))
    assert float(model.epochs.ramp()) == 0
    model.loss(given)
    assert model.queue.norm(dim=-1).sum(1).tolist() == pytest.approx([2, 1, 1, 0])
    assert float(model.epochs.ramp()) == 0.25
    model.start_epoch(1, 4, iter(()))
    assert float(model.epochs.ramp()) == 1


def test_the_ramp_weights_its_two_losses():
    model, given = model_of(), inputs()
    found = []
    for step in (0, 1, 2, 4):
        model.start_epoch(0, 4, iter(()))
        for _ in range(step):
            model.epochs.step()
        torch.manual_seed(0)
        found.append(model.loss(given))
    slope = (found[3] - found[0]).expand(3)
    steps = torch.stack([(found[1] - found[0]) * 4, (found[2] - found[0]) * 2, slope[0]])
    torch.testing.assert_close(steps, slope)
    torch.testing.assert_close(found[0], known_entropy(model(given)))


def test_with_all_labels_known_nothing_is_filled_in():
    model, given = model_of(), inputs()
    given["known"] = torch.ones_like(given["known"])
    model.start_epoch(1, 1, iter(()))
    torch.manual_seed(0)
    before = model.loss(given)
    model.start_epoch(5, 1, iter(()))
    torch.manual_seed(0)
    plain = torch.nn.functional.binary_cross_entropy_with_logits(model(given), given["target"])
    torch.testing.assert_close(model.loss(given), before + 2 * plain)


def test_scores_do_not_need_the_pairs():
    model, given = model_of(), inputs()
    slow = [logits_of(model.trunk, label_features(model.trunk, image)) for image in given["image"]]
    torch.testing.assert_close(model(given), torch.stack(slow), rtol=1e-5, atol=1e-5)


def test_mixed_precision_learns():
    survive_mixed_precision(build("sst_pl"), batch())


def test_labels_may_come_in_another_order():
    order = [2, 0, 3, 1]
    one, other = model_of(), model_of(permuted(label_space(LABELS), order))
    other.trunk.classifier.weight.data = one.trunk.classifier.weight.data[order]
    other.trunk.classifier.bias.data = one.trunk.classifier.bias.data[order]
    given = inputs()
    torch.testing.assert_close(other(given), one(given)[:, order], rtol=1e-4, atol=1e-5)
