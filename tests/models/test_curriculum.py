"""Curriculum labelling: which labels are filled in, and what is learnt from them."""

import itertools
from dataclasses import replace

import pytest
import torch
from conftest import label_space
from literal_cases import Given, agree, stir

from labelgraph.models import curriculum, partial_bce

PROPORTION = [-4.45, 5.45, 1.0]
NO = curriculum.NOTHING
# Three images, three labels: logits, how uncertain each is, and which are not known.
LOGITS = torch.tensor([[3.0, -2.5, 0.5], [-1.0, 6.0, -4.0], [2.0, -0.1, 0.2]])
VARIANCE = torch.tensor([[0.5, 0.1, 0.2], [0.9, 0.05, 0.3], [0.31, 0.29, 0.0]])
UNKNOWN = torch.tensor([[1, 1, 1], [0, 1, 1], [1, 1, 0]]) > 0
FILLED = {  # what each strategy fills in, without known entries
    ("high", 2.2): [[1, 0, NO], [NO, 1, 0], [NO, NO, NO]],
    ("most", 0.6): [[1, 0, NO], [NO, 1, 0], [NO, NO, NO]],  # 4 of 7
    ("positive", 2.5): [[1, NO, NO], [NO, 1, NO], [NO, NO, NO]],
    ("steady", 0.3): [[NO, 0, 1], [NO, 1, NO], [NO, 0, NO]],
}


def model_of(strategy="high", level=2.0, members=1, drop=0.0, labels=3, images=3, rounds=(1,)):
    space = replace(label_space(labels), images=images)
    settings = {"strategy": strategy, "level": level, "rounds": [*rounds], "members": members}
    network = {"pooling": "average", "proportion": PROPORTION, "dropout": drop}
    return stir(curriculum.build(space, Given(4), **settings, **network))


def given(images=3, labels=3, known=None):
    draw = torch.Generator().manual_seed(1)
    return {
        "image": torch.rand(images, 4, 2, 3, generator=draw),
        "target": (torch.rand(images, labels, generator=draw) < 0.5).float(),
        "known": torch.zeros(images, labels, dtype=torch.bool) if known is None else known,
        "place": torch.arange(images),
    }


def start(model, epoch, *batches):
    with torch.no_grad():
        model.eval().start_epoch(epoch, 1, iter(batches))


@pytest.mark.parametrize(("strategy", "level"), FILLED)
def test_filled_in_labels_by_hand(strategy, level):
    chosen = curriculum.STRATEGIES[strategy](LOGITS, VARIANCE, UNKNOWN, level) & UNKNOWN
    found = torch.where(chosen, (LOGITS > 0).int(), NO)
    assert found.tolist() == FILLED[strategy, level]


def test_the_network_fills_in_only_unknown_labels_before_its_rounds():
    model, inputs = model_of(level=0.2, rounds=(1, 3)), given(known=~UNKNOWN)
    start(model, 0, inputs)
    assert (model.filled == NO).all()
    part = {key: value[:2] for key, value in inputs.items()}
    rest = {key: value[2:] for key, value in inputs.items()}
    start(model, 1, rest, part)  # the order of images does not matter
    scores = model(inputs)
    expected = torch.where(UNKNOWN & (scores.abs() > 0.2), (scores > 0).int(), NO)
    assert model.filled.tolist() == expected.tolist()
    assert 0 < (model.filled != NO).sum() < UNKNOWN.sum()
    before = model.filled.clone()
    with torch.no_grad():
        model.classifier.bias += 5  # everything is a yes now
    start(model, 2, inputs)
    assert torch.equal(model.filled, before)
    start(model, 3, inputs)
    assert model.filled.tolist() == torch.where(UNKNOWN, 1, NO).tolist()


def test_the_loss_treats_filled_in_labels_as_known():
    model, inputs = model_of(), given(known=~UNKNOWN)
    model.filled.copy_(torch.tensor(FILLED["high", 2.2]))
    total = 0
    for image in range(3):
        pooled = inputs["image"][image].flatten(1).mean(1)
        found = []
        for label in range(3):
            shown = torch.sigmoid(
                model.classifier.weight[label] @ pooled + model.classifier.bias[label]
            )
            say = (
                inputs["target"][image, label]
                if not UNKNOWN[image, label]
                else model.filled[image, label]
            )
            if say != NO:
                found.append(-torch.log(shown if say == 1 else 1 - shown))
        total = total + (-4.45 * len(found) / 3 + 5.45) / 3 * sum(found, torch.zeros(()))
    agree(model, model.loss(inputs), total / 3)


def test_before_its_first_round_it_is_partial_bce():
    model, inputs = model_of(), given(known=~UNKNOWN)
    plain = partial_bce.build(
        label_space(3), Given(4), pooling="average", normalisation="image", proportion=PROPORTION
    )
    plain.load_state_dict(
        {key: value for key, value in model.state_dict().items() if key != "filled"}
    )
    torch.testing.assert_close(model.loss(inputs), plain.loss(inputs), rtol=0, atol=0)


def test_the_variance_is_that_over_every_possible_dropout():
    model, drop = model_of("steady", 0.3, drop=0.25), 0.25
    pooled = torch.tensor([0.3, 1.2, 0.0, 0.7])
    weight, bias = model.classifier.weight, model.classifier.bias
    mean, square = 0, 0
    for kept in itertools.product([0, 1], repeat=4):
        chance = (1 - drop) ** sum(kept) * drop ** (4 - sum(kept))
        logits = weight @ (pooled * torch.tensor(kept) / (1 - drop)) + bias
        mean, square = mean + chance * logits, square + chance * logits.square()
    torch.testing.assert_close(model.variance(pooled[None])[0], square - mean.square())
    torch.testing.assert_close(model.eval().scores(pooled[None])[0, 0], mean)


def test_an_ensemble_uses_the_mean_of_its_members():
    model, inputs = model_of(members=3), given()
    each = model.scores(model.pooled(inputs["image"]))  # (B, M, C)
    assert each.std(1).min() > 1e-3
    torch.testing.assert_close(model(inputs), each.sum(1) / 3)
    losses = []
    for member in range(3):
        alone = model_of()
        with torch.no_grad():
            alone.classifier.weight.copy_(model.classifier.weight[3 * member : 3 * member + 3])
            alone.classifier.bias.copy_(model.classifier.bias[3 * member : 3 * member + 3])
        losses.append(alone.loss(inputs | {"known": ~UNKNOWN}))
    torch.testing.assert_close(model.loss(inputs | {"known": ~UNKNOWN}), sum(losses) / 3)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [("low", r"strategy is 'low'; it may be \['high'"), ("steady", "needs dropout above 0")],
)
def test_an_impossible_strategy_is_named(strategy, message):
    with pytest.raises(ValueError, match=message):
        model_of(strategy)
