"""What a recipe does to the weights, against its formulas written out, in double precision.

The reference knows the descriptions of the settings (docs/settings.md) and the papers' update
rules; it uses no torch.optim. Both trainings see the same batches; gradients are autograd's.
"""

import copy
import math
from typing import get_args

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn

from labelgraph.encoders import encoder as encoders
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.study.config import read_study, run_of
from labelgraph.study.settings import Train
from labelgraph.train.checkpoint import Checkpoint
from labelgraph.train.loop import Examples, Training

DEFAULTS = read_yaml(ROOT / "workflow/config/defaults.yaml")["train"]
LABELS = 3
CLOSE = 1e-9  # of the largest step that any weight of a tensor takes
LOUD = 400.0  # factor of the loss: gradients are longer than a recipe's `clip`
DECAYED = {"encoder.stages.0.0.weight", "encoder.stages.1.0.weight"}
DECAYED |= {"hidden.weight", "output.weight"}  # neither a bias nor a normalisation's
FROZEN = {"all": [], "last_stage": ["0"], "nothing": ["0", "1"]}  # stages, by `encoder.learns`


class Tiny(nn.Module):
    """Convolutions and linear layers, biases, and both kinds of normalisation; all in doubles."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.norm = nn.LayerNorm(5)
        self.hidden = nn.Linear(5, 6)
        self.output = nn.Linear(6, LABELS)

    def forward(self, batch):
        pooled = self.encoder(batch["image"]).mean((2, 3))
        return self.output(self.hidden(self.norm(pooled)).tanh())

    def loss(self, batch):
        logits = self(batch)
        values = batch["target"] * logits.sigmoid().log() + (1 - batch["target"]) * (
            (-logits).sigmoid().log()
        )
        return -LOUD * (values * batch["known"]).mean()


def stages():
    """No bias before a normalisation: it has no gradient, and Adam would follow its rounding."""
    sizes = ((3, 4), (4, 5))
    return nn.Sequential(
        *(
            nn.Sequential(nn.Conv2d(*size, 1, bias=False), nn.BatchNorm2d(size[1]), nn.Softplus())
            for size in sizes
        )
    )


class Pictures:
    """Pixels in memory."""

    def __init__(self, pixels):
        self.pixels = pixels

    def batches(self, parts, chance):
        yield from ({"image": self.pixels[part]} for part in parts)


@pytest.fixture
def start(monkeypatch):
    """Builds a training of a tiny network in double precision; three batches an epoch."""
    tiny = encoders.Encoder(stages(), 5, *encoders.IMAGENET)
    monkeypatch.setitem(encoders.BUILDERS, "tiny", lambda weights: copy.deepcopy(tiny))

    def begin(settings: Train, learns: str) -> Training:
        torch.manual_seed(3)
        model = Tiny(encoders.build("tiny", None, learns)).double()
        count = 3 * settings.batch
        draw = np.random.default_rng(4)
        pixels = torch.from_numpy(255 * draw.random((count + 4, 3, 2, 3)))
        target = torch.from_numpy(draw.random((count + 4, LABELS)) < 0.4).double()
        known = torch.from_numpy(draw.random((count + 4, LABELS)) < 0.8)
        rows = np.arange(count + 4)
        fit, codes = (rows[:count], target.numpy().astype(np.int8))
        examples = Examples(Pictures(pixels), target, known, codes, fit, rows[count:])
        return Training(model, examples, settings, seed=5)

    return begin


def learned(learning: Training, folder, steps: int, epoch: int = 0, step: int = 0):
    """Runs the loop for some steps, from a place in the training; returns the batches it saw."""
    learning.epoch, learning.step = epoch, step
    learn, seen = learning.learn, []

    def learn_and_note(batch):
        seen.append(batch)
        if len(seen) == steps:
            learning.ask_to_stop()
        return learn(batch)

    learning.learn = learn_and_note
    try:
        learning.run(Checkpoint(folder))
    except SystemExit:
        assert len(seen) == steps
    return seen


def falling(share: float) -> float:
    """From 1 to 0 along half a wave of the cosine."""
    return (1 + math.cos(math.pi * share)) / 2


def one_cycle(settings: Train, epoch: int, share: float) -> float:
    """From 1/25 up to 1 in the first fifth of the steps, then down to 1/10000."""
    low, end = 1 / 25, 1 / 10_000
    if share < 0.2:
        return 1 - (1 - low) * falling(share / 0.2)
    return end + (1 - end) * falling((share - 0.2) / 0.8)


def in_steps(settings: Train, epoch: int, share: float) -> float:
    return settings.drop_by ** sum(epoch >= drop for drop in settings.drop_at)


SCHEDULES = {
    "constant": lambda settings, epoch, share: 1.0,
    "step": in_steps,
    "exponential": lambda settings, epoch, share: settings.drop_by**epoch,
    "cosine": lambda settings, epoch, share: falling(share),
    "onecycle": one_cycle,
}


def factor(settings: Train, done: int) -> float:
    """What both rates are multiplied by in the step after `done` steps; an epoch has three.

    The first n steps, a share `warm_up` of all in whole steps, have 1, 2, … n parts of n + 1.
    """
    steps = 3 * settings.epochs
    rising = min(1.0, (done + 1) / (math.floor(settings.warm_up * steps) + 1))
    return rising * SCHEDULES[settings.schedule](settings, done // 3, done / steps)


class ByHand:
    """The recipe as formulas, for one weight at a time."""

    def __init__(self, model: nn.Module, settings: Train, learns: str, done: int = 0):
        self.model, self.settings, self.frozen = model, settings, FROZEN[learns]
        self.done, self.first = done, done
        resting = tuple(f"encoder.stages.{stage}." for stage in self.frozen)
        self.weights = {
            name: weight
            for name, weight in model.named_parameters()
            if not name.startswith(resting)
        }
        zeros = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        self.moment, self.square = copy.deepcopy(zeros), copy.deepcopy(zeros)
        self.average = {name: value.detach().clone() for name, value in model.named_parameters()}

    def gradients(self, batch) -> dict[str, torch.Tensor]:
        """Those of the loss, all shortened alike if they are longer than `clip` together."""
        self.model.train()
        for stage in self.frozen:
            self.model.encoder.stages[int(stage)].eval()
        loss = self.model.loss(batch)
        found = dict(
            zip(self.weights, torch.autograd.grad(loss, [*self.weights.values()]), strict=True)
        )
        self.length = math.sqrt(sum(float(value.square().sum()) for value in found.values()))
        shorter = 1.0
        if self.settings.clip is not None:
            shorter = min(1.0, self.settings.clip / (self.length + 1e-6))
        return {name: shorter * value for name, value in found.items()}

    @torch.no_grad()
    def learn(self, batch) -> None:
        settings, speed = self.settings, factor(self.settings, self.done)
        with torch.enable_grad():
            found = self.gradients(batch)
        self.done += 1
        for name, weight in self.weights.items():
            rate = speed * (settings.encoder_lr if name.startswith("encoder.") else settings.lr)
            decay = settings.weight_decay if settings.decay_all or name in DECAYED else 0.0
            if settings.optimizer == "sgd":
                self.sgd(name, weight, found[name] + decay * weight, rate)
            elif settings.optimizer == "adam":
                self.adam(name, weight, found[name] + decay * weight, rate)
            else:
                shrunk = rate * decay * weight
                self.adam(name, weight, found[name], rate)
                weight -= shrunk
        for name, value in self.model.named_parameters():
            share = settings.ema or 0.0
            self.average[name] = share * self.average[name] + (1 - share) * value

    def sgd(self, name: str, weight, gradient, rate: float) -> None:
        """The momentum is a sum, not a mean: v = m v + g, w = w - rate v."""
        self.moment[name] = self.settings.momentum * self.moment[name] + gradient
        weight -= rate * self.moment[name]

    def adam(self, name: str, weight, gradient, rate: float) -> None:
        """Kingma and Ba, with their constants: both means start at 0 and are corrected for it."""
        count = self.done - self.first
        self.moment[name] = 0.9 * self.moment[name] + 0.1 * gradient
        self.square[name] = 0.999 * self.square[name] + 0.001 * gradient.square()
        mean, square = self.moment[name] / (1 - 0.9**count), self.square[name] / (1 - 0.999**count)
        weight -= rate * mean / (square.sqrt() + 1e-8)


def distance(found: dict, expected: dict, before: dict) -> float:
    """The largest difference, as a share of the largest step in the same tensor; 0 if none took."""
    shares = [0.0]
    for name, value in expected.items():
        apart = float((found[name] - value).detach().abs().max())
        step = float((value - before[name]).detach().abs().max())
        shares.append(apart and apart / (step or math.nan))
    return max(shares, key=lambda share: (math.isnan(share), share))


def both(start, folder, settings: Train, learns: str, steps: int, epoch=0, step=0, **changed):
    """The same steps by the loop and by hand; `changed` are lines that only the latter reads."""
    learning = start(settings, learns)
    before = copy.deepcopy(learning.model)
    batches = learned(learning, folder, steps, epoch, step)
    recipe = settings.model_copy(update=changed)
    expected = ByHand(copy.deepcopy(before), recipe, learns, 3 * epoch + step)
    lengths = []
    for batch in batches:
        assert len(batch["image"]) == settings.batch
        expected.learn(batch)
        lengths.append(expected.length)
    return learning, expected, before, lengths


def assert_same_steps(learning: Training, expected: ByHand, before: nn.Module) -> None:
    old = dict(before.named_parameters())
    found, hand = (dict(model.named_parameters()) for model in (learning.model, expected.model))
    assert all(value.dtype == torch.float64 for value in found.values())
    assert distance(found, hand, old) < CLOSE
    for name in hand.keys() - expected.weights.keys():
        assert torch.equal(found[name], old[name]), name
    for (name, value), other in zip(
        learning.model.named_buffers(), expected.model.buffers(), strict=True
    ):
        assert torch.allclose(value.double(), other.double(), rtol=CLOSE, atol=0), name
    if learning.average is not None:
        kept = dict(learning.average.named_parameters())
        # it takes this share of a step, beside which rounding is larger
        assert distance(kept, expected.average, old) < CLOSE / (1 - learning.settings.ema)


def recipes():
    """Every recipe of the paper study: those of the methods, and of variants with one of their own.

    Mixed precision is left out: it rounds to three digits.
    """
    book = read_study(ROOT / "workflow/config", {"study": "paper"})
    for name, method in book.methods.items():
        variants = [key for key, change in method.variants.items() if change.train]
        for system in [name, *(f"{name}@{variant}" for variant in variants)]:
            for task in ("full", "partial-10"):
                settings = book.settings(run_of("paper", task, "voc2007", system, 0)).training
                train = settings.train.model_copy(update={"precision": "float32"})
                yield f"{system}-{task}", train, settings.encoder.learns


def different(found):
    """The first of each that are alike."""
    seen = {}
    for name, train, learns in found:
        seen.setdefault((train.model_dump_json(), learns), (name, train, learns))
    return [pytest.param(train, learns, id=name) for name, train, learns in seen.values()]


RECIPES = different(recipes())


@pytest.mark.parametrize(("settings", "learns"), RECIPES)
def test_a_papers_recipe_in_its_first_steps(start, tmp_path, settings, learns):
    learning, expected, before, lengths = both(start, tmp_path, settings, learns, 3)
    assert settings.clip is None or max(lengths) > settings.clip
    assert_same_steps(learning, expected, before)


@pytest.mark.parametrize(("settings", "learns"), RECIPES)
def test_a_papers_recipe_where_the_rate_falls(start, tmp_path, settings, learns):
    """Two steps before the first drop and one after it; without drops, around the first epoch."""
    drop = min(settings.drop_at if settings.schedule == "step" else [], default=1)
    place = {"epoch": drop - 1, "step": 1}
    learning, expected, before, _ = both(start, tmp_path, settings, learns, 3, **place)
    assert (learning.epoch, learning.step) == (drop, 1)
    assert_same_steps(learning, expected, before)


SHORT = {"epochs": 4, "batch": 5, "crops": "none", "select": "last", "schedule": "constant"}
SHORT |= {"lr": 0.01, "encoder_lr": 0.002, "weight_decay": 0.01, "clip": None, "drop_at": [1, 3]}
ALL = {"learns": "all"}
CASES = {
    "sgd": ALL,
    "without momentum": ALL | {"momentum": 0.0},
    "without decay": ALL | {"weight_decay": 0.0},
    "adam": ALL | {"optimizer": "adam"},
    "adamw": ALL | {"optimizer": "adamw"},
    "some decay by sgd": ALL | {"decay_all": False},
    "some decay by adam": ALL | {"decay_all": False, "optimizer": "adam"},
    "some decay by adamw": ALL | {"decay_all": False, "optimizer": "adamw"},
    "clipped": ALL | {"clip": 0.5},
    "clipped, adam": ALL | {"clip": 0.5, "optimizer": "adam"},
    "averaged": ALL | {"ema": 0.9},
    "warm": ALL | {"warm_up": 0.5},
    "warm, then steps": ALL
    | {"warm_up": 0.3, "schedule": "step", "drop_at": [2, 3], "drop_by": 0.5},
    "warm, then along a cosine": ALL | {"warm_up": 0.3, "schedule": "cosine"},
    "last stage": {"learns": "last_stage", "clip": 0.5, "ema": 0.9},
    "frozen encoder": {"learns": "nothing", "clip": 0.5, "optimizer": "adam"},
    **{
        schedule: ALL | {"schedule": schedule, "drop_by": 0.9333}
        for schedule in get_args(Train.model_fields["schedule"].annotation)
    },
}


def case_of(name: str) -> tuple[Train, str]:
    lines = dict(CASES[name])
    learns = lines.pop("learns")
    return Train(**DEFAULTS | SHORT | lines), learns


@pytest.mark.parametrize("name", CASES)
def test_a_whole_training(start, tmp_path, name):
    """All twelve steps of four epochs."""
    assert_same_steps(*both(start, tmp_path, *case_of(name), 99)[:3])


OTHERS = [
    ("sgd", {"momentum": 0.8}),
    ("sgd", {"encoder_lr": 0.0021}),
    ("sgd", {"weight_decay": 0.0099}),
    ("adam", {"weight_decay": 0.0099}),
    ("adam", {"optimizer": "adamw"}),
    ("adamw", {"optimizer": "adam"}),
    ("some decay by sgd", {"decay_all": True}),
    ("some decay by adamw", {"decay_all": True}),
    ("clipped", {"clip": None}),
    ("averaged", {"ema": 0.89}),
    ("warm", {"warm_up": 0.0}),
    ("step", {"drop_at": [2, 3]}),
    ("step", {"drop_by": 0.9334}),
    ("cosine", {"schedule": "constant"}),
    ("onecycle", {"schedule": "cosine"}),
]


@pytest.mark.parametrize(("name", "changed"), OTHERS)
def test_each_line_of_a_recipe_would_be_missed(start, tmp_path, name, changed):
    """A reference with one other line takes other steps: the tests above can fail."""
    learning, expected, before, _ = both(start, tmp_path, *case_of(name), 99, **changed)
    with pytest.raises(AssertionError):
        assert_same_steps(learning, expected, before)
