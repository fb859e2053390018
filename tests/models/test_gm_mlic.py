"""GM-MLIC against its equations, one image at a time."""

import pytest
import torch
from conftest import batch, build, label_space, settings
from test_matching import literal

from labelgraph import models
from labelgraph.encoders import encoder as encoders
from labelgraph.parts import losses, regions

VARIANTS = ("", "no_label_graph", "no_instance_graph", "no_matching", "modules_1", "modules_3")


def slow(model, features, boxes, given):
    """Logits (C,) of one map (F, h, w) with its boxes (R, 4)."""
    found = [box for box in boxes[: given["instances"]] if box.any()]
    places = torch.stack(found) if found else torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    nodes = regions.pool(features[None], places[None])[0]
    return literal(model.network, given["edges"], nodes, places, given["neighbours"]).amax(0)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("count", [1, 3, 35])
def test_scores_are_those_of_the_equations(variant, count):
    given = settings("gm_mlic", variant) | {"instances": count, "neighbours": 2}
    torch.manual_seed(2)
    model = models.build("gm_mlic", label_space(5), encoders.Cached(24), **given).eval()
    inputs = batch()
    inputs["boxes"][1] = 0  # an image without any box
    with torch.no_grad():
        found = model(inputs)
        pairs = zip(inputs["image"], inputs["boxes"], strict=True)
        expected = torch.stack([slow(model, image, boxes, given) for image, boxes in pairs])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_empty_places_change_nothing():
    model, inputs = build("gm_mlic").eval(), batch()
    more = inputs | {"boxes": torch.cat([inputs["boxes"], torch.zeros(3, 7, 4)], 1)}
    with torch.no_grad():
        torch.testing.assert_close(model(more), model(inputs))


def test_boxes_after_the_most_confident_ones_change_nothing():
    model, inputs = build("gm_mlic").eval(), batch()
    model.instances = 2
    fewer = inputs | {"boxes": inputs["boxes"][:, :2]}
    with torch.no_grad():
        torch.testing.assert_close(model(fewer), model(inputs))


def test_another_order_of_labels_gives_the_scores_in_that_order():
    model, inputs, order = build("gm_mlic").eval(), batch(), torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        before = model(inputs)
        model.network.words = model.network.words[order]
        torch.testing.assert_close(model(inputs), before[:, order])


def test_the_loss_is_the_weighted_one():
    model, inputs = build("gm_mlic").eval(), batch()
    rate = label_space(5).positive_rate
    entries = model(inputs), inputs["target"], inputs["known"]
    torch.testing.assert_close(model.loss(inputs), losses.weighted(*entries, rate, 0.4))


@pytest.mark.parametrize("labels", [1, 5])
def test_word_vectors_have_the_scale_of_other_inputs(labels):
    vectors = label_space(labels).vectors
    words = build("gm_mlic", labels).network.words
    size = float(((vectors - vectors.mean()) ** 2).sum() / (vectors.numel() - 1)) ** 0.5
    torch.testing.assert_close(words, vectors / size)
