"""What a network computes and keeps: multiply-adds, parameters and memory, counted without data.

A batch of B images costs `once` + B `each` multiply-adds: a graph over the labels is computed once
for a batch. The encoder is counted with shapes alone, the rest with random weights on noise. A
backward pass counts as two forward passes of what learns.

Shapes: B images, F = the encoder's width.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from labelgraph.costs import counting, timing
from labelgraph.encoders import encoder as encoders
from labelgraph.files.small import read_json, sha256, write_json
from labelgraph.jobs import sourcecode
from labelgraph.study.settings import Encoder, RunSettings
from labelgraph.train.loop import loss_of

FLOAT = 4  # bytes
STATES = {
    "exact": 0,
    "sgd": 1,
    "adam": 2,
    "adamw": 2,
}  # numbers that an optimizer keeps for each weight
KNOWN = Path("results/costs/multiply_adds.json")  # what was counted before
LABELS = (8, 12, 16)  # at which networks are counted
LOOKS = 3 * 220  # of an exact fit: forward and backward, as often as the solver did in a trial
FEW, MORE = 2, 3  # images of the two batches that tell `once` from `each`


@dataclass(frozen=True)
class Count:
    """Of one forward pass. `kept`: bytes that wait for the backward pass."""

    once: int
    each: int
    weights: int
    kept_once: int
    kept_each: int

    def products(self, images: float) -> float:
        return self.once + self.each * images


@dataclass(frozen=True)
class Network:
    """A run's network at one image size."""

    head: Count
    encoder: Count  # with nothing to compute where features are cached
    learnt: Count  # the part of the encoder that learns

    def forward(self, images: float) -> float:
        """Multiply-adds of a batch."""
        return self.head.products(images) + self.encoder.products(images)

    def step(self, images: float) -> float:
        """The same of a training step."""
        learns = self.head.products(images) + self.learnt.products(images)
        return self.forward(images) + 2 * learns

    def learnt_weights(self) -> int:
        return self.head.weights + self.learnt.weights

    def memory(self, images: int, optimizer: str) -> int:
        """Bytes of a training step: weights, gradients, the optimizer, the best weights so far,
        and what waits for the backward pass, all in single precision."""
        learns = self.learnt_weights()
        weights = self.head.weights + self.encoder.weights + learns * (2 + STATES[optimizer])
        kept = sum(part.kept_once + images * part.kept_each for part in (self.head, self.learnt))
        return FLOAT * weights + kept


NONE = Count(0, 0, 0, 0, 0)


def network(training: RunSettings, labels: int, size: int) -> Network:
    """The network of a run for images of `size` pixels."""
    chosen = training.encoder
    whole, parts, width, grid = stages(chosen.name, size)
    learnt = added(parts[first_that_learns(chosen) :])
    block = json.dumps(training.model, sort_keys=True)
    head = counted(training.method, without_fractions(block), labels, width, grid)
    return Network(head, learnt if chosen.cached else whole, learnt)


def first_that_learns(chosen: Encoder) -> int:
    """The place of the first layer of an encoder that learns."""
    encoder = skeleton(chosen.name)
    every = {"all": len(encoder.begins), "last_stage": 1}
    last = every.get(chosen.learns, 0) if isinstance(chosen.learns, str) else chosen.last_stages
    return encoder.start(last)


@cache
def skeleton(name: str) -> nn.Module:
    with torch.device("meta"):  # shapes only: nothing is computed
        return encoders.build(name, None, "all").eval()


def added(parts: list[Count]) -> Count:
    return Count(*(sum(getattr(part, key) for part in parts) for key in Count.__annotations__))


def solving(images: int, width: int, labels: int) -> int:
    """Multiply-adds of an exact fit: a decomposition, and the solver's looks at all images."""
    kept = min(images, width)
    return images * kept * (12 * kept + LOOKS * labels)


def without_fractions(block: str) -> str:
    """No network's shape depends on a fraction, so variants that differ in one are counted once."""
    return json.dumps(json.loads(block, parse_float=lambda _: 0.5))


@cache
def stages(name: str, size: int) -> tuple[Count, list[Count], int, int]:
    """The encoder, its stages, its width, and the side of its grid of features."""
    encoder = skeleton(name)
    image = torch.empty(1, 3, size, size, device="meta")
    found = []
    for stage in encoder.stages:
        with timing.Alive([image]) as alive, counting.Products() as counted:
            before = alive.now
            image = stage(image)
        found.append(Count(0, counted.total(), counting.parameters([stage]), 0, alive.now - before))
        image = image.detach()
    return added(found), found, encoder.width, image.shape[-1]


@cache
def counted(method: str, block: str, labels: int, width: int, grid: int) -> Count:
    """All but the encoder, for any number of labels."""
    found = [
        sum(factor * labels**power for power, factor in enumerate(line))
        for line in law(method, block, width, grid)
    ]
    return Count(*(round(max(0, value)) for value in found))


@cache
def law(method: str, block: str, width: int, grid: int) -> list[list[float]]:
    """The numbers of a Count as squares of the number of labels: three factors for each.

    Labels enter alone or in pairs, so three small numbers of labels give the law of all.
    """
    file, name = KNOWN, law_name(method, block, width, grid)
    known = read_json(file) if file.exists() else {}
    if name not in known:
        write_json(file, known | {name: fitted(method, json.loads(block), width, grid)})
    return read_json(file)[name]


def law_name(method: str, block: str, width: int, grid: int) -> str:
    """Made of everything that the law depends on."""
    own = [Path(module.__file__) for module in (counting, timing)]
    files = {Path(__file__), *own, *sourcecode.closure(sourcecode.method_file(method))}
    code = "".join(sha256(path) for path in sorted(files))
    return hashlib.sha256(f"{code} {method} {block} {width} {grid}".encode()).hexdigest()[:20]


def fitted(method: str, settings: dict[str, Any], width: int, grid: int) -> list[list[float]]:
    found = [few_labels(method, settings, labels, width, grid) for labels in LABELS]
    points = np.array([[labels**power for power in range(3)] for labels in LABELS], float)
    return np.linalg.solve(points, np.array(found, float)).T.tolist()


def few_labels(
    method: str, settings: dict[str, Any], labels: int, width: int, grid: int
) -> tuple[int, ...]:
    """The numbers of a Count, from the loss of two batches."""
    space = counting.label_space(labels)
    model = counting.build(method, settings, space, encoders.Cached(width)).train()
    few, more = (of_batch(model, batch(images, labels, width, grid)) for images in (FEW, MORE))
    each, kept = ((b - a) / (MORE - FEW) for a, b in zip(few, more, strict=True))
    once, kept_once = (a - FEW * b for a, b in zip(few, (each, kept), strict=True))
    return once, each, counting.parameters([model]), kept_once, kept


def batch(images: int, labels: int, width: int, grid: int) -> counting.Batch:
    noise = counting.inputs({"size": 1, "labels": labels}, images, torch.device("cpu"))
    return noise | {"image": torch.rand(images, width, grid, grid)}


def of_batch(model: torch.nn.Module, images: counting.Batch) -> tuple[int, int]:
    """Multiply-adds, and bytes that are kept for the backward pass."""
    with timing.Alive([]) as alive, counting.Products() as products:
        loss = loss_of(model, images)
        kept = alive.now
    del loss
    return products.total(), kept
