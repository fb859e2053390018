"""KSSNet against its equations: the superimposed graph, its layers and the lateral connection."""

from dataclasses import replace

import parity_cases as parity
import pytest
import torch
from conftest import batch, label_space
from literal_cases import ORDER, Given, follow_labels, grid, permuted, stir, survive_mixed_precision
from references import kssnet as slow

from labelgraph.models import kssnet
from labelgraph.parts import labelgraph
from labelgraph.train import loop

SETTINGS = {"graph_widths": [7, 5], "knowledge": "wordnet", "alike": 0.6, "mix": 0.8, "cut": 0.03}
SETTINGS |= {"share": 0.4, "lateral": True, "lateral_width": 3, "dropout": 0.5}
NAMES = ("boat", "bird", "cup", "dog", "house")
OWN = {"classifier.weight": 1, "classifier.bias": 1}
CLOSE = {"rtol": parity.TOLERANCE, "atol": parity.TOLERANCE}


def space(names=NAMES):
    return replace(label_space(len(names)), names=names)


def model_of(labels=None, **changes):
    return stir(kssnet.build(labels or space(), Given(6), **SETTINGS | changes)).eval()


def known():
    found = torch.zeros(5, 5, dtype=torch.double)
    found[0, 1] = found[1, 0] = 2.0
    found[1, 3] = found[3, 1] = 0.5
    return found


@pytest.mark.parametrize("mix", [0.0, 0.8, 1.0])
def test_the_largest_eigenvalue_of_the_graph_is_one(mix):
    graph = kssnet.superimposed(space().counts, known(), mix, 0.03, 0.4)
    torch.testing.assert_close(graph, graph.T)
    torch.testing.assert_close(torch.linalg.eigvalsh(graph)[-1].item(), 1.0)


@pytest.mark.parametrize(
    ("mix", "cut", "share"), [(0.8, 0.03, 0.4), (0.0, 0.2, 0.4), (1.0, 0.0, 0.9)]
)
def test_the_graph_entry_by_entry(mix, cut, share):
    settings = {"knowledge_share": mix, "threshold": cut, "neighbour_share": share}
    expected = slow.graph(space().counts.double().numpy(), known().numpy(), settings)
    found = kssnet.superimposed(space().counts, known(), mix, cut, share)
    torch.testing.assert_close(found, torch.from_numpy(expected), **CLOSE)


def weights_of(model):
    """By the reference's names."""
    own = {name: value.numpy() for name, value in model.state_dict().items()}
    found = {name: own[name] for name in ("classifier.weight", "classifier.bias")}
    for n in range(3):
        found[f"layers.{n}.first"] = own[f"graph.narrow.{n}.weight"].T
        found[f"layers.{n}.second"] = own[f"graph.widen.{n}.weight"].T
        found[f"layers.{n}.bias"] = own[f"graph.widen.{n}.bias"]
    if model.lateral is not None:
        found["lateral.weight"], found["block.bias"] = (
            own["lateral.back.weight"],
            own["lateral.up.bias"],
        )
        block = own["lateral.up.weight"] @ own["lateral.down.weight"]
        found["block.weight"] = block[:, :, None, None]
    return found


@pytest.mark.parametrize("lateral", [True, False])
def test_scores_and_loss_are_those_of_the_equations(lateral):
    labels = replace(parity.double_labels(5), names=NAMES)
    model = model_of(labels, lateral=lateral).double()
    image, target = grid(2, 6).double(), batch(2)["target"].double()
    inputs = {"image": image, "target": target, "known": torch.ones(2, 5, dtype=torch.bool)}
    given = weights_of(model), image.numpy(), labels.vectors.numpy(), model.graph.graph.numpy()
    settings = {"lateral": lateral}
    expected = slow.logits(*given, settings)
    torch.testing.assert_close(model(inputs), torch.from_numpy(expected), **CLOSE)
    expected = slow.loss(*given, target.numpy(), settings)
    torch.testing.assert_close(loop.loss_of(model, inputs).item(), expected, **CLOSE)


def test_without_neighbours_the_graph_is_the_identity():
    graph = kssnet.superimposed(space().counts, known(), 0.8, 0.03, 0.0)
    torch.testing.assert_close(graph, torch.eye(5).double())


def test_layers_are_at_least_32_wide_inside():
    part = model_of().graph
    assert [layer.out_features for layer in part.narrow] == [32, 32, 32]
    torch.testing.assert_close(part.words.norm(dim=1), torch.ones(5))
    wide = model_of(graph_widths=[300, 500]).graph
    assert [layer.out_features for layer in wide.narrow] == [(12 + 300) // 8, 100, (500 + 6) // 8]


def test_without_a_lateral_connection_two_classifiers_score_the_mean():
    model, image = model_of(lateral=False), grid(2, 6)
    pooled = image.mean((2, 3))
    expected = pooled @ model.graph().T + model.classifier(pooled)
    torch.testing.assert_close(model({"image": image}), expected)


def test_a_new_lateral_connection_adds_nothing_of_the_labels():
    model = kssnet.build(space(), Given(6), **SETTINGS)
    found = torch.rand(2, 4, 6)
    other = model.lateral(found, torch.rand(5, 6))
    torch.testing.assert_close(other, model.lateral(found, torch.zeros(5, 6)))


def test_wordnet_stands_in_for_what_is_known():
    found = kssnet.of_wordnet(("dog", "cat", "cup", "animal", "nothing"), 0.75)
    assert (found > 0).tolist() == [
        [False, True, False, True, False],
        [True, False, False, True, False],
        [False] * 5,
        [True, True, False, False, False],
        [False] * 5,
    ]


def test_edges_of_conceptnet_make_the_graph():
    labels = replace(space(), edges=known().float())
    model = model_of(labels, knowledge="conceptnet")
    graph = kssnet.superimposed(labels.counts, known(), 0.8, 0.03, 0.4)
    torch.testing.assert_close(model.graph.graph, graph.float())
    assert not torch.equal(model.graph.graph, model_of(labels).graph.graph)


def test_conceptnet_without_edges_and_other_knowledge_are_refused():
    with pytest.raises(ValueError, match="is conceptnet, and the training got no edges"):
        model_of(replace(space(), edges=None), knowledge="conceptnet")
    with pytest.raises(ValueError, match=r"'edges.csv'; it may be wordnet or conceptnet"):
        model_of(knowledge="edges.csv")


def test_rare_labels_have_neighbours_that_are_known_to_be_alike():
    counts = torch.diag(torch.tensor([9.0, 9.0, 0.0, 0.0, 0.0]))
    graph = kssnet.superimposed(counts, known(), 0.8, 0.03, 0.4)
    assert graph[1, 3] > 0.03 and graph[2, 4] == 0
    assert not (labelgraph.conditional(counts).fill_diagonal_(0) > 0).any()


def test_scores_follow_the_labels():
    labels = space()
    own = OWN | {"lateral.back.weight": 0}
    model, other = model_of(labels), model_of(permuted(labels, ORDER))
    back = model.lateral.back.weight.data
    model.lateral.back.weight.data = torch.zeros_like(back)  # its columns are labels, not its rows
    follow_labels(model, other, own, grid(3, 6))
    expected = other.lateral(grid(1, 6).flatten(2).mT, other.graph())
    other.lateral.back.weight.data = back[:, ORDER]
    model.lateral.back.weight.data = back
    found = model.lateral(grid(1, 6).flatten(2).mT, model.graph())
    same = other.lateral(grid(1, 6).flatten(2).mT, other.graph())
    torch.testing.assert_close(found, same, rtol=1e-4, atol=1e-4)
    assert (found - expected).abs().max() > 1e-3


def test_mixed_precision_learns():
    survive_mixed_precision(model_of(), batch() | {"image": grid(3, 6)})
