"""ADD-GCN against its equations, node by node."""

import pytest
import torch
from conftest import batch, build, label_space
from literal_cases import (
    Given,
    agree,
    cells,
    dot,
    follow_labels,
    grid,
    leaky,
    linear,
    own_scores,
    stir,
    survive_mixed_precision,
)

from labelgraph.models import add_gcn

OWN = {
    "maps.weight": 1,
    "static_graph.weight": 2,
    "dynamic_graph.relations.weight": 1,
    "dynamic_graph.relations.bias": 1,
    "classifier.weight": 1,
    "classifier.bias": 1,
}


def model_of(labels, width=3):
    return stir(add_gcn.build(labels, Given(6), width=width))


def literal(model, features):
    """The scores (C,) of one image, with the statistics of the normalisation as they are."""
    found = cells(features)
    maps = [[dot(row, x) for row in model.maps.weight] for x in found]  # position, label
    labels = range(len(maps[0]))
    strongest = torch.stack([max(row[label] for row in maps) for label in labels])
    first = [
        sum(
            torch.sigmoid(row[c]) * linear(model.transform, x)
            for row, x in zip(maps, found, strict=True)
        )
        for c in labels
    ]
    shared = [[model.static_graph.weight[i, j] for j in labels] for i in labels]
    spread = [x + y for x, y in zip(first, hop(model.static, shared, first), strict=True)]
    own = graph_of(model.dynamic_graph, spread)
    last = [x + y for x, y in zip(first, hop(model.dynamic, own, spread), strict=True)]
    return (strongest + own_scores(model.classifier, last)) / 2


def hop(layer, graph, nodes):
    """Node i receives the sum over j of graph[i][j] times node j."""
    received = [sum(weight * x for weight, x in zip(row, nodes, strict=True)) for row in graph]
    return [leaky(linear(layer, leaky(x))) for x in received]


def graph_of(part, nodes):
    summary = linear(part.summary, sum(nodes) / len(nodes))
    norm = part.norm
    summary = (summary - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    summary = leaky(summary * norm.weight + norm.bias)
    return [torch.sigmoid(linear(part.relations, torch.cat([summary, x]))) for x in nodes]


def test_scores_and_gradients_are_those_of_the_equations():
    model, features = model_of(label_space(4)).eval(), grid(2, 6)
    slow = torch.stack([literal(model, image) for image in features])
    agree(model, model({"image": features}), slow)


def test_scores_follow_the_labels():
    labels = label_space(5)
    other = model_of(labels)  # word vectors and counts do not enter
    follow_labels(model_of(labels), other, OWN, grid(3, 6))


def test_in_training_the_normalisation_uses_the_batch():
    model, features = model_of(label_space(4)).train(), grid(3, 6)
    before = model.dynamic_graph.norm.running_mean.clone()
    model({"image": features})
    assert not torch.equal(before, model.dynamic_graph.norm.running_mean)


def test_a_batch_of_one_image_trains_with_the_running_statistics():
    model, features = model_of(label_space(4)), grid(1, 6)
    expected = model.eval()({"image": features})
    torch.testing.assert_close(model.train()({"image": features}), expected)


@pytest.mark.parametrize("side", [1, 7])
def test_images_of_any_size_are_scored(side):
    assert model_of(label_space(4))({"image": grid(2, 6, side, side + 1)}).shape == (2, 4)


def test_mixed_precision_learns():
    survive_mixed_precision(build("add_gcn"), batch())
