"""CMA against its equations: label embeddings, attention by cosines, and the weighted loss."""

import pytest
import torch
from conftest import batch, begin, label_space
from literal_cases import ORDER, Given, follow_labels, grid, permuted, stir, survive_mixed_precision
from torch.nn.functional import normalize

from labelgraph.models import cma
from labelgraph.parts import losses

SETTINGS = {"width": 4, "beta": 0.4, "least": 0.05, "embed_steps": 20, "embed_rate": 0.01}
OWN = {"classifier.weight": 1, "classifier.bias": 1}


def model_of(labels=None, **changes):
    model = stir(cma.build(labels or label_space(5), Given(6), **SETTINGS | changes))
    model.norm.reset_parameters()  # so that positions differ and some of their numbers are positive
    model.norm.running_var.fill_(0.5)
    draw = torch.Generator().manual_seed(1)
    model.embeddings = normalize(torch.randn(model.embeddings.shape, generator=draw), dim=1)
    return model.eval()


def attended(model, features):
    """(C, P) of one image, cosine by cosine."""
    norm, cells = model.norm, features.flatten(1).T
    rows = []
    for direction in model.embeddings:
        cosines = []
        for x in cells:
            x = (model.transform.weight @ x - norm.running_mean) / (
                norm.running_var + norm.eps
            ).sqrt()
            x = (x * norm.weight + norm.bias).clamp(min=0)
            cosines.append(
                (x @ direction / x.norm()).clamp(min=0) if x.any() else torch.tensor(0.0)
            )
        total = sum(cosines)
        share = [c / total if total else torch.tensor(1 / len(cells)) for c in cosines]
        rows.append(torch.stack(share))
    return torch.stack(rows)


def test_scores_are_those_of_attended_features():
    model, image = model_of(), grid(3, 6)
    rows = []
    for features in image:
        shares = attended(model, features)
        assert shares.std(1).max() > 0.05
        seen = shares @ features.flatten(1).T  # (C, F)
        rows.append((seen * model.classifier.weight).sum(1) + model.classifier.bias)
    torch.testing.assert_close(model({"image": image}), torch.stack(rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_maps_share_out_one_also_where_no_cosine_is_positive(sign):
    model, image = model_of(), grid(2, 6)
    model.embeddings = sign * model.embeddings.abs()
    shares = model.shares(image)
    torch.testing.assert_close(shares.sum(1), torch.ones(2, 5))
    assert (shares.std(1).max() < 1e-6) == (sign < 0)


def test_directions_whose_products_are_the_graph_cost_nothing():
    directions = normalize(torch.randn(5, 4, dtype=torch.double), dim=1)
    graph = directions @ directions.T
    assert cma.disagreement(3 * directions, graph, 0.05) < 1e-20
    assert cma.disagreement(directions, graph + 0.1, 0.05) > 0.1


def test_pairs_that_are_weak_in_both_cost_nothing():
    directions = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    graph = torch.tensor([[1.0, 0.04], [0.04, 1.0]])
    assert cma.disagreement(directions, graph, 0.05) == 0
    assert cma.disagreement(directions, graph, 0.03) > 0


def test_the_graph_is_the_mean_of_both_conditional_probabilities():
    counts = torch.tensor([[10.0, 4.0, 0.0], [4.0, 5.0, 0.0], [0.0, 0.0, 0.0]])
    expected = [[1, (4 / 10 + 4 / 5) / 2, 0], [(4 / 10 + 4 / 5) / 2, 1, 0], [0, 0, 1]]
    torch.testing.assert_close(cma.together(counts), torch.tensor(expected, dtype=torch.double))


def test_embeddings_learn_the_graph_before_the_first_epoch_and_then_rest():
    labels = label_space(5)
    model = cma.build(labels, Given(6), **SETTINGS | {"embed_steps": 300, "width": 16})
    inputs = batch() | {"image": grid(3, 6)}
    begin(model, 0, inputs)
    first = model.embeddings.clone()
    left = cma.disagreement(first, model.graph, 0.05)
    scattered = normalize(torch.randn(5, 16), dim=1)
    assert left < 0.01 * cma.disagreement(scattered, model.graph, 0.05)
    torch.testing.assert_close(first.norm(dim=1), torch.ones(5))
    begin(model, 1, inputs)
    assert torch.equal(model.embeddings, first)
    assert "embeddings" not in dict(model.named_parameters())


def test_the_loss_weights_rare_labels():
    model, inputs = model_of(), batch() | {"image": grid(3, 6)}
    expected = losses.weighted(
        model(inputs), inputs["target"], inputs["known"], label_space(5).positive_rate, 0.4
    )
    torch.testing.assert_close(model.loss(inputs), expected)


def test_scores_follow_the_labels():
    labels = label_space(5)
    model, other = model_of(labels), model_of(permuted(labels, ORDER))
    other.embeddings = model.embeddings[ORDER]
    follow_labels(model, other, OWN, grid(3, 6))


def test_mixed_precision_learns():
    survive_mixed_precision(model_of(), batch() | {"image": grid(3, 6)})
