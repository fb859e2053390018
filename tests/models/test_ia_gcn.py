"""IA-GCN against its equations, entry by entry, for one image after the other."""

import dataclasses
import math

import pytest
import torch
from conftest import WIDTH, batch, build, label_space, settings
from torch.nn.functional import binary_cross_entropy_with_logits

from labelgraph import models
from labelgraph.encoders import encoder as encoders
from labelgraph.parts import labelgraph
from labelgraph.parts.regions import pool

VARIANTS = ("", "id_lcm", "id_lcm_var_inf", "com_sco", "base_com_sco")
each_variant = pytest.mark.parametrize("variant", VARIANTS)


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def normal(graph):
    sums = [sum(graph[i][j] for j in range(len(graph))) for i in range(len(graph))]
    rows = [
        [graph[i][j] / torch.sqrt(sums[i] * sums[j]) for j in range(len(graph))]
        for i in range(len(graph))
    ]
    return torch.stack([torch.stack(row) for row in rows])


def statistical(space, threshold, weight):
    """A_S: ML-GCN's re-weighted matrix, before it is normalised."""
    edges = labelgraph.threshold(space.counts, threshold)
    graph = torch.zeros(len(edges), len(edges))
    for i in range(len(edges)):
        degree = sum(edges[i][j] for j in range(len(edges)) if j != i)
        for j in range(len(edges)):
            if i != j and edges[i][j]:
                graph[i, j] = weight / degree
        graph[i, i] = 1 - weight if degree else 1
    return graph


def literal(model, space, features, boxes, noise):
    """Logits (C,) and divergence of one image; with `noise` None, regions use the mean factor."""
    how, count = model.how, len(space.names)
    found = [box for box in boxes if box[2] > box[0] and box[3] > box[1]][: how.regions]
    regions = [pool(features[None], box[None, None])[0, 0] for box in found]  # (F,) each
    weights = model.rough.weight[:, :, 0, 0]
    terms, rough = [], []
    for n, region in enumerate(regions):
        z = 1.0
        if how.factors != "none":
            mean = region @ weights[count]  # eq. 8
            variance = torch.log(1 + torch.exp(region @ weights[count + 1])) + 1e-6  # eq. 9
            z = mean if noise is None else mean + torch.sqrt(variance) * noise[n]
            terms.append((mean**2 + variance - 1 - torch.log(variance)) / 2)
        rough.append(sigmoid(weights[:count] @ (z * region) + model.bias))  # eqs. 2 and 7
    divergence = sum(terms) / len(terms) if terms else torch.tensor(0.0)
    shared = statistical(space, how.threshold, how.neighbour_weight)
    a = torch.stack([max(row[c] for row in rough) for c in range(count)]) if rough else None
    own = torch.outer(a, a) if rough else torch.ones(count, count)  # eqs. 3 and 4
    fused = shared * own  # eq. 1
    separate = how.graph == "separate"
    whole = local = None
    if how.branches != "regions":
        whole = by_image(model, space, features, normal(shared if separate else fused))
    if how.branches != "image":
        local = by_regions(model, rough, normal(own if separate else fused))
    if whole is None or local is None:
        return (local if whole is None else whole), divergence
    return (how.fusion * whole + (1 - how.fusion) * local if rough else whole), divergence


def by_image(model, space, features, graph):
    x = space.vectors
    for place, layer in enumerate(model.label_layers):
        x = graph @ x @ layer.weight.T  # eq. 5
        x = torch.relu(x) if place < len(model.label_layers) - 1 else x
    top = torch.stack([channel.max() for channel in features])
    return torch.stack([row @ top for row in x])  # eq. 6


def by_regions(model, rough, graph):
    size = model.classifier.in_features
    if not rough:
        return model.classifier(torch.zeros(size))
    alike = torch.stack(
        [torch.stack([(p[None] @ graph @ q[:, None])[0, 0] for q in rough]) for p in rough]
    )
    alike, x = normal(alike), rough
    for layer in model.region_layers:
        x = [
            torch.relu(layer.weight @ sum(alike[n, m] * x[m] for m in range(len(x))))
            for n in range(len(x))
        ]
    return model.classifier(torch.stack([max(row[k] for row in x) for k in range(size)]))


def inputs():
    """Three images: with four regions, with one, with none."""
    found = batch()
    found["boxes"][1, 1:] = 0
    found["boxes"][2] = 0
    return found


@each_variant
def test_logits_are_those_of_the_equations(variant):
    model, given = build("ia_gcn", variant=variant).eval(), inputs()
    wanted = [
        literal(model, label_space(5), image, boxes, None)[0]
        for image, boxes in zip(given["image"], given["boxes"], strict=True)
    ]
    torch.testing.assert_close(model(given), torch.stack(wanted), rtol=1e-4, atol=1e-5)


@each_variant
def test_loss_and_gradients_equal_the_equations(variant):
    model, given = build("ia_gcn", variant=variant).train(), inputs()
    torch.manual_seed(3)
    loss = model.loss(given)
    found = torch.autograd.grad(loss, list(model.parameters()))
    torch.manual_seed(3)
    noise = torch.randn(3, given["boxes"].shape[1])
    pairs = [
        literal(model, label_space(5), *one)
        for one in zip(given["image"], given["boxes"], noise, strict=True)
    ]
    logits = torch.stack([pair[0] for pair in pairs])
    known = given["known"]
    wanted = binary_cross_entropy_with_logits(logits[known], given["target"][known])
    wanted = wanted + sum(pair[1] for pair in pairs) / 3  # eqs. 12 to 14
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(
        found, torch.autograd.grad(wanted, list(model.parameters())), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)


def test_divergence_by_hand():
    model = build("ia_gcn").eval()
    spread = math.log(math.e**2 - 1)  # softplus gives 2
    moments = torch.tensor([[[3.0, spread], [0.0, spread], [9.0, 9.0]]])
    _, found = model.draw(moments, torch.tensor([[True, True, False]]))
    wanted = ((9 + 2 - 1 - math.log(2)) / 2 + (0 + 2 - 1 - math.log(2)) / 2) / 2
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_training_draws_factors_and_scoring_does_not():
    model, given = build("ia_gcn"), inputs()
    assert torch.equal(model.eval()(given), model(given))
    assert not torch.equal(model.train()(given), model(given))
    model.how.factors = "sample"
    assert not torch.equal(model.eval()(given), model(given))


def test_regions_beyond_the_number_are_ignored():
    given = inputs()
    wanted = settings("ia_gcn") | {"regions": 2}
    model = models.build("ia_gcn", label_space(5), encoders.Cached(WIDTH), **wanted).eval()
    other = given["boxes"].clone()
    other[:, 2:] = 0
    assert torch.equal(model(given), model(given | {"boxes": other}))
    assert not torch.equal(model(given), model(given | {"boxes": other * 0}))


@each_variant
def test_empty_places_do_not_change_a_score(variant):
    model, given = build("ia_gcn", variant=variant).eval(), inputs()
    longer = torch.cat([given["boxes"], torch.zeros(3, 9, 4)], 1)
    torch.testing.assert_close(model(given), model(given | {"boxes": longer}), rtol=1e-5, atol=1e-6)


@each_variant
def test_permuted_labels_permute_the_scores(variant):
    model, given, space = build("ia_gcn", variant=variant).eval(), inputs(), label_space(5)
    order = torch.tensor([3, 0, 4, 1, 2])
    turned = dataclasses.replace(
        space,
        names=tuple(space.names[k] for k in order.tolist()),
        counts=space.counts[order][:, order],
        vectors=space.vectors[order],
        positive_rate=space.positive_rate[order],
    )
    wanted = settings("ia_gcn", variant)
    other = models.build("ia_gcn", turned, encoders.Cached(WIDTH), **wanted).eval()
    state = dict(model.state_dict())
    rows = torch.cat([order, torch.arange(5, len(state["rough.weight"]))])
    state |= {"rough.weight": state["rough.weight"][rows], "bias": state["bias"][order]}
    if "classifier.weight" in state:
        first = "region_layers.0.weight"
        state |= {name: state[name][order] for name in ("classifier.weight", "classifier.bias")}
        state[first] = state[first][:, order]
    state |= {"graph": other.graph, "vectors": other.vectors}
    other.load_state_dict(state)
    torch.testing.assert_close(other(given), model(given)[:, order], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"branches": "all"}, {"factors": "median"}, {"graph": "fixed"}])
def test_a_wrong_choice_is_named(wrong):
    with pytest.raises(ValueError, match=f"ia_gcn has no '{next(iter(wrong.values()))}'"):
        models.build("ia_gcn", label_space(5), encoders.Cached(WIDTH), **settings("ia_gcn") | wrong)
