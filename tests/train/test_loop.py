"""The loop: it learns, stops with a reason, and a killed training ends in the same weights."""

import numpy as np
import pytest
import torch
from conftest import ROOT, WIDTH, assert_same
from torch import nn

from labelgraph.encoders.encoder import Cached
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.parts import convex
from labelgraph.parts.pooledlinear import ConvexLinear
from labelgraph.study.settings import Train
from labelgraph.train.checkpoint import Checkpoint
from labelgraph.train.loop import Examples, Training
from labelgraph.train.optimizer import optimizer, rate

DEFAULTS = read_yaml(ROOT / "workflow/config/defaults.yaml")["train"]
IMAGES, LABELS = 12, 3


class Model(nn.Module):
    """Has everything that a checkpoint must restore: weights, statistics, dropout's randomness."""

    def __init__(self):
        super().__init__()
        self.encoder = Cached(WIDTH)
        self.norm = nn.BatchNorm1d(WIDTH)
        self.drop = nn.Dropout(0.3)
        self.output = nn.Linear(WIDTH, LABELS)

    def forward(self, batch):
        return self.output(self.drop(self.norm(self.encoder(batch["image"]).mean((2, 3)))))


class Grids:
    """Features in memory."""

    def __init__(self, grids):
        self.grids = grids

    def batches(self, parts, chance):
        yield from ({"image": self.grids[part]} for part in parts)


def training(**changed):
    torch.manual_seed(3)
    model = Model()
    draw = torch.Generator().manual_seed(4)
    grids = torch.randn(IMAGES, WIDTH, 2, 2, generator=draw)
    target = (torch.rand(IMAGES, LABELS, generator=draw) < 0.5).float()
    known = torch.ones(IMAGES, LABELS, dtype=torch.bool)
    rows = np.arange(IMAGES)
    examples = Examples(
        Grids(grids), target, known, target.numpy().astype(np.int8), rows[:9], rows[9:]
    )
    short = {
        "epochs": 4,
        "batch": 4,
        "schedule": "cosine",
        "clip": 1.0,
        "crops": "none",
        "mirror": "none",
    }
    return Training(model, examples, Train(**DEFAULTS | short | changed), seed=5)


def test_a_few_images_are_memorised(tmp_path):
    learning = training(epochs=60, optimizer="adamw", lr=0.05, select="last")
    learning.model.drop.p = 0.0
    learning.run(Checkpoint(tmp_path))
    assert learning.history[-1]["loss"] < 0.05 < learning.history[0]["loss"]


@pytest.mark.parametrize("changed", [{}, {"optimizer": "adamw", "ema": 0.9}, {"momentum": 0.0}])
@pytest.mark.parametrize("killed", [1, 4, 7])
def test_a_training_killed_at_any_step_ends_in_the_same_weights(tmp_path, changed, killed):
    changed = changed | {"checkpoint_seconds": 0}
    whole = training(**changed)
    expected = whole.run(Checkpoint(tmp_path / "whole"))
    broken, steps = training(**changed), iter(range(100))
    learn = broken.learn

    def learn_until_killed(batch):
        if next(steps) == killed:
            raise KeyboardInterrupt
        return learn(batch)

    broken.learn = learn_until_killed
    with pytest.raises(KeyboardInterrupt):
        broken.run(Checkpoint(tmp_path / "work"))
    torch.manual_seed(99)  # a new process has another state
    resumed = training(**changed)
    assert_same(resumed.run(Checkpoint(tmp_path / "work")), expected)
    assert resumed.history == whole.history


def test_a_training_asked_to_stop_saves_first(tmp_path):
    expected = training().run(Checkpoint(tmp_path / "whole"))
    polite = training()
    learn = polite.learn

    def learn_then_stop(batch):
        polite.ask_to_stop()
        return learn(batch)

    polite.learn = learn_then_stop
    with pytest.raises(SystemExit) as stop:
        polite.run(Checkpoint(tmp_path / "work"))
    assert stop.value.code == 143
    assert_same(training().run(Checkpoint(tmp_path / "work")), expected)


def test_a_broken_loss_stops_the_run_and_says_where():
    broken = training(lr=0.5)
    broken.model.output.weight.data.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match=r"the loss became nan in epoch 1, step 1.*0\.5"):
        broken.run(Checkpoint(ROOT / "nowhere"))


def test_unknown_labels_do_not_change_the_weights(tmp_path):
    first, second = training(), training()
    for learning in (first, second):
        learning.examples.known[:, 0] = False
        learning.model.drop.p = 0.0
    second.examples.target[:, 0] = 1 - second.examples.target[:, 0]
    assert_same(first.run(Checkpoint(tmp_path / "a")), second.run(Checkpoint(tmp_path / "b")))


def test_the_best_epoch_on_tune_is_kept_or_the_last(tmp_path):
    best = training(epochs=6, lr=0.5)
    kept = best.run(Checkpoint(tmp_path / "best"))
    maps = [row["tune_map"] for row in best.history]
    assert maps.index(max(maps)) < 5, "the case should not end in its best epoch"
    last = training(epochs=6, lr=0.5, select="last").run(Checkpoint(tmp_path / "last"))
    assert not torch.equal(kept["output.weight"], last["output.weight"])


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        ("constant", 50, 1.0),
        ("cosine", 0, 1.0),
        ("cosine", 50, 0.5),
        ("step", 19, 1.0),
        ("step", 20, 0.1),
        ("step", 70, 0.01),
        ("onecycle", 0, 1 / 25),
        ("onecycle", 20, 1.0),
    ],
)
def test_rates_by_hand(schedule, step, expected):
    settings = Train(**DEFAULTS | {"schedule": schedule, "epochs": 10, "drop_at": [2, 7]})
    assert rate(settings, step, 100) == pytest.approx(expected)


def test_a_rate_rises_over_its_warm_up():
    settings = Train(**DEFAULTS | {"schedule": "constant", "warm_up": 0.1})
    assert [round(rate(settings, step, 40), 3) for step in range(6)] == [0.2, 0.4, 0.6, 0.8, 1, 1]


def test_encoder_biases_and_norms_have_rates_and_decays_of_their_own():
    model = Model()
    model.encoder.extra = nn.Linear(2, 2)
    rates = {"lr": 0.1, "encoder_lr": 0.01, "weight_decay": 0.5, "decay_all": False}
    settings = Train(**DEFAULTS | rates)
    groups = optimizer(model, settings).param_groups
    found = sorted((group["lr"], group["weight_decay"], len(group["params"])) for group in groups)
    assert found == [(0.01, 0.0, 1), (0.01, 0.5, 1), (0.1, 0.0, 3), (0.1, 0.5, 1)]


def test_mixed_precision_learns_too(tmp_path):
    learning = training(precision="bfloat16", epochs=2)
    learning.run(Checkpoint(tmp_path))
    assert np.isfinite(learning.history[-1]["loss"])


class Plain(ConvexLinear):
    def __init__(self):
        super().__init__(Cached(WIDTH, 0.5), LABELS, "average")


def exact(model):
    """A training on two views, which needs no step of an optimizer."""
    run = training(optimizer="exact", views=["plain", "flip"])
    grids = run.examples.inputs.grids
    views = [grids, grids.flip(3) + 1]
    shown = []

    def batches(parts, view):
        shown.append(view)
        yield from ({"image": views[view or 0][part]} for part in parts)

    run.examples.inputs.batches = batches
    run.model, run.shown, run.views = model, shown, views
    return run


def test_an_exact_fit_solves_the_problem_of_all_views(tmp_path):
    model = Plain()
    run = exact(model)
    model.encoder.measure([run.views[0][:9]])
    kept = run.run(Checkpoint(tmp_path))
    assert run.shown[:4] == [0, 1, 0, 1]  # fit, then tune
    x = [model.pooled(grids).double() for grids in run.views]
    target = run.examples.target.double()

    def entries(rows):
        both = torch.cat([each[rows] for each in x]), torch.cat([target[rows]] * 2)
        return convex.Entries(*both, torch.ones_like(both[1]))

    best = convex.optimum(entries(slice(0, 9)), entries(slice(9, None)))
    torch.testing.assert_close(kept["classifier.weight"], best.weight.float())
    torch.testing.assert_close(kept["classifier.bias"], best.bias.float())
    torch.testing.assert_close(kept["encoder.factor"], model.encoder.factor)
    assert len(run.history) == 1


def test_only_a_linear_layer_is_fitted_exactly(tmp_path):
    with pytest.raises(ValueError, match="exact, and the method has no `solve`"):
        exact(Model()).run(Checkpoint(tmp_path))
