"""Order-Free RNN against a calculation by hand; its order, its stops and what a step reads."""

import numpy as np
import parity_cases as parity
import pytest
import torch
from conftest import batch, begin, build
from literal_cases import Given, survive_mixed_precision
from references import order_free_rnn as slow

from labelgraph.models import order_free_rnn
from labelgraph.parts.losses import soft_margin

LABELS = 5
SETTINGS = {"hidden": 6, "attention": 4, "stop": "threshold", "threshold": 0.5}
SETTINGS |= {"fed": "probabilities", "paths": 2, "steps": 6, "start": 0}
BY_HAND = {"first": "preliminary", "decoder.output": "prediction", "decoder.cell": "lstm"}
BY_HAND |= {"decoder.attention.cell": "attention_cell", "decoder.attention.energy": "attention"}
BY_HAND |= {"decoder.attention.state": "attention_state"}


def model_of(seed=0, **changes):
    labels = parity.double_labels(LABELS)
    model = order_free_rnn.build(labels, Given(7), **SETTINGS | changes).double()
    draw = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        size = 3 if "output" in name else 1
        value.data = size * torch.randn(value.shape, generator=draw, dtype=torch.double)
    return model.eval()


def weights_of(model):
    """By the names of the calculation by hand."""
    found = {}
    for name, value in model.named_parameters():
        part, kind = name.rsplit(".", 1)
        found[f"{BY_HAND[part]}.{kind}"] = value.detach().numpy()
    return found


def example(hidden=False):
    """The first image has no label, the second all of them; perhaps two of each are unknown."""
    inputs = parity.inputs(parity.features(8, 7).detach() - 0.5, parity.targets(8, LABELS))
    inputs["target"][0] = 0
    inputs["target"][1] = 1
    if hidden:
        order = torch.rand(8, LABELS, generator=torch.Generator().manual_seed(1)).argsort(1)
        inputs["known"] = order >= 2
    return inputs


def by_hand(model, inputs, stop, threshold):
    settings = {"beam": model.paths, "steps": model.steps, "over_labels": "known"}
    settings |= {"reading": "R1" if stop == "end" else "R2", "threshold": threshold}
    weights, image = weights_of(model), inputs["image"].numpy()
    target, known = inputs["target"].numpy(), inputs["known"].numpy()
    return (
        slow.logits(weights, image, settings),
        [names for names, _, _ in slow.decode(weights, image, settings)],
        slow.loss(weights, image, target, known, settings),
    )


def paths(model, inputs):
    """The labels of each image in the order in which they are named."""
    found = model.named_at(inputs).tolist()
    return [sorted((k for k in range(LABELS) if row[k]), key=lambda k: row[k]) for row in found]


CASES = {
    "greedy": {"paths": 1},
    "two paths": {"paths": 2},
    "high threshold": {"paths": 3, "threshold": 0.7, "steps": 5},
    "few steps": {"paths": 3, "threshold": 0.3, "steps": 3},
    "end, greedy": {"stop": "end", "paths": 1},
    "end, two paths": {"stop": "end", "paths": 2},
    "end, few steps": {"stop": "end", "paths": 3, "steps": 2},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_scores_sets_and_losses_are_those_by_hand(case, seed):
    model, inputs = model_of(seed, **CASES[case]), example(hidden=seed > 0)
    chosen = SETTINGS | CASES[case]
    logits, sets, loss = by_hand(model, inputs, chosen["stop"], chosen["threshold"])
    with torch.no_grad():
        np.testing.assert_allclose(model(inputs).numpy(), logits, rtol=1e-9, atol=1e-9)
        assert paths(model, inputs) == sets
        assert model.loss(inputs).item() == pytest.approx(loss, rel=1e-9)


def told(model, inputs):
    """What the decoder keeps after each step of a training, the part that the next one reads."""
    seen = []
    model.decoder.register_forward_hook(lambda part, given, out: seen.append(given[2][:, -LABELS:]))
    model.loss(inputs)
    return seen


@pytest.mark.parametrize("stop", order_free_rnn.STOPS)
def test_a_step_reads_the_probabilities_of_the_one_before_or_the_label_that_was_asked_for(stop):
    inputs = example()
    for fed in order_free_rnn.FED:
        read = told(model_of(stop=stop, fed=fed), inputs)
        model, other = model_of(stop=stop, fed=fed), torch.zeros(8, LABELS).double()
        assert len(read) == LABELS + 1, "a step for each label, and one for none"
        first = model.first(inputs["image"].mean((2, 3))).sigmoid()
        torch.testing.assert_close(read[0], first, rtol=0, atol=0)
        without = told(model, inputs | {"target": other})
        assert len(without) == 1
        if fed == "labels":
            assert torch.stack(read[1:])[:, 1].sum(0).eq(1).all(), "each label of the second image"
            assert torch.stack(read[1:])[:, 0].eq(0).all()
        else:
            assert read[1].min() > 0


def test_with_labels_fed_a_greedy_search_is_a_loop():
    model, inputs = model_of(1, fed="labels", paths=1), example()
    cells = inputs["image"].flatten(2).mT
    keys = model.decoder.attention.keys(cells)
    found = model.named_at(inputs)
    for image in range(8):
        here = slice(image, image + 1)
        kept = model.decoder.begin(model.first(cells[here].mean(1)).sigmoid())
        names, highest = [], torch.full((LABELS,), -np.inf).double()
        while True:
            scores, kept = model.decoder(cells[here], keys[here], kept)
            highest = torch.maximum(highest, scores[0])
            left = {k: v for k, v in enumerate(scores[0].tolist()) if k not in names}
            if not left or max(left.values()) < 0:
                break
            names.append(max(left, key=left.get))
            label = torch.arange(LABELS)[None] == names[-1]
            kept = model.decoder.reading(kept, label)
        assert paths(model, inputs)[image] == names
        torch.testing.assert_close(model(inputs)[image], highest)
    assert found.max() >= 2


def test_what_is_fed_changes_scores_and_losses():
    inputs = example()
    one, other = model_of(fed="probabilities"), model_of(fed="labels")
    assert not torch.equal(one(inputs), other(inputs))
    assert not torch.equal(one.loss(inputs), other.loss(inputs))


@pytest.mark.parametrize("stop", order_free_rnn.STOPS)
def test_a_loss_is_the_mean_of_images_that_end_at_different_steps(stop):
    model, inputs = model_of(stop=stop), example()
    alone = [
        model.loss({key: value[k : k + 1] for key, value in inputs.items()}).item()
        for k in range(8)
    ]
    assert model.loss(inputs).item() == pytest.approx(np.mean(alone), rel=1e-12)


@pytest.mark.parametrize("stop", order_free_rnn.STOPS)
def test_no_order_of_the_labels_is_preset(stop):
    """Labels in another order, with their weights: the same loss."""
    order = torch.tensor([3, 0, 4, 1, 2])
    model, other, inputs = model_of(stop=stop), model_of(stop=stop), example(hidden=True)
    outputs = torch.cat([order, torch.tensor([LABELS])]) if stop == "end" else order
    with torch.no_grad():
        for name in ("weight", "bias"):
            getattr(other.first, name).copy_(getattr(model.first, name)[order])
            getattr(other.decoder.output, name).copy_(getattr(model.decoder.output, name)[outputs])
        other.decoder.cell.weight_ih[:, :LABELS] = model.decoder.cell.weight_ih[:, order]
    moved = inputs | {key: inputs[key][:, order] for key in ("target", "known")}
    torch.testing.assert_close(other.loss(moved), model.loss(inputs))
    torch.testing.assert_close(other(moved), model(inputs)[:, order])


def test_a_higher_threshold_names_fewer_labels():
    inputs = example()
    counts = [
        (model_of(seed=2, threshold=least, paths=1).named_at(inputs) > 0).sum().item()
        for least in (0.1, 0.5, 0.9, 0.999)
    ]
    assert counts == sorted(counts, reverse=True)
    assert len({*counts}) >= 3


def test_where_no_label_is_probable_none_is_named_and_the_first_step_scores():
    model, inputs = model_of(), example()
    model.decoder.output.bias.data -= 1000.0
    assert not model.named_at(inputs).any()
    kept = model.decoder.begin(model.first(inputs["image"].mean((2, 3))).sigmoid())
    cells = inputs["image"].flatten(2).mT
    scores, _ = model.decoder(cells, model.decoder.attention.keys(cells), kept)
    torch.testing.assert_close(model(inputs), scores)


def test_the_first_probabilities_learn_alone_before_epoch_start():
    model, inputs = model_of(start=2), example()
    for epoch in (1, 2):
        begin(model, epoch, inputs)
        model.zero_grad()
        loss = model.loss(inputs)
        loss.backward()
        first = model.first(inputs["image"].mean((2, 3)))
        alone = soft_margin(first, inputs["target"], inputs["known"])
        assert (loss.item() == alone.item()) == (epoch < 2)
        assert (model.decoder.output.bias.grad is None) == (epoch < 2)


@pytest.mark.parametrize(("name", "value"), [("stop", "best"), ("fed", "words")])
def test_unknown_choices_are_refused(name, value):
    with pytest.raises(ValueError, match=f"order_free_rnn {name} is '{value}'; it may be one of"):
        model_of(**{name: value})


@pytest.mark.parametrize("variant", ["", "end", "labels"])
def test_mixed_precision_learns(variant):
    model = build("order_free_rnn", variant=variant)
    begin(model, 10, batch())
    survive_mixed_precision(model, batch())
