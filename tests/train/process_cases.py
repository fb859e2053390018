"""Trainings in several processes and in one, for test_parallel.py; a program of its own.

    python process_cases.py FOLDER

The processes are forks, so they come before anything is learnt here; a fork of a process whose
autograd has run cannot use it. All is computed in double precision.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import torch._dynamo  # what follows would import it in every fork
from conftest import ROOT, WIDTH, boxes, label_space, settings
from safetensors.torch import load_file, save_file
from test_launch import alive
from torch import nn

from labelgraph import models
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.predict import inference
from labelgraph.study.settings import Train
from labelgraph.train.checkpoint import Checkpoint
from labelgraph.train.loop import Examples, Training
from labelgraph.train.team import parallel, torchrun

DEFAULTS = read_yaml(ROOT / "workflow/config/defaults.yaml")["train"]
LABELS, IMAGES, FIT = 5, 30, 22
EARLY = {"start": 1, "every": 1}  # of methods that begin something after some epochs
SHORT = {
    "epochs": 2,
    "batch": 8,
    "schedule": "cosine",
    "clip": 1.0,
    "crops": "none",
    "mirror": "none",
    "ema": 0.9,
}


class Encoder(nn.Module):
    """Learns, and normalises over the batch."""

    def __init__(self):
        super().__init__()
        self.width = WIDTH
        self.stages = nn.Sequential(
            nn.Conv2d(3, WIDTH, 3, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU()
        )

    def forward(self, image):
        return self.stages(image)


class Plain(nn.Module):
    """All that could depend on who has which images: statistics, chance, pairs, a count, a norm."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.norm = encoder, nn.BatchNorm1d(WIDTH)
        self.output = nn.Sequential(nn.Dropout(0.3), nn.Linear(WIDTH, LABELS))

    def forward(self, batch):
        return self.output(self.norm(self.encoder(batch["image"]).mean((2, 3))))

    def loss(self, batch):
        logits, known = self(batch), batch["known"]
        values = nn.functional.binary_cross_entropy_with_logits(
            logits, batch["target"], reduction="none"
        )
        pairs = (logits @ logits.T).triu(1).tanh().sum()
        return (values * known).sum() / known.sum() + 0.01 * pairs + 0.01 * logits.norm()


class Pixels:
    """Images and boxes in memory; notes the rows that are read."""

    def __init__(self):
        draw = torch.Generator().manual_seed(4)
        self.images = torch.rand(IMAGES, 3, 6, 7, generator=draw)
        self.boxes, self.read = boxes(IMAGES, draw), []

    def batches(self, parts, chance):
        for part in parts:
            self.read.append(part)
            yield {"image": self.images[part], "boxes": self.boxes[part]}


def training(method, team=parallel.ALONE, **changed):
    draw = np.random.default_rng(1)
    target = torch.from_numpy((draw.random((IMAGES, LABELS)) < 0.4).astype(float))
    known = torch.from_numpy(draw.random((IMAGES, LABELS)) < 0.7)
    codes = np.where(known, target, -1).astype(np.int8)
    rows = np.arange(IMAGES)
    examples = Examples(Pixels(), target, known, codes, rows[:FIT], rows[FIT:])
    torch.manual_seed(2)
    if method == "plain":
        model, optimizer = Plain(Encoder()), {"lr": 0.1, "encoder_lr": 0.05}
    else:
        block = settings(method)
        block |= {key: value for key, value in EARLY.items() if key in block}
        if "rounds" in block:
            block["rounds"] = [1] * len(block["rounds"])
        model = models.build(method, label_space(LABELS), Encoder(), **block)
        optimizer = {"optimizer": "adamw", "lr": 0.01, "encoder_lr": 0.01}
    block = Train(**DEFAULTS | SHORT | optimizer | changed)
    return Training(model.double(), examples, block, 5, team)


def learnt(folder, method, team, **changed):
    """The weights that were kept, all losses and mAPs, and scores of all images."""
    learning = training(method, team, **changed)
    kept = learning.run(Checkpoint(folder / "work"))
    rows = np.random.default_rng(0).permutation(np.tile(np.arange(IMAGES), 5))
    inputs, device = learning.examples.inputs, learning.device
    read = len(inputs.read)
    scores = team.scores(learning.model, inputs, rows, learning.settings, device)
    whole = inference.scores(learning.model, inputs, rows, learning.settings, device)
    assert np.array_equal(scores, whole), "scores depend on who computed them"
    if team.size > 1:
        assert sum(map(len, inputs.read[read:])) < 2 * len(rows), "each scored all images"
    if team.first:
        folder.mkdir(exist_ok=True)
        save_file({name: value.contiguous() for name, value in kept.items()}, folder / "kept")
        (folder / "history.json").write_text(json.dumps(learning.history))


def everything(folder, team):
    for method in ("plain", *models.available()):
        learnt(folder / method, method, team)


def killed(folder, team):
    """The last process dies once, in the middle of the second epoch."""
    struck(folder, team, team.rank == team.size - 1, lambda: os.kill(os.getpid(), signal.SIGKILL))


def stopped(folder, team):
    """The one that started all is asked to stop, as Snakemake asks."""
    struck(folder, team, team.first, lambda: os.kill(os.getppid(), signal.SIGTERM))


def waiting(folder, team):
    (folder / f"pid_{team.rank}").write_text(str(os.getpid()))
    time.sleep(60)


def orphaned(folder):
    """Whether processes live on whose starter is killed outright."""
    if (starter := os.fork()) == 0:
        together("waiting", folder)
    files = [folder / f"pid_{rank}" for rank in range(2)]
    while not all(file.exists() and file.read_text() for file in files):
        time.sleep(0.02)
    workers = [int(file.read_text()) for file in files]
    os.kill(starter, signal.SIGKILL)
    os.waitpid(starter, 0)
    deadline = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return any(map(alive, workers))


def crowd(folder, team):
    """More processes than some batches have images."""
    blow = lambda: os.kill(os.getppid(), signal.SIGTERM)  # noqa: E731
    struck(folder, team, team.first, blow, batch=4)


def struck(folder, team, chosen, blow, **changed):
    learning = training("plain", team, checkpoint_seconds=0, **changed)
    learn, steps, once = learning.learn, [0], folder / "once"

    def strike(batch):
        steps[0] += 1
        if steps[0] == learning.per_epoch + 2 and chosen and not once.exists():
            once.touch()
            blow()
        return learn(batch)

    learning.learn = strike
    kept = learning.run(Checkpoint(folder / "work"))
    if team.first:
        (folder / "steps").write_text(str(steps[0]))
        save_file({name: value.contiguous() for name, value in kept.items()}, folder / "kept")


def broken(folder, team):
    (folder / f"tried_{team.rank}").open("a").write("x")
    learning = training("plain", team)
    learning.model.output[1].weight.data.fill_(float("nan"))
    learning.run(Checkpoint(folder / "work"))


def full(folder, team):
    """The first cannot write."""
    (folder / f"tried_{team.rank}").open("a").write("x")
    (folder / "work").touch()
    training("plain", team, checkpoint_seconds=0).run(Checkpoint(folder / "work"))


def random(folder, team):
    """Dropout in the encoder, which each process would draw for its own share."""
    learning = training("plain", team)
    stages = learning.model.encoder.stages
    stages[0] = nn.Sequential(stages[0], nn.Dropout(0.5))
    learning.run(Checkpoint(folder / "work"))


def command(arguments):
    name, folder = arguments
    team = parallel.join()
    globals()[name](Path(folder), team)
    team.leave()


def together(name, folder, processes=2):
    """How it ended."""
    folder.mkdir()
    try:
        torchrun.run("cases", [name, str(folder)], processes)
    except (ValueError, RuntimeError) as error:
        return str(error)
    except SystemExit as stop:
        return stop.code
    return "done"


def main(folder):
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    sys.modules["labelgraph.steps.cases"] = SimpleNamespace(command=command)
    ends = {"two": together("everything", folder / "two")}
    for name in ("killed", "stopped", "broken", "full", "random"):
        ends[name] = together(name, folder / name)
    ends["crowd"] = together("crowd", folder / "crowd", processes=5)
    ends["orphaned"] = orphaned(folder / "orphaned")
    (folder / "ends.json").write_text(json.dumps(ends))
    (folder / "one").mkdir()
    everything(folder / "one", parallel.ALONE)
    for name in ("stopped", "crowd"):  # one process goes on where several were stopped
        before = load_file(next((folder / name / "work").glob("*.safetensors")))
        assert before, "no checkpoint"
        changed = {"batch": 4} if name == "crowd" else {}
        struck(folder / name, parallel.ALONE, False, None, **changed)
    learnt(folder / "one/few", "plain", parallel.ALONE, batch=4)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
