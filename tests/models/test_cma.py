"""CMA against its equations: label embeddings, attention by cosines, and the weighted loss."""

import parity_cases as parity
import pytest
import torch
from conftest import batch, begin, label_space
from literal_cases import ORDER, Given, follow_labels, grid, permuted, stir, survive_mixed_precision
from references import cma as slow
from torch.nn.functional import normalize

from labelgraph.models import cma
from labelgraph.parts import losses

SETTINGS = {"width": 4, "beta": 0.4, "least": 0.05, "embed_steps": 20, "embed_rate": 0.01}
OWN = {"classifier.weight": 1, "classifier.bias": 1}
CLOSE = {"rtol": parity.TOLERANCE, "atol": parity.TOLERANCE}


def model_of(labels=None, **changes):
    model = stir(cma.build(labels or label_space(5), Given(6), **SETTINGS | changes))
    model.norm.reset_parameters()  # so that positions differ and some of their numbers are positive
    model.norm.running_var.fill_(0.5)
    draw = torch.Generator().manual_seed(1)
    model.embeddings = normalize(torch.randn(model.embeddings.shape, generator=draw), dim=1)
    return model.eval()


def weights_of(model):
    """By the reference's names."""
    own = {name: value.numpy() for name, value in model.state_dict().items()}
    kinds = {"weight": "weight", "bias": "bias", "mean": "running_mean", "variance": "running_var"}
    found = {f"transform_normalisation.{kind}": own[f"norm.{name}"] for kind, name in kinds.items()}
    found |= {name: own[name] for name in ("classifier.weight", "classifier.bias")}
    return found | {"embedding": own["embeddings"], "transform.weight": own["transform.weight"]}


@pytest.mark.parametrize("training", [False, True])
def test_scores_and_loss_are_those_of_the_equations(training):
    model = model_of(parity.double_labels(5)).double().train(training)
    image, target = grid(3, 6).double(), batch()["target"].double()
    inputs = {"image": image, "target": target, "known": torch.ones(3, 5, dtype=torch.bool)}
    weights, settings = weights_of(model), {"beta": 0.4, "training": training}
    expected = slow.logits(weights, image.numpy(), None, settings)
    torch.testing.assert_close(model(inputs), torch.from_numpy(expected), **CLOSE)
    share = model.rate.numpy()
    expected = slow.loss(weights, image.numpy(), None, target.numpy(), share, settings)
    torch.testing.assert_close(model.loss(inputs).item(), expected, **CLOSE)
    assert slow.attention(weights, image.numpy(), None, settings).std((2, 3)).max() > 0.05


def test_the_embeddings_loss_is_that_of_the_equations():
    labels = label_space(5)
    graph = cma.together(labels.counts)
    expected = slow.label_graph(labels.counts.double().numpy())
    torch.testing.assert_close(graph, torch.from_numpy(expected), **CLOSE)
    found = torch.randn(5, 3, dtype=torch.double)
    for least in (0.05, 0.6):
        loss = slow.embedding_loss(found.numpy(), expected, {"alpha": least})
        torch.testing.assert_close(cma.disagreement(found, graph, least).item(), loss, **CLOSE)


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
