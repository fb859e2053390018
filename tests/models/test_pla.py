"""PLA against a calculation by hand, and its alignment, its sweeps and its stages."""

import itertools

import numpy as np
import parity_cases as parity
import pytest
import torch
from conftest import batch, begin, build
from literal_cases import Given, survive_mixed_precision
from references import pla as slow

from labelgraph.models.pla import alignment, pla
from labelgraph.models.pla.sweep import LEAST, UPDATES, Sweep
from labelgraph.predict import inference

LABELS, STATE, END = 6, 5, 6
SETTINGS = {"hidden": STATE, "attention": 4, "words": 3, "dropout": 0.5, "steps": 8}
SETTINGS |= {"alignment": "pla", "probe": 0, "start": 100}
BY_HAND = {"attention.cell": "attend_cell", "attention.state": "attend_state"}
BY_HAND |= {"attention.energy": "attend_score", "gate": "gate", "output": "output", "cell": "lstm"}


def model_of(seed=0, scale=1.0, **changes):
    """The output's weights are large, so that images get different symbols."""
    model = pla.build(parity.double_labels(LABELS), Given(7), **SETTINGS | changes).double()
    draw = torch.Generator().manual_seed(seed)
    for name, value in model.decoder.named_parameters():
        size = 4 * scale if name.startswith("output") else scale
        value.data = size * torch.randn(value.shape, generator=draw, dtype=torch.double)
    return model.eval()


def weights_of(model):
    """By the names of the calculation by hand."""
    own = {name: value.numpy() for name, value in model.decoder.state_dict().items()}
    found = {"embedding": own["words.weight"]}
    for kind in ("weight", "bias"):
        found[f"first_h.{kind}"], found[f"first_c.{kind}"] = np.split(own[f"first.{kind}"], 2)
    for name, other in BY_HAND.items():
        parts = {key: value for key, value in own.items() if key.startswith(f"{name}.")}
        found |= {key.replace(name, other, 1): value for key, value in parts.items()}
    return found


def example():
    inputs = parity.inputs(parity.features(8, 7).detach() - 0.5, parity.targets(8, LABELS))
    inputs["target"][0] = 0  # no label, and all of them
    inputs["target"][1] = 1
    return inputs


def by_hand(model, inputs, name, steps):
    settings = {"steps": steps, "alignment": name, "order": model.rank.argsort().tolist()}
    weights, given = weights_of(model), (inputs["image"].numpy(), inputs["target"].numpy())
    return (
        slow.logits(weights, given[0], settings),
        slow.emitted_sets(weights, given[0], settings),
        slow.loss(weights, *given, settings),
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [7, 9])
@pytest.mark.parametrize(("kind", "name"), [("pla", "pla"), ("mla", "mla"), ("fixed", "teacher")])
def test_scores_sets_and_losses_are_those_by_hand(kind, name, steps, seed):
    model, inputs = model_of(seed, alignment=kind, steps=steps), example()
    logits, sets, loss = by_hand(model, inputs, name, steps)
    with torch.no_grad():
        np.testing.assert_allclose(model(inputs).numpy(), logits, rtol=1e-9, atol=1e-9)
        assert model.loss(inputs).item() == pytest.approx(loss, rel=1e-9)
        assert np.array_equal(model.named_at(inputs).numpy() > 0, sets > 0)


def test_the_cases_have_all_branches():
    losses, sets = [], []
    for seed, kind in itertools.product(range(3), alignment.ALIGNMENTS):
        model = model_of(seed, alignment=kind)
        losses.append(model.loss(example()).item())
        sets += model.named_at(example()).tolist()
    assert len({round(value, 6) for value in losses}) >= 8
    assert {sum(place > 0 for place in row) for row in sets} >= {1, 2, 3}


def log_of(*rows):
    return torch.tensor(rows).log()[None]


def test_a_label_that_was_named_stays_there_and_the_others_are_assigned():
    #                 labels 0, 1, 2, END
    log = log_of([0.1, 0.2, 0.6, 0.1], [0.5, 0.3, 0.1, 0.1], [0.4, 0.1, 0.4, 0.1], [0.1] * 4)
    asked = torch.tensor([[0, 1, 2, 3]])
    found = {}
    for kind in ("pla", "mla"):
        for chosen in ([2, 3, 3, 3], [0, 0, 1, 3], [3, 3, 3, 2]):
            order = alignment.aligned(log, asked, torch.tensor([chosen]), kind)
            found[kind, chosen[0]] = order[0].tolist()
    cheapest = [2, 1, 0, 3]  # 0.6 * 0.3 * 0.4
    assert found["mla", 2] == found["mla", 0] == found["mla", 3] == cheapest
    assert found["pla", 2] == [2, 1, 0, 3]
    assert found["pla", 0] == [0, 2, 1, 3], "1 at step 3, 0 where it was named first"
    assert found["pla", 3] == cheapest, "a label that was named after the last asked one is free"


def test_the_alignment_is_the_cheapest_of_all_orders():
    draw = torch.Generator().manual_seed(2)
    log = torch.randn(5, 5, 5, generator=draw).log_softmax(2)
    asked = torch.tensor(
        [[0, 1, 2, 3, 4], [1, 3, 4, 4, 4], [2, 4, 4, 4, 4], [4] * 5, [0, 1, 2, 3, 4]]
    )
    found = alignment.aligned(log, asked, torch.full((5, 5), 4), "mla")
    for image, row in enumerate(asked.tolist()):
        labels = [label for label in row if label < 4]
        costs = {
            order: -sum(log[image, step, label].item() for step, label in enumerate(order))
            for order in itertools.permutations(labels)
        }
        assert tuple(found[image, : len(labels)].tolist()) == min(costs, key=costs.get)
        assert found[image, len(labels) :].eq(4).all(), "END keeps its place"


def test_with_more_labels_than_steps_the_most_frequent_are_asked_for():
    model = model_of(steps=3)
    asked = model.asked(torch.ones(1, LABELS, dtype=torch.bool))
    assert asked.tolist() == [model.rank.argsort()[:3].tolist()]
    assert model.loss(example()).isfinite()


def test_each_step_reads_what_the_network_named_and_only_teacher_forcing_the_truth():
    changed = torch.zeros(8, LABELS).double()
    for kind in ("pla", "fixed"):
        model, inputs = model_of(alignment=kind), example()
        seen = []
        model.decoder.register_forward_hook(lambda part, given, out, seen=seen: seen.append(out[0]))
        model.loss(inputs), model.loss(inputs | {"target": changed})
        assert torch.equal(*seen) == (kind == "pla")


def test_sweeps_are_those_of_an_optimizer_with_swept_rates():
    """The same weights as with the rate of each update, and the mean of each fourth."""
    one, other = torch.nn.Linear(3, 2).double(), torch.nn.Linear(3, 2).double()
    other.load_state_dict(one.state_dict())
    sweep = Sweep(one).double()
    fast = torch.optim.AdamW(one.parameters(), 0.1, weight_decay=0.3)
    swept = torch.optim.AdamW(other.parameters(), 0.1, weight_decay=0.3)
    means = []
    for update in range(2 * UPDATES + 1):
        x = torch.rand(4, 3, dtype=torch.double)
        sweep.begin(one)
        share = 1 - (1 - LEAST) * (update % UPDATES) / (UPDATES - 1)
        swept.param_groups[0]["lr"] = 0.1 * share
        for part, optimizer in ((one, fast), (other, swept)):
            optimizer.zero_grad()
            part(x).square().sum().backward()
            optimizer.step()
        sweep.finish(one)
        sweep.finish(one)  # does nothing
        torch.testing.assert_close(one.weight, other.weight, rtol=1e-5, atol=1e-7)
        if update % UPDATES == UPDATES - 1:
            means.append(other.weight.detach().clone())
            expected = torch.stack(means).mean(0)
            torch.testing.assert_close(sweep.average(one)["weight"], expected, rtol=1e-5, atol=1e-7)
    assert int(sweep.averaged) == len(means) == 2
    sweep.adopt(one)
    torch.testing.assert_close(one.weight, torch.stack(means).mean(0), rtol=1e-5, atol=1e-7)


def learn(model, inputs, epoch, updates):
    begin(model, epoch, inputs)
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    for _ in range(updates):
        optimizer.zero_grad()
        model.loss(inputs).backward()
        optimizer.step()
    return {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}


class Learning(Given):
    """An encoder that learns."""

    def __init__(self, width):
        super().__init__(width)
        self.layer = torch.nn.Conv2d(width, width, 1, dtype=torch.double)

    def forward(self, image):
        return self.layer(image)


def test_each_stage_teaches_its_parts_and_scores_come_from_the_mean_until_the_last():
    torch.manual_seed(0)
    model = pla.build(
        parity.double_labels(LABELS), Learning(7), **SETTINGS | {"probe": 1, "start": 2}
    ).double()
    inputs = example()
    assert learn(model, inputs, 0, 1) == {"encoder", "probe"}
    model.zero_grad()
    assert learn(model, inputs, 1, UPDATES) == {"encoder", "decoder"}
    model.zero_grad()
    swept = model.eval()(inputs)
    assert int(model.sweep.averaged) == 1
    before = {name: value.clone() for name, value in model.decoder.state_dict().items()}
    assert learn(model, inputs, 2, 1) == {"decoder"}
    assert not model.encoder.training
    slope = model.decoder.output.bias.grad
    model.eval()
    moved = model.decoder.output.bias - before["output.bias"]
    torch.testing.assert_close(moved, -0.1 * pla.FINE * slope, rtol=1e-4, atol=1e-9)
    assert not torch.equal(model(inputs), swept)


def test_the_mean_of_the_weights_scores_and_not_the_weights():
    model, inputs = model_of(dropout=0.0), example()
    learn(model, inputs, 0, 2 * UPDATES + 1)
    model.eval()
    with torch.no_grad():
        found = model(inputs)
        plain = model_of(dropout=0.0)
        for value, mean in zip(plain.decoder.parameters(), model.sweep.kept("mean"), strict=True):
            value.copy_(mean)
        torch.testing.assert_close(found, plain(inputs))
        model.decoder.output.weight.zero_()
        torch.testing.assert_close(model(inputs), found)


def test_dropout_changes_the_training_alone():
    model, inputs = model_of(), example()
    assert torch.equal(model(inputs), model(inputs))
    inference.rest_frozen(model.train())  # as a training does
    assert not torch.equal(model.decode(inputs["image"])[0], model.decode(inputs["image"])[0])


def test_an_unknown_alignment_is_refused():
    with pytest.raises(ValueError, match=r"alignment is 'best'; it may be one of \('pla', 'mla'"):
        model_of(alignment="best")


def test_mixed_precision_learns():
    model = build("pla")
    begin(model, 40, batch())
    survive_mixed_precision(model, batch())
