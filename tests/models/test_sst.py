"""SST's reading against a calculation token by token."""

import parity_cases as parity
import pytest
import torch
from conftest import batch, label_space
from literal_cases import Given, follow_labels, grid, stir, survive_mixed_precision
from references import sst as slow

from labelgraph.models import sst
from labelgraph.train import loop

SETTINGS = {"width": 4, "layers": 2, "heads": 2, "head_width": 3, "feedforward": 5, "side": 3}
SETTINGS |= {"tokens": "labels", "parallel": False}
CLOSE = {"rtol": parity.TOLERANCE, "atol": parity.TOLERANCE}
OWN = {"classifier.weight": 1, "classifier.bias": 1, "maps.weight": 1, "norm.weight": 1}
OWN |= {"norm.bias": 1, "semantic.labels": 1, "semantic.classifier.weight": 1}
OWN |= {"semantic.classifier.bias": 1}


def model_of(labels=5, **changes):
    return stir(sst.build(label_space(labels), Given(6), **SETTINGS | changes))


def layer_of(own, ours, theirs):
    three = own[f"{ours}.three.weight"]
    third = len(three) // 3
    found = {
        f"{theirs}.{name}": three[k * third : (k + 1) * third]
        for k, name in enumerate(("query", "key", "value"))
    }
    found[f"{theirs}.output"] = own[f"{ours}.output.weight"]
    parts = {"attention_norm": "norms.0", "feedforward_norm": "norms.1", "widen": "up"}
    for name, part in (parts | {"narrow": "down"}).items():
        found |= {f"{theirs}.{name}.{kind}": own[f"{ours}.{part}.{kind}"] for kind in KINDS}
    return found


KINDS = ("weight", "bias")


def weights_of(model):
    """By the reference's names."""
    own = {name: value.numpy() for name, value in model.state_dict().items()}
    found = layer_of(own, "semantic.layer", "semantic") | {"maps.weight": own["maps.weight"]}
    for n in range(2):
        found |= layer_of(own, f"spatial.{n}", f"spatial.{n}")
    layers = {"reduction": "reduction", "spatial_classifier": "classifier"}
    layers |= {"semantic_classifier": "semantic.classifier", "maps_normalisation": "norm"}
    for theirs, ours in layers.items():
        found |= {f"{theirs}.{kind}": own[f"{ours}.{kind}"] for kind in KINDS}
    found["maps_normalisation.mean"] = own["norm.running_mean"]
    found["maps_normalisation.variance"] = own["norm.running_var"]
    found["positions"] = own["places"].reshape(len(own["places"]), -1).T
    if "semantic.labels" in own:
        found["tokens.weight"], found["labels"] = (
            own["semantic.token.weight"],
            own["semantic.labels"],
        )
    return found


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("tokens", sst.TOKENS)
def test_scores_and_loss_are_those_of_the_equations(tokens, parallel, training):
    model = model_of(tokens=tokens, parallel=parallel).double().train(training)
    image, target = grid(2, 6, 3, 3).double(), batch(2)["target"].double()
    inputs = {"image": image, "target": target, "known": torch.ones(2, 5, dtype=torch.bool)}
    settings = {"heads": 2, "semantic_layers": 2, "tokens": tokens, "training": training}
    settings["order"] = "parallel" if parallel else "sequential"
    weights = weights_of(model)
    expected = slow.logits(weights, image.numpy(), settings)
    torch.testing.assert_close(model(inputs), torch.from_numpy(expected), **CLOSE)
    expected = slow.loss(weights, image.numpy(), target.numpy(), settings)
    torch.testing.assert_close(loop.loss_of(model, inputs).item(), expected, **CLOSE)


def test_a_layer_relates_all_tokens():
    layer, tokens = stir(sst.Layer(4, 2, 3, 5)), torch.rand(1, 6, 4)
    tokens.requires_grad_()
    (slope,) = torch.autograd.grad(layer(tokens)[0, 0].square().sum(), tokens)
    assert (slope[0].abs().sum(1) > 1e-4).all()


def test_other_grids_are_resized():
    model = model_of().eval()
    with torch.no_grad():
        model.places.fill_(0.3)  # as all positions are alike, resizing them changes nothing
        image = torch.rand(2, 6, 1, 1).expand(2, 6, 3, 3)
        expected = model({"image": image})
        torch.testing.assert_close(model({"image": image[:, :, :2, :2]}), expected)
        assert model({"image": grid(2, 6, 4, 5)}).shape == (2, 5)


def test_scores_follow_the_labels():
    model, other = model_of(), model_of()
    for name in ("running_mean", "running_var"):
        value = getattr(model.norm, name)
        setattr(other.norm, name, value[[3, 0, 4, 1, 2]])
    follow_labels(model, other, OWN, grid(3, 6, 3, 3))


def test_other_tokens_are_refused():
    with pytest.raises(ValueError, match="sst tokens is 'words'; it may be one of"):
        model_of(tokens="words")


def test_mixed_precision_learns():
    survive_mixed_precision(model_of(), batch() | {"image": grid(3, 6, 3, 3)})
