"""Every method trains for two epochs on partial labels: hidden ones have no effect, it can resume.

A file in models/ is tested as soon as it is there.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import ROOT, WIDTH, assert_same, boxes, label_space, settings

from labelgraph import models
from labelgraph.encoders.encoder import Cached
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.manifest import manifest as manifests
from labelgraph.manifest.manifest import Manifest, no_boxes
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.split import cutting, partial, targets
from labelgraph.study.settings import Train
from labelgraph.train.checkpoint import Checkpoint
from labelgraph.train.loop import Examples, Training

DEFAULTS = read_yaml(ROOT / "workflow/config/defaults.yaml")["train"]
LABELS, IMAGES, REPORTED = 5, 24, 6
PROTOCOL = {
    "task": "partial-30",
    "parts": {"train": "trainval", "report": "test"},
    "tune": 0.2,
    "seed": 0,
    "selection": "tune",
}
# Whatever a method starts after some epochs, it starts in the second of the two.
EARLY = {"start": 1, "every": 1}
each_method = pytest.mark.parametrize("method", models.available())


class Grids:
    """Features and boxes in memory."""

    def __init__(self):
        draw = torch.Generator().manual_seed(4)
        self.grids = torch.rand(IMAGES, WIDTH, 2, 2, generator=draw)
        self.boxes = boxes(IMAGES, draw)

    def batches(self, parts, chance):
        yield from ({"image": self.grids[part], "boxes": self.boxes[part]} for part in parts)


def manifest():
    draw = np.random.default_rng(1)
    labels = (draw.random((IMAGES + REPORTED, LABELS)) < 0.4).astype(np.int8)
    parts = np.array(["trainval"] * IMAGES + ["test"] * REPORTED)
    images = np.array([f"{row:02}.jpg" for row in range(len(parts))])
    names = label_space(LABELS).names
    return Manifest(images=images, parts=parts, names=names, labels=labels, **no_boxes())


def planted(whole: Manifest, changed: np.ndarray) -> Manifest:
    """Flips every entry of `changed`, (IMAGES, LABELS)."""
    labels = whole.labels.copy()
    labels[:IMAGES] = np.where(changed, 1 - labels[:IMAGES], labels[:IMAGES])
    return replace(whole, labels=labels)


def label_space_of(train) -> LabelSpace:
    counted = targets.count(train)
    known = torch.from_numpy(counted["known"]).clamp(min=1)
    return replace(
        label_space(LABELS),
        counts=torch.from_numpy(counted["counts"]).float(),
        images=int(counted["images"]),
        positive_rate=torch.from_numpy(counted["positives"].copy()).float() / known,
    )


def training(method, whole, wrong_targets=False, **changed):
    """A training as the steps `split`, `count_labels` and `train` prepare it."""
    train = cutting.cut(whole, PROTOCOL).train
    target, known = (
        torch.from_numpy(x) for x in targets.training_target(train["labels"], "positive")
    )
    if wrong_targets:
        target = torch.where(known, target, 1 - target)
    codes = np.where(train["labels"] == manifests.UNKNOWN, manifests.DIFFICULT, train["labels"])
    fit, tune = (np.flatnonzero(train["role"] == role) for role in (0, 1))
    block = settings(method)
    block |= {key: value for key, value in EARLY.items() if key in block}
    if "rounds" in block:
        block["rounds"] = [1] * len(block["rounds"])
    torch.manual_seed(2)
    model = models.build(method, label_space_of(train), Cached(WIDTH), **block)
    short = {"epochs": 2, "batch": 8, "schedule": "constant", "optimizer": "adamw", "lr": 0.01}
    chosen = Train(**DEFAULTS | short | {"clip": 1.0, "select": "last"} | changed)
    return Training(model, Examples(Grids(), target, known, codes, fit, tune), chosen, seed=5)


def test_the_case_contains_the_hard_images():
    known = partial.known_mask(IMAGES, LABELS, 0.3)
    assert not known.any(1).all(), "an image without a known label is missing"
    train = cutting.cut(manifest(), PROTOCOL).train
    assert (train["role"] == 1).any()
    assert (train["labels"] == manifests.YES).any(0).sum() >= 3


@each_method
def test_a_wrong_value_in_every_hidden_entry_changes_no_bit(method, tmp_path):
    whole, hidden = manifest(), ~partial.known_mask(IMAGES, LABELS, 0.3)
    honest = training(method, whole)
    expected = honest.run(Checkpoint(tmp_path / "honest"))
    wrong = training(method, planted(whole, hidden), True)
    assert not torch.equal(honest.examples.target, wrong.examples.target)
    assert_same(wrong.run(Checkpoint(tmp_path / "wrong")), expected)
    assert wrong.history == honest.history


def test_a_wrong_value_in_a_known_entry_changes_the_weights(tmp_path):
    whole, known = manifest(), partial.known_mask(IMAGES, LABELS, 0.3)
    first = training("baseline", whole).run(Checkpoint(tmp_path / "first"))
    second = training("baseline", planted(whole, known)).run(Checkpoint(tmp_path / "second"))
    assert not torch.equal(first["classifier.weight"], second["classifier.weight"])


@each_method
def test_killed_in_its_second_epoch_a_training_ends_in_the_same_weights(method, tmp_path):
    whole = training(method, manifest())
    expected = whole.run(Checkpoint(tmp_path / "whole"))
    broken = training(method, manifest(), checkpoint_seconds=0)
    learn, per_epoch, steps = broken.learn, broken.per_epoch, iter(range(100))
    assert per_epoch > 1

    def learn_until_killed(batch):
        if next(steps) == per_epoch + 1:
            raise KeyboardInterrupt
        return learn(batch)

    broken.learn = learn_until_killed
    with pytest.raises(KeyboardInterrupt):
        broken.run(Checkpoint(tmp_path / "work"))
    torch.manual_seed(99)  # a new process has another state
    resumed = training(method, manifest())
    assert_same(resumed.run(Checkpoint(tmp_path / "work")), expected)
    assert resumed.history == whole.history
