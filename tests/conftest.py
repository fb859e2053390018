"""Shared by all tests: a seed, a small label space, small features, settings of methods.yaml."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch

from labelgraph import models, numerics
from labelgraph.encoders import encoder as encoders
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.study.settings import RunSettings

torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]
WIDTH = 24  # features of the small encoder
NAMES = ("boat", "bird", "cup", "dog", "hot dog")


@pytest.fixture(autouse=True)
def seed(monkeypatch):
    """The same random numbers in every test, whatever ran before it."""
    for name, pin in numerics.PINS.items():
        monkeypatch.setenv(name, pin)
    torch.manual_seed(0)
    np.random.seed(0)


def label_space(count: int) -> LabelSpace:
    """`count` labels with consistent counts; the last label never occurs."""
    draw = np.random.default_rng(count)
    shown = draw.random((200, count)) < np.linspace(0.9, 0.1, count)
    shown[:, -1] &= count < 2
    counts = torch.from_numpy((shown.T.astype(float) @ shown).astype(np.float32))
    names = [f"{NAMES[k % 5]} {k}" if k >= 5 else NAMES[k] for k in range(count)]
    return LabelSpace(
        names=tuple(names),
        counts=counts,
        images=200,
        positive_rate=counts.diagonal() / 200,
        vectors=torch.from_numpy(draw.standard_normal((count, 12), dtype=np.float32)),
        edges=counts.clone().fill_diagonal_(0),
    )


def settings(method: str, variant: str = "") -> dict:
    """The `model` block of a method, with narrow layers, which suffice to test its arithmetic.

    Variant `shots` is the second stage of few shots.
    """
    entry = read_yaml(ROOT / "workflow/config/methods.yaml")[method]
    change = entry["shots"] if variant == "shots" else entry.get("variants", {}).get(variant, {})
    model = entry["model"] | change.get("model", {})
    return {key: narrow(value) for key, value in model.items()}


def relined(settings: RunSettings, **blocks: dict) -> RunSettings:
    """The same with other lines in its blocks."""
    lines = settings.lines()
    return RunSettings(**lines | {name: lines[name] | block for name, block in blocks.items()})


def narrow(value):
    """Widths become 16; numbers that are not widths are smaller than 64."""
    if isinstance(value, list):
        return [narrow(entry) for entry in value]
    return 16 if isinstance(value, int) and value >= 64 else value


def build(method: str, labels: int = 5, variant: str = ""):
    torch.manual_seed(1)
    return models.build(
        method, label_space(labels), encoders.Cached(WIDTH), **settings(method, variant)
    )


def batch(images: int = 3, labels: int = 5, side: int = 4) -> dict[str, torch.Tensor]:
    """Features that are not negative, on a grid that is not square, and partly unknown targets."""
    draw = torch.Generator().manual_seed(images * 1000 + labels)
    return {
        "image": torch.rand(images, WIDTH, side, side + 1, generator=draw),
        "target": (torch.rand(images, labels, generator=draw) < 0.4).float(),
        "known": torch.rand(images, labels, generator=draw) < 0.8,
        "boxes": boxes(images, draw),
        "place": torch.arange(images),
    }


def begin(model: torch.nn.Module, epoch: int, inputs: dict[str, torch.Tensor]) -> None:
    """Begins an epoch of one batch as the loop does, if the method has a `start_epoch`."""
    if hasattr(model, "start_epoch"):
        with torch.no_grad():
            model.eval().start_epoch(epoch, 1, iter([inputs]))


def boxes(images: int, draw: torch.Generator, count: int = 6) -> torch.Tensor:
    """(B, R, 4) left, top, right, bottom as fractions of the image; the last ones are empty."""
    corners = torch.rand(images, count, 4, generator=draw)
    low, high = torch.minimum(corners[..., :2], corners[..., 2:]), corners.amax(-1, keepdim=True)
    found = torch.cat([low, torch.maximum(low + 0.05, high.expand_as(low))], -1).clamp(max=1)
    found[:, count - 2 :] = 0
    return found


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    """The same tensors, bit for bit."""
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


@pytest.fixture(scope="session")
def study_report(tmp_path_factory):
    """Pages of an invented study; the folder in which they were made is three levels up."""
    import report_cases

    folder = tmp_path_factory.mktemp("study")
    with contextlib.chdir(folder):
        return report_cases.make(folder)
