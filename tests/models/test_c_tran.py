"""C-Tran against its equations, token by token, and against torch's own transformer."""

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
    linear,
    own_scores,
    pool,
    stir,
    survive_mixed_precision,
)
from torch import nn

from labelgraph.models import c_tran

OWN = {"labels.weight": 1, "classifier.weight": 1, "classifier.bias": 1}


SETTINGS = {"width": 4, "layers": 2, "heads": 2, "feedforward": 5, "dropout": 0.0}
SETTINGS |= {"known_share": 0.75, "pooled": False}


def model_of(labels, width=4, layers=2, heads=2, dropout=0.0, pooled=False):
    settings = SETTINGS | {"width": width, "layers": layers, "heads": heads}
    settings |= {"dropout": dropout, "pooled": pooled}
    return stir(c_tran.build(labels, Given(6), **settings))


def normal(norm, x):
    spread = ((x - x.mean()) ** 2).mean()
    return (x - x.mean()) / (spread + norm.eps).sqrt() * norm.weight + norm.bias


def attention(layer, asking, tokens):
    """One query token against all: for each head, a softmax of scaled products."""
    width = len(asking)
    size = width // layer.heads
    question = linear(layer.query, asking)
    memory = [linear(layer.memory, x) for x in tokens]
    found = []
    for start in range(0, width, size):
        head = slice(start, start + size)
        values = [x[width:][head] for x in memory]
        energy = [dot(question[head], x[:width][head]) / size**0.5 for x in memory]
        total = sum(torch.exp(value) for value in energy)
        found.append(sum(torch.exp(e) / total * x for e, x in zip(energy, values, strict=True)))
    return linear(layer.output, torch.cat(found))


def literal(model, features, states):
    """The scores (C,) of one image."""
    found = pool(features) if model.pooled else cells(features)
    if isinstance(model.reduction, nn.Linear):
        found = [linear(model.reduction, x) for x in found]
    labels = [
        word + (model.states.weight[state] if state else model.states.weight[0].detach())
        for word, state in zip(model.labels.weight, states, strict=True)
    ]
    tokens = [normal(model.norm, x) for x in [*found, *labels]]
    for layer in model.layers:
        changed = []
        for token in tokens:
            x = normal(layer.norms[0], token + attention(layer, token, tokens))
            step = linear(layer.down, linear(layer.up, x).clamp(min=0))
            changed.append(normal(layer.norms[1], x + step))
        tokens = changed
    return own_scores(model.classifier, tokens[len(found) :])


@pytest.mark.parametrize(
    ("width", "layers", "heads", "pooled"), [(4, 2, 2, False), (6, 1, 3, True), (6, 2, 1, False)]
)
def test_scores_and_gradients_are_those_of_the_equations(width, layers, heads, pooled):
    model = model_of(label_space(3), width, layers, heads, pooled=pooled)
    features = grid(2, 6)
    states = torch.tensor([[0, 1, 2], [2, 0, 0]])
    slow = torch.stack([literal(model, *given) for given in zip(features, states, strict=True)])
    agree(model, model.scores(features, states), slow)


def test_an_unknown_label_adds_the_same_vector_for_ever():
    model, features = model_of(label_space(3)), grid(2, 6)
    scores = model.scores(features, torch.tensor([[0, 1, 2], [0, 0, 0]]))
    (slope,) = torch.autograd.grad(scores.square().sum(), model.states.weight)
    assert not slope[0].any()
    assert slope[1:].any(1).all()


def test_first_weights_are_those_of_the_released_code():
    width = 256
    model = c_tran.build(label_space(20), Given(width), **SETTINGS | {"width": width})
    layer = model.layers[0]
    for weight in (model.labels.weight, model.states.weight, model.states.weight[:1]):
        assert_uniform(weight, width**-0.5)
    for part in (layer.output, layer.up, model.classifier):
        assert_uniform(part.weight, width**-0.5)
    for part in (layer.query, layer.memory):  # torch's attention: one layer with 3 W outputs
        assert_uniform(part.weight, (6 / (width + 3 * width)) ** 0.5)
        assert not part.bias.any()
    assert_uniform(layer.output.bias, width**-0.5)


def assert_uniform(values, bound):
    assert values.abs().max() <= bound
    torch.testing.assert_close(values.abs().max().item(), bound, rtol=0.03, atol=0)
    torch.testing.assert_close(values.std().item(), bound / 3**0.5, rtol=0.08, atol=0)


def test_scores_are_those_without_known_labels():
    model, features = model_of(label_space(3)), grid(2, 6)
    expected = model.scores(features, torch.zeros(2, 3, dtype=torch.long))
    torch.testing.assert_close(model({"image": features}), expected)


def test_a_layer_equals_torchs():
    ours = stir(c_tran.Layer(8, 2, 5, 0.0))
    theirs = nn.TransformerEncoderLayer(8, 2, 5, 0.0, batch_first=True)
    attention = theirs.self_attn
    pairs = {
        attention.in_proj_weight: torch.cat([ours.query.weight, ours.memory.weight]),
        attention.in_proj_bias: torch.cat([ours.query.bias, ours.memory.bias]),
        attention.out_proj.weight: ours.output.weight,
        attention.out_proj.bias: ours.output.bias,
    }
    for layer, own in [
        (theirs.linear1, ours.up),
        (theirs.linear2, ours.down),
        (theirs.norm1, ours.norms[0]),
        (theirs.norm2, ours.norms[1]),
    ]:
        pairs |= {layer.weight: own.weight, layer.bias: own.bias}
    for value, own in pairs.items():
        value.data = own.data
    tokens = torch.rand(2, 7, 8)
    torch.testing.assert_close(ours(tokens, tokens), theirs(tokens), rtol=1e-5, atol=1e-5)


def test_the_loss_sums_over_known_labels_that_are_not_shown(monkeypatch):
    model, inputs = model_of(label_space(4)), batch(images=3, labels=4) | {"image": grid(3, 6)}
    inputs["known"] = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]).bool()
    drawn = torch.tensor([[1, 0, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1]]).bool()
    monkeypatch.setattr(c_tran, "chosen", lambda known, most: drawn)
    first = 2 if inputs["target"][0, 0] else 1
    states = torch.tensor([[first, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    scores = model.scores(inputs["image"], states)
    slow = 0
    for image, label in [(0, 1), (0, 2), (1, 0), (1, 1)]:
        sign = 1 if inputs["target"][image, label] else -1
        slow = slow + torch.log(1 + torch.exp(-sign * scores[image, label]))
    agree(model, model.loss(inputs), slow)


def test_every_number_of_shown_labels_and_every_label_is_equally_likely():
    shown = c_tran.chosen(torch.ones(8000, 6, dtype=torch.bool), 4)
    frequency = torch.bincount(shown.sum(1), minlength=7) / 8000
    expected = torch.tensor([0.2] * 5 + [0.0] * 2)
    torch.testing.assert_close(frequency, expected, rtol=0, atol=0.02)
    torch.testing.assert_close(shown.float().mean(0), torch.full((6,), 1 / 3), rtol=0, atol=0.02)


def test_the_only_label_is_never_shown():
    assert not c_tran.chosen(torch.ones(50, 1, dtype=torch.bool), int(0.75 * 1)).any()


def test_shown_labels_change_the_scores_of_the_others():
    model, features = model_of(label_space(3)), grid(1, 6)
    no, yes = (model.scores(features, torch.tensor([[state, 0, 0]])) for state in (1, 2))
    assert (no - yes)[0, 1:].abs().max() > 1e-4


def test_there_is_no_dropout_when_testing():
    model, inputs = model_of(label_space(3), dropout=0.5), {"image": grid(2, 6)}
    assert not torch.equal(model.train()(inputs), model(inputs))
    assert torch.equal(model.eval()(inputs), model(inputs))


def test_scores_follow_the_labels():
    labels = label_space(5)
    follow_labels(model_of(labels), model_of(labels), OWN, grid(3, 6))


def test_a_width_that_is_not_a_multiple_of_the_heads_is_refused():
    with pytest.raises(ValueError, match="width is 4; its 3 heads need a multiple of 3"):
        model_of(label_space(3), width=4, heads=3)


def test_mixed_precision_learns():
    survive_mixed_precision(build("c_tran"), batch())
