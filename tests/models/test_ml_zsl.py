"""ML-ZSL against its equations, edge by edge, and what WordNet relates."""

from dataclasses import replace

import numpy as np
import parity_cases as parity
import pytest
import torch
from conftest import batch, label_space
from literal_cases import Given, follow_labels, grid, stir, survive_mixed_precision
from references import ml_zsl as slow

from labelgraph.models import ml_zsl

NAMES = ("animal", "dog", "cat", "fire hydrant", "unheard of")
SETTINGS = {"size": 3, "steps": 2, "hidden": 6, "relation_hidden": 4, "score_hidden": 5}
SETTINGS |= {"alike": 0.75, "apart": 0.45}
KINDS = [[0, 1, 1, 3, 0], [1, 0, 2, 3, 0], [1, 2, 0, 3, 0], [3, 3, 3, 0, 0], [0, 0, 0, 0, 0]]


def space(names=NAMES):
    return replace(label_space(len(names)), names=names)


def model_of(names=NAMES, **changes):
    return stir(ml_zsl.build(space(names), Given(6), **SETTINGS | changes))


def weights_of(model):
    """By the reference's names."""
    own = {name: value.detach().double().numpy() for name, value in model.named_parameters()}
    found = {
        "initial.image.weight": own["image.weight"],
        "initial.bias": own["image.bias"],
        "initial.words.weight": own["words.weight"],
    }
    for kind in ("weight", "bias"):
        found[f"initial.output.{kind}"] = own[f"belief.{kind}"]
        found[f"score.hidden.{kind}"] = own[f"score.{kind}"]
        found[f"score.output.{kind}"] = own[f"output.{kind}"]
        if not model.steps:
            continue
        for place, part in enumerate(np.split(own[f"relations.hidden.{kind}"], 3), 1):
            found[f"relation.{place}.hidden.{kind}"] = part
        for place, part in enumerate(own[f"relations.output.{kind}"], 1):
            found[f"relation.{place}.output.{kind}"] = part.reshape(
                (1, -1) if kind == "weight" else (1,)
            )
    if model.steps:
        gates = ("update", "reset", "candidate")
        states = [*np.split(own["gates.state.weight"], 2), own["gates.candidate.weight"]]
        for place, gate in enumerate(gates):
            found[f"gate.{gate}.message.weight"] = np.split(own["gates.message.weight"], 3)[place]
            found[f"gate.{gate}.bias"] = np.split(own["gates.message.bias"], 3)[place]
            found[f"gate.{gate}.state.weight"] = states[place]
    return found


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_scores_and_loss_are_those_of_the_equations(steps):
    model = model_of(steps=steps).double()
    inputs = batch(images=3, labels=5) | {"image": grid(3, 6).double()}
    inputs["target"] = inputs["target"].double()
    kinds = np.array(KINDS) * bool(steps)
    given = (weights_of(model), inputs["image"].numpy(), model.vectors.numpy(), kinds)
    close = {"rtol": parity.TOLERANCE, "atol": parity.TOLERANCE}
    expected = torch.from_numpy(slow.logits(*given, steps))
    torch.testing.assert_close(model(inputs), expected, **close)
    seen, known = np.ones(5, bool), inputs["known"].numpy()
    loss = slow.loss(*given, steps, inputs["target"].numpy(), known, seen)
    torch.testing.assert_close(model.loss(inputs).item(), loss, **close)
    assert expected.std() > 1e-3


def test_edges_are_those_of_wordnet():
    assert ml_zsl.kinds(NAMES, 0.75, 0.45).tolist() == KINDS


def test_a_weight_depends_on_which_label_listens():
    graph = model_of().relations()
    assert ((graph != 0) == torch.tensor(KINDS).bool()).all()
    assert (graph - graph.T)[torch.tensor(KINDS).bool()].abs().min() > 1e-4


def test_without_steps_each_label_is_scored_alone():
    few, image = ("dog", "cat"), grid(2, 6)
    model = model_of(few, steps=0)
    alone = model_of(few[:1], steps=0)
    alone.load_state_dict(model.state_dict() | {"vectors": model.vectors[:1]}, strict=False)
    torch.testing.assert_close(alone({"image": image}), model({"image": image})[:, :1])


def test_a_label_without_edges_changes_no_other():
    model, image = model_of(), grid(2, 6)
    other = model_of(NAMES[:4])
    state = {name: value for name, value in model.state_dict().items() if "edges" not in name}
    state["vectors"] = model.vectors[:4]
    other.load_state_dict(state, strict=False)
    other.relations.vectors = model.vectors[:4]
    torch.testing.assert_close(other({"image": image}), model({"image": image})[:, :4])


def test_a_label_that_nobody_knows_teaches_through_its_neighbours_alone():
    model, inputs = model_of(), batch(images=4, labels=5) | {"image": grid(4, 6)}
    inputs["known"][:, 1] = False  # dog
    changed = inputs | {"target": inputs["target"].clone()}
    changed["target"][:, 1] = 1 - changed["target"][:, 1]
    assert model.loss(inputs) == model.loss(changed)
    model.relations.edges = model.relations.edges[:, model.relations.edges[1] != 1]
    assert model.loss(inputs) != model.loss(changed | {"image": grid(4, 6) + 1})


def test_scores_follow_the_labels():
    names, order = NAMES, [3, 0, 4, 1, 2]
    model = model_of(names)
    other = ml_zsl.build(
        replace(
            space(tuple(names[k] for k in order)),
            vectors=model.vectors[torch.tensor(order)].clone(),
        ),
        Given(6),
        **SETTINGS,
    )
    follow_labels(model, other, {}, grid(3, 6))


def test_mixed_precision_learns():
    inputs = batch(images=4, labels=5) | {"image": grid(4, 6)}
    survive_mixed_precision(model_of(), inputs)
