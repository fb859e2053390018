"""The matching network against its equations, node by node and edge by edge."""

import pytest
import torch
from torch.nn.functional import layer_norm, relu

from labelgraph.parts import matching, perceptrons, regions

PARTS = [
    ["instances", "labels", "matching"],
    ["instances", "matching"],
    ["labels", "matching"],
    ["instances", "labels"],
    ["instances"],
    ["labels"],
    ["matching"],
]
each_graph = pytest.mark.parametrize("parts", PARTS, ids="+".join)
each_depth = pytest.mark.parametrize("widths", [[5], [5, 4], [5, 4, 3]], ids=len)


def of(layers, *values):
    """A perceptron on joined inputs."""
    return layers.second(relu(layers.first(torch.cat(values))))


def encoded(layers, *values):
    first, second = layers.norms
    x = relu(layers.first(torch.cat(values)))
    x = relu(layers.second(layer_norm(x, x.shape, first.weight, first.bias)))
    return layer_norm(x, x.shape, second.weight, second.bias)


def message_mean(message, edges, senders, i, end):
    """The mean message over the edges that have node `i` at their end 0 or 1."""
    sent = [of(message, e, senders[ends[1 - end]]) for ends, e in edges.items() if ends[end] == i]
    return sum(sent) / len(sent) if sent else torch.zeros_like(message.second.bias)


def nodes_after(block, kind, nodes, *sources):
    """Each node from itself and its messages from every source that the block has."""
    there = [(getattr(block, name), *rest) for name, *rest in sources if hasattr(block, name)]
    update = getattr(block, f"update_{kind}", None)
    after = {}
    for i, v in nodes.items():
        x = of(update, v, *[message_mean(*source[:3], i, source[3]) for source in there])
        after[i] = layer_norm(x, x.shape, update.norm.weight, update.norm.bias)
    return after


def edges_after(change, edges, one, other):
    return {
        (i, j): of(change.update, e, of(change.pair, one[i], other[j]))
        for (i, j), e in edges.items()
    }


def near(boxes, i, count):
    """The nearest other boxes, by their centres."""
    centres = [((a + c) / 2, (b + d) / 2) for a, b, c, d in boxes.tolist()]
    squares = [(centres[i][0] - x) ** 2 + (centres[i][1] - y) ** 2 for x, y in centres]
    distance = [round(square * 2**16) for square in squares]
    others = [j for j in range(len(boxes)) if j != i]
    return sorted(others, key=lambda j: distance[j])[:count]


def literal(network, parts, x, boxes, neighbours, coordinates=None):
    """Eq. 2 to 14 of ML-SGM for one image with the instances `x`: scores (M, C).

    `boxes` are corners; `coordinates` are the edges' values of them, by default the corners.
    """
    at = boxes if coordinates is None else coordinates
    images, labels, words = range(len(x)), range(len(network.words)), network.words
    pairs_o = [(i, j) for i in images for j in near(boxes, i, neighbours)] * ("instances" in parts)
    pairs_l = [(i, j) for i in labels for j in labels if i != j] * ("labels" in parts)
    pairs_m = [(i, j) for i in images for j in labels] * ("matching" in parts)
    worded = "labels" in parts or "matching" in parts
    enc = network.encode
    vo = {i: encoded(enc["instance"], x[i]) for i in images}
    vl = {i: encoded(enc["label"], words[i]) for i in labels} if worded else {}
    eo = {(i, j): encoded(enc["instances"], at[i], at[j]) for i, j in pairs_o}
    el = {(i, j): encoded(enc["labels"], words[i], words[j]) for i, j in pairs_l}
    em = {(i, j): encoded(enc["matching"], x[i], words[j]) for i, j in pairs_m}
    for block in network.blocks:
        received = ("among_instances", eo, vo, 0), ("across_instances", em, vl, 0)
        vo = nodes_after(block, "instances", vo, *received)
        received = ("among_labels", el, vl, 0), ("across_labels", em, vo, 1)
        vl = nodes_after(block, "labels", vl, *received)
        if block is not network.blocks[-1]:
            eo = edges_after(getattr(block, "change_instances", None), eo, vo, vo)
            el = edges_after(getattr(block, "change_labels", None), el, vl, vl)
        em = edges_after(getattr(block, "change_matching", None), em, vo, vl)
    if not worded:
        return torch.stack([network.decode(vo[i]) for i in images])
    if "matching" in parts:
        scores = [of(network.decode, em[p]) for p in pairs_m]
    else:
        scores = [of(network.decode, vo[i], vl[j]) for i in images for j in labels]
    return torch.cat(scores).view(len(x), -1)


def example(parts, widths, labels=4):
    """A network and three images with 1, 3 and 5 instances."""
    torch.manual_seed(len(widths))
    network = matching.build(6, torch.randn(labels, 3), parts, [7, 5], 6, widths, 4).double()
    x = torch.randn(3, 5, 6, dtype=torch.double)
    low = torch.rand(3, 5, 2, dtype=torch.double) / 2
    boxes = torch.cat([low, low + torch.rand(3, 5, 2, dtype=torch.double) / 2 + 0.01], -1)
    present = torch.arange(5) < torch.tensor([1, 3, 5])[:, None]
    return network, x, boxes, present


def gradients(network, loss):
    network.zero_grad()
    loss.backward()
    return {name: p.grad for name, p in network.named_parameters()}


@each_graph
@each_depth
def test_scores_and_gradients_are_those_of_the_equations(parts, widths):
    network, x, boxes, present = example(parts, widths)
    found = network(x, boxes, regions.nearest(boxes, present, 2), present)
    counts = present.sum(1).tolist()
    slow = [
        literal(network, parts, x[k, :count], boxes[k, :count], 2) for k, count in enumerate(counts)
    ]
    for k, count in enumerate(counts):
        torch.testing.assert_close(found[k, :count], slow[k], rtol=1e-5, atol=1e-8)
    ours = gradients(network, found[present].square().sum())
    theirs = gradients(network, torch.cat(slow).square().sum())
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-8)


@each_graph
def test_one_label_alone(parts):
    network, x, boxes, present = example(parts, [5, 4], labels=1)
    found = network(x, boxes, regions.nearest(boxes, present, 2), present)
    torch.testing.assert_close(found[2], literal(network, parts, x[2], boxes[2], 2))


@each_depth
def test_a_small_budget_changes_neither_scores_nor_gradients(widths, monkeypatch):
    network, x, boxes, present = example(PARTS[0], widths)
    inputs = x, boxes, regions.nearest(boxes, present, 2), present
    whole = network(*inputs)
    kept = gradients(network, whole.square().sum())
    monkeypatch.setattr(perceptrons, "KEPT", 0)
    monkeypatch.setattr(perceptrons, "PART", 1)  # one row at a time
    calls = []
    again = perceptrons.checkpoint
    monkeypatch.setattr(
        perceptrons, "checkpoint", lambda *a, **k: calls.append(1) or again(*a, **k)
    )
    rows = network(*inputs)
    assert len(calls) == 4 * (1 + len(widths))
    torch.testing.assert_close(rows, whole)
    torch.testing.assert_close(gradients(network, rows.square().sum()), kept)


def test_no_more_than_the_budget_is_kept_for_the_backward_pass(monkeypatch):
    network, x, boxes, present = example(PARTS[0], [8, 8], labels=40)
    inputs = x, boxes, regions.nearest(boxes, present, 2), present

    def largest():
        sizes = []

        def pack(tensor):
            sizes.append(tensor.numel() * (tensor.shape[-3:-1] == (40, 40) or tensor.ndim == 4))
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            network(*inputs)
        return max(sizes)

    assert largest() >= 3 * 40 * 40 * 6
    monkeypatch.setattr(perceptrons, "KEPT", 0)
    assert largest() < 3 * 40 * 40 * 6


def test_the_size_of_a_part_follows_from_the_numbers_per_row(monkeypatch):
    """For an edge: 6 numbers of its message, and for each earlier block 6 of either end."""
    network, x, boxes, present = example(["labels"], [5, 4, 3])
    sizes, usual = [], matching.by_rows

    def noted(rows, count, numbers, dim):
        sizes.append((count, numbers))
        return usual(rows, count, numbers, dim)

    monkeypatch.setattr(matching, "by_rows", noted)
    network(x, boxes, regions.nearest(boxes, present, 2), present)
    assert sizes[1:] == [(4, 4 * 6), (4, 4 * (6 + 12)), (4, 4 * (6 + 24))]


def test_nearest_by_hand():
    boxes = torch.tensor([[[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0, 0, 0]]])
    present = torch.tensor([[True, True, True, False]])
    picks, weights = regions.nearest(boxes, present, 1)
    assert picks.argmax(-1)[0, :3, 0].tolist() == [1, 0, 0]  # a tie: the first
    assert weights[0, :, 0].tolist() == [1, 1, 1, 1]
    _, weights = regions.nearest(boxes, present, 3)
    assert weights[0, 0].tolist() == [0.5, 0.5, 0]
    _, weights = regions.nearest(boxes, present & False, 3)
    assert not weights.any()


def test_an_unknown_kind_of_edges_is_named():
    with pytest.raises(ValueError, match=r"\['boxes'\].*instances"):
        matching.build(6, torch.randn(4, 3), ["boxes"], [7, 5], 6, [4], 4)


def test_scores_start_at_the_labels_rates():
    rate = torch.tensor([0.0, 0.2, 0.5, 1.0])
    layer = torch.nn.Linear(3, 4)
    matching.start_at_rates(layer, rate)
    torch.testing.assert_close(layer.bias.sigmoid(), torch.tensor([0.01, 0.2, 0.5, 0.99]))
    one = torch.nn.Linear(3, 1)  # the same for all labels
    matching.start_at_rates(one, rate)
    torch.testing.assert_close(one.bias.sigmoid(), torch.tensor([0.425]))


def test_the_scale_of_word_vectors_does_not_matter():
    words = torch.tensor([[1.0, -1.0], [3.0, -3.0]])
    small, large = (matching.build(6, words * k, ["labels"], [7, 5], 6, [4], 4) for k in (1, 50))
    torch.testing.assert_close(small.words, large.words)
    assert small.words.std() == pytest.approx(1)


def test_without_edges_an_instance_has_one_linear_layer():
    alone = matching.build(6, torch.randn(4, 3), [], [7], 6, [4], 4)
    x = torch.randn(2, 5, 6)
    assert alone.last() is alone
    torch.testing.assert_close(alone(x, None, None, None), x @ alone.weight.T + alone.bias)


def test_the_best_present_instance_scores_the_image():
    scores = torch.tensor([[[1.0, -2.0], [0.5, -1.0], [9.0, 9.0]]])
    present = torch.tensor([[True, True, False]])
    assert matching.best(scores, present).tolist() == [[1.0, -1.0]]
