"""CNN-RNN against a calculation by hand; its cell, its order and its search."""

import numpy as np
import parity_cases as parity
import pytest
import torch
from conftest import batch, build
from literal_cases import Given, survive_mixed_precision
from references import cnn_rnn as slow

from labelgraph.models import cnn_rnn
from labelgraph.predict import inference

LABELS = 5
SETTINGS = {"words": 4, "hidden": 6, "gates": "logistic", "joint": "relu", "dropout": 0.5}
SETTINGS |= {"paths": 2, "steps": 6}
GATES = ("input_gate", "forget_gate", "output_gate", "candidate")


def model_of(seed=0, **changes):
    model = cnn_rnn.build(parity.double_labels(LABELS), Given(7), **SETTINGS | changes).double()
    draw = torch.Generator().manual_seed(seed)
    for value in model.parameters():  # rather positive: states of 0 have paths of equal probability
        value.data = torch.randn(value.shape, generator=draw, dtype=torch.double) + 0.2
    return model.eval()


def weights_of(model):
    """By the names of the calculation by hand."""
    own = {name: value.detach().numpy() for name, value in model.named_parameters()}
    found = {"embedding": own["words.weight"], "joint_image.weight": own["joint.image.weight"]}
    found["joint_state.weight"] = own["joint.output.weight"]
    for part, name in (("words", "word"), ("state", "state")):
        blocks = np.split(own[f"cell.{part}.weight"], 4)
        found |= {f"{gate}.{name}": block for gate, block in zip(GATES, blocks, strict=True)}
    return found


def example():
    inputs = parity.inputs(parity.features(8, 7).detach() - 0.5, parity.targets(8, LABELS))
    inputs["target"][0] = 0  # no label, and all of them
    inputs["target"][1] = 1
    return inputs


def by_hand(model, inputs, **settings):
    settings |= {"order": model.rank.argsort().tolist(), "steps": model.steps, "beam": model.paths}
    weights, image = weights_of(model), inputs["image"].numpy()
    return (
        slow.logits(weights, image, settings),
        slow.emitted_sets(weights, image, settings),
        slow.loss(weights, image, inputs["target"].numpy(), settings),
    )


@pytest.mark.parametrize(
    ("gates", "joint", "paths", "steps"),
    [
        ("logistic", "relu", 2, 6),
        ("relu", "identity", 3, 3),
        ("logistic", "tanh", 1, 6),
        ("logistic", "identity", 4, 1),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_scores_sets_and_losses_are_those_by_hand(gates, joint, paths, steps, seed):
    model = model_of(seed, gates=gates, joint=joint, paths=paths, steps=steps)
    inputs = example()
    logits, sets, loss = by_hand(model, inputs, gates=gates, psi=joint)
    with torch.no_grad():
        np.testing.assert_allclose(model(inputs).numpy(), logits, rtol=1e-9, atol=1e-9)
        assert np.array_equal(model.named_at(inputs).numpy() > 0, sets > 0)
        assert model.loss(inputs).item() == pytest.approx(loss, rel=1e-9)


def test_a_beam_finds_other_sets_than_greedy_search():
    inputs = example()
    found = [
        torch.stack([model_of(seed, paths=paths).named_at(inputs) for seed in range(4)])
        for paths in (1, 3)
    ]
    assert not torch.equal(*found)


def test_the_cell_is_the_printed_one_and_not_an_lstm():
    cell = cnn_rnn.Cell(3, 2, "logistic")
    words, state = torch.rand(3), torch.rand(2)
    of_words, of_state = cell.words.weight.split(2), cell.state.weight.split(2)
    enter, forget, leave, candidate = (
        a @ words + b @ state for a, b in zip(of_words, of_state, strict=True)
    )
    new = forget.sigmoid() * state + enter.sigmoid() * candidate.relu()
    output, kept = cell(words, state)
    torch.testing.assert_close(kept, new)
    torch.testing.assert_close(output, new * leave.sigmoid())


def test_no_path_names_a_label_twice():
    found = model_of(steps=6).named_at(example())
    for row in found.tolist():
        steps = sorted(place for place in row if place)
        assert steps == list(range(1, len(steps) + 1))


def test_the_table_of_vectors_scores_and_is_read():
    model, inputs = model_of(), example()
    model.loss(inputs).backward()
    assert model.words.weight.grad.any(1).all()
    names = {name for name, _ in model.named_parameters()}
    assert names == {
        *("words.weight", "joint.image.weight", "joint.output.weight"),
        *("cell.words.weight", "cell.state.weight"),
    }


def test_dropout_changes_the_training_alone():
    model, inputs = model_of(), example()
    assert torch.equal(model.loss(inputs), model.loss(inputs))
    inference.rest_frozen(model.train())  # as a training does
    assert not torch.equal(model.loss(inputs), model.loss(inputs))


@pytest.mark.parametrize(("name", "value"), [("gates", "hard"), ("joint", "sum")])
def test_unknown_bends_are_refused(name, value):
    with pytest.raises(ValueError, match=f"cnn_rnn {name} is '{value}'; it may be one of"):
        model_of(**{name: value})


def test_mixed_precision_learns():
    survive_mixed_precision(build("cnn_rnn"), batch())
