"""HCP against a calculation by hand: the filter, the cut, the cells of a box, both stages."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import label_space
from literal_cases import Given, stir
from released import hcp as by_hand

from labelgraph.models.hcp import hcp, hypotheses

SIDE = 448
GIVEN = {
    "hidden": 0, "start": 2, "groups": 3, "each": 1, "test_each": 50,
    "least_area": 900 / SIDE**2, "most_ratio": 4.0,
}  # fmt: skip
TOLERANCE = {"rtol": 1e-9, "atol": 1e-9}


def model_of(labels=4, width=5, **changes):
    return stir(hcp.build(label_space(labels), Given(width), **GIVEN | changes).double())


def grid(images, width=5, height=6, across=7):
    draw = torch.Generator().manual_seed(4)
    return torch.rand(images, width, height, across, generator=draw, dtype=torch.double)


def apart(images=3):
    """Three groups of boxes that overlap within a group only, mixed; then unfit ones."""
    draw = torch.Generator().manual_seed(5)
    corners = torch.tensor([[0.0, 0.0], [0.6, 0.0], [0.2, 0.6]])
    first = corners.repeat(3, 1)[None] + 0.06 * torch.rand(images, 9, 2, generator=draw)
    size = 0.25 + 0.05 * torch.rand(images, 9, 2, generator=draw)
    order = torch.randperm(9, generator=draw)
    boxes = torch.cat([first, first + size], -1)[:, order]
    unfit = torch.tensor([[0.1, 0.1, 0.14, 0.9], [0.5, 0.5, 0.52, 0.52], [0, 0, 0, 0]])
    return torch.cat([unfit[:2].expand(images, 2, 4), boxes, unfit[2:].expand(images, 1, 4)], 1)


def batch(images=3, labels=4):
    draw = torch.Generator().manual_seed(6)
    return {
        "image": grid(images),
        "boxes": apart(images).double(),
        "target": (torch.rand(images, labels, generator=draw) < 0.5).double(),
        "known": torch.rand(images, labels, generator=draw) < 0.8,
    }


def weights_of(model):
    names = {"0.": "hidden.", "2.": "classifier.", "": "classifier."}
    found = {}
    for name, value in model.scorer.state_dict().items():
        start = name[: len(name) - len(name.lstrip("02."))]
        found[names[start] + name.removeprefix(start)] = value.numpy()
    return found


def settings(stage="hypotheses", each=50, hidden=0):
    return {
        "stage": stage, "each": each, "hidden": hidden, "clusters": 3, "side": SIDE, "ratio": 4
    }  # fmt: skip


@pytest.mark.parametrize("hidden", [0, 3])
@pytest.mark.parametrize("learning", [False, True])
def test_scores_are_those_by_hand(hidden, learning):
    model, inputs = model_of(hidden=hidden).train(learning), batch()
    found = model.of_hypotheses(inputs["image"], inputs["boxes"])
    chosen = settings(each=1 if learning else 50, hidden=hidden)
    args = weights_of(model), inputs["image"].numpy(), inputs["boxes"].numpy(), chosen
    np.testing.assert_allclose(found.detach().numpy(), by_hand.logits(*args), **TOLERANCE)


@pytest.mark.parametrize(("epoch", "stage"), [(0, "image"), (1, "image"), (2, "hypotheses")])
def test_both_stages_have_the_loss_by_hand(epoch, stage):
    model, inputs = model_of().train(), batch()
    model.start_epoch(epoch, 1, iter([]))
    maps, boxes = inputs["image"].numpy(), inputs["boxes"].numpy()
    scores = by_hand.logits(weights_of(model), maps, boxes, settings(stage, 1))
    expected = by_hand.loss(scores, inputs["target"].numpy(), inputs["known"].numpy())
    assert model.loss(inputs).item() == pytest.approx(expected, rel=1e-9)


def test_the_filter_is_the_one_by_hand():
    boxes = apart(1)
    found = hypotheses.admitted(boxes, GIVEN["least_area"], 4.0)[0]
    assert [*np.flatnonzero(found)] == by_hand.usable(boxes[0].numpy(), settings())
    assert found.tolist() == [False, False] + [True] * 9 + [False]


def test_an_image_without_a_hypothesis_is_one_itself():
    model, inputs = model_of().eval(), batch()
    boxes = inputs["boxes"] * 0
    found = model.of_hypotheses(inputs["image"], boxes)
    assert torch.equal(found, model.of_image(inputs["image"]))


def test_one_box_over_the_whole_image_makes_both_stages_alike():
    model, inputs = model_of().train(), batch()
    inputs["boxes"] = torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.double).expand(3, 1, 4)
    losses = []
    for epoch in (0, 2):
        model.start_epoch(epoch, 1, iter([]))
        losses.append(model.loss(inputs))
    torch.testing.assert_close(*losses, **TOLERANCE)


def test_a_box_given_twice_changes_nothing():
    model, inputs = model_of().eval(), batch()
    twice = inputs | {"boxes": torch.cat([inputs["boxes"], inputs["boxes"]], 1)}
    assert torch.equal(model(inputs), model(twice))


def test_each_group_gives_its_best_boxes():
    boxes = apart(2).double()
    there = hypotheses.admitted(boxes, GIVEN["least_area"], 4.0)
    for each in (1, 2):
        for image, kept in zip(boxes, hypotheses.chosen(boxes, there, 3, each), strict=True):
            fit = [*np.flatnonzero(there[0])]
            cut = by_hand.groups(by_hand.affinity(image.numpy()[fit]), 3)
            expected = sorted(fit[place] for group in cut for place in sorted(group)[:each])
            assert [*np.flatnonzero(kept)] == expected


def test_fewer_boxes_than_groups_are_all_kept():
    boxes = apart(2).double()
    there = torch.zeros(2, boxes.shape[1], dtype=torch.bool)
    there[:, 2:4] = True
    assert torch.equal(hypotheses.chosen(boxes, there, 8, 1), there)


def test_shares_of_an_image_sum_to_one_and_half_a_labels_share_is_the_threshold():
    labels = label_space(4)
    labels = replace(labels, positive_rate=torch.full((4,), 0.5))  # two labels an image
    model = stir(hcp.build(labels, Given(5), **GIVEN).double()).eval()
    found = model(batch())
    shares = found.exp() / 4
    torch.testing.assert_close(shares.sum(1), torch.ones(3, dtype=torch.double))
    assert torch.equal(found > 0, shares > 1 / 4)
