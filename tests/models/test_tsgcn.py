"""TSGCN's reading against a calculation label by label and box by box."""

import numpy as np
import parity_cases as parity
import pytest
import torch
from conftest import batch, label_space
from literal_cases import ORDER, Given, follow_labels, grid, permuted, stir, survive_mixed_precision
from references import tsgcn as slow

from labelgraph.models import tsgcn
from labelgraph.train import loop

SETTINGS = {"hidden": 4, "threshold": 0.4, "neighbour_weight": 0.2, "edges": "distance"}
CLOSE = {"rtol": parity.TOLERANCE, "atol": parity.TOLERANCE}
NAMES = {"distance": "distance", "overlap": "iou"}


def model_of(labels=None, **changes):
    return stir(tsgcn.build(labels or label_space(5), Given(6), **SETTINGS | changes))


def centred(images=3, height=4, across=4):
    """Of a size whose parts are exact in single precision, as boxes are."""
    return grid(images, 6, height, across) - 0.5


def given(model, image):
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
    return weights, image.numpy(), model.vectors.numpy(), model.graph.numpy()


@pytest.mark.parametrize("edges", NAMES)
def test_scores_and_loss_are_those_of_the_equations(edges):
    model = model_of(parity.double_labels(5), edges=edges).double()
    inputs = batch() | {"image": centred().double()}
    inputs["target"] = inputs["target"].double()
    weights = given(model, inputs["image"])
    expected = torch.from_numpy(slow.logits(*weights, weight=NAMES[edges]))
    torch.testing.assert_close(model(inputs), expected, **CLOSE)
    alone = slow.logits(*weights, found=[{}] * 3)
    assert np.abs(alone - expected.numpy()).max() > 1e-3  # boxes have an effect


def test_the_loss_is_that_of_the_equations():
    model = model_of(parity.double_labels(5)).double()
    inputs = batch() | {"image": centred().double()}
    inputs["target"] = inputs["target"].double()
    about = inputs["target"].numpy(), inputs["known"].numpy()
    expected = slow.loss(*given(model, inputs["image"]), *about)
    torch.testing.assert_close(loop.loss_of(model, inputs).item(), expected, **CLOSE)


@pytest.mark.parametrize("edges", NAMES)
def test_the_spatial_graph_edge_by_edge(edges):
    draw = np.random.default_rng(2)
    corners = np.sort(draw.random((4, 5, 2, 2)), axis=2)
    boxes = np.concatenate([corners[:, :, 0], corners[:, :, 1]], -1)
    boxes[0, 1], boxes[1] = 0, 0
    boxes[2, 3] = boxes[2, 4]
    graph = tsgcn.spatial_graph(torch.from_numpy(boxes), edges)
    for row, found in zip(graph, boxes, strict=True):
        present = {label: box for label, box in enumerate(found) if box.any()}
        expected = torch.from_numpy(slow.spatial_graph(present, 5, NAMES[edges]))
        torch.testing.assert_close(row, expected, **CLOSE)


def test_without_boxes_the_spatial_stream_is_a_constant_classifier():
    model = model_of()
    model.boxes = lambda maps: maps.new_zeros(*maps.shape[:2], 4)
    single = model_of(edges="none")
    single.load_state_dict(model.state_dict(), strict=False)
    constant = model.spatial(torch.eye(5), model.vectors)  # (C, F)
    image = centred()
    seen = (single.maps.weight @ image.flatten(2)).softmax(-1) @ image.flatten(2).mT
    expected = single({"image": image}) + (seen * constant).sum(-1)
    torch.testing.assert_close(model({"image": image}), expected)


def test_boxes_are_around_the_largest_part_of_a_map():
    maps = torch.full((1, 2, 3, 4), -1.0)
    maps[0, 0, 0, 0] = maps[0, 0, 2, 2] = maps[0, 0, 2, 3] = 1.0
    found = model_of().boxes(maps)
    torch.testing.assert_close(found, torch.tensor([[[0.5, 2 / 3, 1.0, 1.0], [0.0] * 4]]))


def test_scores_follow_the_labels():
    labels = label_space(5)
    model, other = model_of(labels), model_of(permuted(labels, ORDER))
    follow_labels(model, other, {"maps.weight": 1}, centred())


def test_unknown_edges_are_refused():
    with pytest.raises(ValueError, match="tsgcn edges is 'near'; it may be one of"):
        model_of(edges="near")


def test_mixed_precision_learns():
    survive_mixed_precision(model_of(), batch() | {"image": centred()})
