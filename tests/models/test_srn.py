"""SRN against its equations, and which parts learn in which of its four stages."""

import parity_cases as parity
import pytest
import torch
from conftest import batch, begin, label_space
from literal_cases import ORDER, Given, grid, stir, survive_mixed_precision
from references import srn as slow
from torch import nn

from labelgraph.models import srn
from labelgraph.parts.losses import soft_margin

SETTINGS = {"width": 4, "filters": 2, "side": 3, "share": 0.3, "relations": True}
SETTINGS |= {"rounds": [1, 2, 3]}
LABELS = {"classifier.weight": 0, "classifier.bias": 0, "attention.energy.4.weight": 0}
LABELS |= {"attention.confidence.weight": 0, "attention.confidence.bias": 0}
LABELS |= {"relations.mix.0.weight": 1, "relations.output.weight": 0, "relations.output.bias": 0}


def model_of(labels=3, encoder=None, **changes):
    model = srn.build(label_space(labels), encoder or Given(6), **SETTINGS | changes)
    return stir(model)


def example(images=4, labels=3):
    return batch(images, labels) | {"image": grid(images, 6, 3, 3)}


def weights_of(model):
    """By the reference's names."""
    own = {name: value.numpy() for name, value in model.state_dict().items()}
    layers = {"classifier": "classifier", "confidence": "attention.confidence"}
    layers |= {f"attention.{n}": f"attention.energy.{2 * n}" for n in range(3)}
    layers |= {f"relation.{n}": f"relations.mix.{n}" for n in range(2)}
    layers |= {f"normalisation.{n}": f"relations.mix_norms.{n}" for n in range(2)}
    layers |= {"normalisation.2": "relations.norm", "regularised": "relations.output"}
    kinds = {"weight": "weight", "bias": "bias", "mean": "running_mean", "variance": "running_var"}
    found = {
        f"{theirs}.{kind}": own[f"{ours}.{name}"]
        for theirs, ours in layers.items()
        for kind, name in kinds.items()
        if f"{ours}.{name}" in own
    }
    found["attention.2.bias"] = torch.zeros(3).numpy()  # the softmax cancels it
    return found | {"relation.2.weight": own["relations.filters"].reshape(8, 1, 3, 3)}


@pytest.mark.parametrize("training", [False, True])
def test_scores_and_losses_are_those_of_the_equations(training):
    model, inputs = model_of().double().train(training), example()
    given = {"image": inputs["image"].double(), "target": inputs["target"].double()}
    given["known"] = torch.ones(4, 3, dtype=torch.bool)
    arrays, settings = [given[name].numpy() for name in ("image", "target")], {"alpha": 0.3}
    weights, settings = weights_of(model), settings | {"training": training}
    expected = torch.from_numpy(slow.logits(weights, arrays[0], settings))
    close = {"rtol": parity.TOLERANCE, "atol": parity.TOLERANCE}
    torch.testing.assert_close(model(given), expected, **close)
    assert expected.std() > 1e-2
    for stage in range(4):
        begin(model, stage, given)
        loss = model.train(training).loss(given).item()
        expected = slow.loss(weights, *arrays, settings | {"stage": stage + 1})
        assert loss == pytest.approx(expected, rel=1e-9, abs=1e-9), stage


def learning(model, epoch, inputs):
    begin(model, epoch, inputs)
    model.train().zero_grad()
    model.loss(inputs).backward()
    return {
        name.split(".")[0] for name, value in model.named_parameters() if value.grad is not None
    }


@pytest.mark.parametrize(
    ("epoch", "parts"),
    [
        (0, {"classifier"}),
        (1, {"attention"}),
        (2, {"relations"}),
        (3, {"classifier", "attention", "relations"}),
        (9, {"classifier", "attention", "relations"}),
    ],
)
def test_each_stage_teaches_its_parts(epoch, parts):
    assert learning(model_of(), epoch, example()) == parts


@pytest.mark.parametrize(("epoch", "rests"), [(0, False), (1, True), (2, True), (3, False)])
def test_the_encoder_rests_with_its_statistics_in_the_middle_stages(epoch, rests):
    encoder = nn.Sequential(nn.Conv2d(6, 6, 1), nn.BatchNorm2d(6))
    encoder.width = 6
    model, inputs = model_of(encoder=encoder), example()
    before = encoder[1].running_mean.clone()
    assert ("encoder" not in learning(model, epoch, inputs)) == rests
    assert torch.equal(encoder[1].running_mean, before) == rests


def test_without_relations_all_learns_after_the_maps():
    model, inputs = model_of(relations=False), example()
    assert learning(model, 2, inputs) == {"classifier", "attention"}
    model.eval()
    shares, confidence = model.attention(inputs["image"])
    plain = model.classifier(inputs["image"].mean((2, 3)))
    expected = 0.3 * plain + 0.7 * (shares * confidence).sum((2, 3))
    torch.testing.assert_close(model(inputs), expected)


def test_a_map_shares_out_one_for_every_label():
    shares, _ = model_of().attention(grid(2, 6, 3, 3))
    torch.testing.assert_close(shares.sum((2, 3)), torch.ones(2, 3))
    assert shares.flatten(2).std(-1).min() > 1e-3


def test_equal_energies_average_the_confidences():
    model, image = model_of(), grid(2, 6, 3, 3)
    nn.init.zeros_(model.attention.energy[-1].weight)
    _, attended = model.logits(image)
    weight = model.attention.confidence.weight[:, :, 0, 0]
    expected = image.mean((2, 3)) @ weight.T + model.attention.confidence.bias
    torch.testing.assert_close(attended, expected)


def test_the_large_filters_are_a_grouped_convolution():
    part = model_of().relations.eval()
    maps = grid(2, 3, 3, 3)
    kernel = part.filters.reshape(8, 1, 3, 3)
    found = maps
    for mix, norm in zip(part.mix, part.mix_norms, strict=True):
        found = norm(mix(found)).relu()
    found = nn.functional.conv2d(found, kernel, groups=4)[:, :, 0, 0]
    torch.testing.assert_close(part(maps), part.output(part.norm(found).relu()))


def test_the_last_loss_judges_both_scores():
    model, inputs = model_of().eval(), example()
    both = model.logits(inputs["image"])
    expected = sum(soft_margin(each, inputs["target"], inputs["known"]) for each in both)
    torch.testing.assert_close(model.loss(inputs), expected)
    torch.testing.assert_close(model(inputs), both[0])


def test_a_mirrored_image_has_other_scores():
    model, image = model_of(), grid(4, 6, 3, 3)
    with torch.no_grad():  # statistics of the batch make small maps large
        plain, mirrored = (model.train()({"image": each}) for each in (image, image.flip(3)))
    assert (plain - mirrored).abs().max() > 0.1


def test_scores_follow_the_labels():
    model, other, order = model_of(5), model_of(5), torch.tensor(ORDER)
    state = model.state_dict()
    for name, dimension in LABELS.items():
        state[name] = state[name].index_select(dimension, order)
    other.load_state_dict(state)
    image = grid(3, 6, 3, 3)
    with torch.no_grad():
        expected = model.train()({"image": image})[:, ORDER]
        torch.testing.assert_close(other.train()({"image": image}), expected, rtol=1e-4, atol=1e-4)
    assert expected.std() > 1e-2


@pytest.mark.parametrize(
    ("rounds", "stages"),
    [([], [3, 3]), ([1], [0, 3]), ([1, 2], [0, 1, 3]), ([1, 2, 3], [0, 1, 2, 3])],
)
def test_fewer_rounds_are_fewer_stages_before_the_last(rounds, stages):
    model, found = model_of(rounds=rounds), []
    for epoch in range(len(stages)):
        begin(model, epoch, example())
        found.append(model.stage())
    assert found == stages


@pytest.mark.parametrize("rounds", [[2, 1, 3], [1, 2, 3, 4]])
def test_other_stages_are_refused(rounds):
    with pytest.raises(ValueError, match="they are the epochs, in order, at which the stages"):
        model_of(rounds=rounds)


def test_mixed_precision_learns():
    survive_mixed_precision(model_of(), example())
