"""KSSNet against its equations: the superimposed graph, its layers and the lateral connection."""

from dataclasses import replace

import pytest
import torch
from conftest import batch, label_space
from literal_cases import ORDER, Given, follow_labels, grid, permuted, stir, survive_mixed_precision

from labelgraph.models import kssnet
from labelgraph.parts import labelgraph

SETTINGS = {"graph_widths": [7, 5], "knowledge": "wordnet", "alike": 0.6, "mix": 0.8, "cut": 0.03}
SETTINGS |= {"share": 0.4, "lateral": True, "lateral_width": 3, "dropout": 0.5}
NAMES = ("boat", "bird", "cup", "dog", "house")
OWN = {"classifier.weight": 1, "classifier.bias": 1}


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


def test_the_graph_entry_by_entry():
    counts, weights = space().counts.double(), known()
    occurring, knowing = torch.eye(5).double(), weights + torch.eye(5)
    for i in range(5):
        for j in range(5):
            if i != j and counts[i, i] and counts[j, j]:
                occurring[i, j] = (counts[i, j] / counts[i, i] + counts[i, j] / counts[j, j]) / 2
    both = 0.8 * normal(knowing) + 0.2 * normal(occurring)
    kept = both * (both >= 0.03)
    expected = normal(0.4 * kept + 0.6 * torch.eye(5).double())
    found = kssnet.superimposed(space().counts, weights, 0.8, 0.03, 0.4)
    torch.testing.assert_close(found, expected)
    assert (both < 0.03).any() and (kept > 0).sum() > 9


def normal(matrix):
    sums = [float(row.sum()) for row in matrix]
    rows = [[matrix[i, j] / (sums[i] * sums[j]) ** 0.5 for j in range(5)] for i in range(5)]
    return torch.tensor(rows, dtype=torch.double)


def test_without_neighbours_the_graph_is_the_identity():
    graph = kssnet.superimposed(space().counts, known(), 0.8, 0.03, 0.0)
    torch.testing.assert_close(graph, torch.eye(5).double())


def test_layers_are_products_of_two_matrices_over_the_graph():
    part = model_of().graph
    x = part.words
    for place, (narrow, widen) in enumerate(zip(part.narrow, part.widen, strict=True)):
        x = torch.where(x > 0, x, 0.2 * x) if place else x
        x = part.graph @ x @ narrow.weight.T @ widen.weight.T + widen.bias
    torch.testing.assert_close(part(), torch.tanh(x))
    assert [layer.out_features for layer in part.narrow] == [32, 32, 32]
    torch.testing.assert_close(part.words.norm(dim=1), torch.ones(5))


def test_without_a_lateral_connection_two_classifiers_score_the_mean():
    model, image = model_of(lateral=False), grid(2, 6)
    pooled = image.mean((2, 3))
    expected = pooled @ model.graph().T + model.classifier(pooled)
    torch.testing.assert_close(model({"image": image}), expected)


def test_the_lateral_connection_position_by_position():
    model, image = model_of(), grid(2, 6)
    labels, part = model.graph(), model.lateral
    rows = []
    for features in image:
        found = []
        for x in features.flatten(1).T:
            x = x + part.back.weight @ (labels @ x)
            inner = (part.down.weight @ x + part.down.bias).clamp(min=0)
            found.append(x + part.up.weight @ inner + part.up.bias)
        mean = sum(found) / len(found)
        rows.append(labels @ mean + model.classifier.weight @ mean + model.classifier.bias)
    torch.testing.assert_close(model({"image": image}), torch.stack(rows), rtol=1e-4, atol=1e-4)


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


def test_edges_of_a_file_are_added_up(tmp_path):
    path = tmp_path / "edges.csv"
    lines = ["label,other,weight", "boat,bird,1.5", "bird,boat,0.5", "cup,cup,9", "moon,bird,4"]
    path.write_text("\n".join(lines))
    found = kssnet.of_file(path, NAMES)
    assert found[0, 1] == found[1, 0] == 2.0
    assert found.sum() == 4.0
    model = model_of(knowledge=str(path))
    graph = kssnet.superimposed(space().counts, found, 0.8, 0.03, 0.4)
    torch.testing.assert_close(model.graph.graph, graph.float())


def test_a_file_with_other_columns_is_refused(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("a,b\n")
    with pytest.raises(ValueError, match=r"has the columns \['a', 'b'\]; expected \['label'"):
        kssnet.of_file(path, NAMES)


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
