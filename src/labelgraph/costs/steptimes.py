"""Measures on a processor what a training step of each method takes: a + b x multiply-adds.

Small trainings are mostly overhead, so a is as important as b. Two batches of different size tell
them apart. Steps run with the training's own code and pins, on noise, in a process of their own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelgraph import numerics
from labelgraph.costs import counting, dataset_sizes, speeds, work
from labelgraph.costs.speeds import Line, Pace, Speeds
from labelgraph.encoders import encoder as encoders
from labelgraph.files.small import write_json
from labelgraph.inputs import batches, features
from labelgraph.study import tasks
from labelgraph.study.config import Book, Run
from labelgraph.study.settings import RunSettings
from labelgraph.train.examples import Examples
from labelgraph.train.loop import Training

IMAGES = 96  # of noise
LARGE, SMALL = 32, 8  # images of the two batches
REPEATS = 3  # of each; the quickest counts, since other programs only slow it down
CPU = torch.device("cpu")


def measured(setups: list[dict[str, Any]], device: str) -> Speeds:
    """`setups`: of each method the `training` settings of a run, and the number of `labels`."""
    command = [sys.executable, "-m", "labelgraph.costs.steptimes"]
    child = subprocess.run(
        command,
        input=json.dumps(setups),
        env=os.environ | numerics.PINS,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return of_lines(json.loads(child.stdout), device)


def of_study(book: Book, runs: list[Run], device: str) -> Speeds:
    """What `bench` measured on this processor for the study, or else measures it now."""
    wanted = {run.method for run in runs}
    known = speeds.read().get(name_of(book, device), {}).get("lines", {})
    if wanted <= known.keys():
        return of_lines(known, device)
    return measured(setups(book, runs), device)


def name_of(book: Book, device: str) -> str:
    return f"{device}, study {book.study}"


def setups(book: Book, runs: list[Run]) -> list[dict[str, Any]]:
    """One run of each method: the method as it is, with all images, if that is among them."""
    first: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: (tasks.has_shots(run.task), run.variant, run)):
        first.setdefault(run.method, run)
    return [
        {
            "training": book.settings(run).training.lines(),
            "labels": dataset_sizes.of_dataset(book, run.dataset).labels,
        }
        for run in first.values()
    ]


def of_lines(found: dict[str, Any], device: str) -> Speeds:
    """Speeds from what `measured` found, which is also how speeds.json has it."""
    paces = {
        name: Pace(Line(*lines["step"]), Line(*lines["forward"]), lines["start"])
        for name, lines in found.items()
    }
    basis = (
        "measured on one thread of this processor, for each method: seconds of a step = a + b x"
        f" multiply-adds. The interval is a margin of a factor of {speeds.ERROR} either way, not a"
        " measurement; where trainings are there, the last lines compare them with their estimates"
    )
    usual = paces.pop("")
    return Speeds(device, basis, usual, paces, 1 / speeds.ERROR, speeds.ERROR)


def as_lines(found: Speeds) -> dict[str, Any]:
    return {
        name: {
            "step": [pace.step.fixed, pace.step.each],
            "forward": [pace.forward.fixed, pace.forward.each],
            "start": pace.start,
        }
        for name, pace in [("", found.usual), *found.paces.items()]
    }


def text(study: str, listed: list[dict[str, Any]]) -> str:
    """A line for each method: what a step takes beside its multiply-adds, and their speed."""
    head = f"{study}: a step takes a + multiply-adds / speed\n"
    lines = [
        f"{line['method']:14} a {1000 * line['step'][0]:6.1f} ms  speed {speed(line['step']):>7}"
        f"  forward: a {1000 * line['forward'][0]:6.1f} ms  speed {speed(line['forward']):>7}"
        for line in listed
    ]
    return "\n".join([head, *lines]) + "\n"


def speed(line: list[float]) -> str:
    """Multiply-adds a second; a dash if they take no time that could be measured."""
    return f"{1e-9 / line[1]:.1f} G/s" if line[1] else "-"


def encoder_pace(name: str, size: int) -> Pace:
    """Of the encoder alone, as features are extracted."""
    network = features.fused(encoders.build(name, None, "nothing").eval())
    network = network.to(memory_format=torch.channels_last)
    image = torch.zeros(LARGE, 3, size, size, dtype=torch.uint8)
    image = image.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        network(image)
        taken = quickest(lambda: network(image))
    line = Line(0.0, taken / (LARGE * work.stages(name, size)[0].each))
    return Pace(line, line, 0.0)


def quickest(call: Callable[[], object]) -> float:
    """Seconds of the processor."""
    found = []
    for _ in range(REPEATS):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


def of_method(training: RunSettings, labels: int) -> Pace:
    """The lines through a large and a small batch."""
    chosen = training.encoder
    _, _, width, grid = work.stages(chosen.name, chosen.size)
    with tempfile.TemporaryDirectory() as folder:
        index = noise(Path(folder), width, grid)
        start = time.process_time()
        examples = make_examples(index, training, labels)
        model = counting.build(
            training.method, training.model, counting.label_space(labels), encoders.Cached(width)
        )
        loop = Training(model, examples, training.train, 0)
        start = time.process_time() - start
        loop.epoch = training.train.epochs - 1  # some methods begin with less
        loop.start_epoch()
        network = work.network(training, labels, chosen.size)
        step = line(lambda images: epoch(loop, images), network.step)
        forward = line(lambda images: judge(loop, images), network.forward)
    return Pace(step, forward, start)


def line(call: Callable[[int], int], products: Callable[[float], float]) -> Line:
    """`call` works through all images in batches and returns how many there were."""
    points = []
    for images in (SMALL, LARGE):
        count = call(images)
        points.append((products(images), quickest(partial(call, images)) / count))
    (x, y), (more, longer) = points
    each = max(0.0, (longer - y) / (more - x)) if more > x else 0.0
    if each * x > y:  # images cost more than their products do, as in ML-GCN: no fixed part is left
        return Line(0.0, (y / x + longer / more) / 2)
    return Line(y - each * x, each)


def epoch(loop: Training, images: int) -> int:
    rows = batches.groups(loop.examples.fit, images)
    chance = batches.Chance(0, 0)
    loop.model.train()
    for batch in loop.examples.batches(rows, chance, loop.settings, CPU):
        loop.learn(batch)
    return len(rows)


def judge(loop: Training, images: int) -> int:
    rows = batches.groups(loop.examples.fit, images)
    loop.model.eval()
    with torch.inference_mode():
        for batch in loop.examples.batches(rows, None, loop.settings, CPU):
            loop.model(batch)
    return len(rows)


def noise(folder: Path, width: int, grid: int) -> Path:
    """A file of features, as `extract_features` leaves it."""
    drawn = np.random.default_rng(0).random((IMAGES, grid, grid, width), np.float32)
    np.save(folder / "noise.npy", drawn.astype(np.float16))
    names = [f"{number}.jpg" for number in range(IMAGES)]
    write_json(folder / "noise.json", {"images": names, "encoder": {"view": "plain"}})
    return folder / "noise.json"


def make_examples(index: Path, training: RunSettings, labels: int) -> Examples:
    names = np.array([f"{number}.jpg" for number in range(IMAGES)])
    drawn = counting.inputs({"size": 1, "labels": labels}, IMAGES, CPU)
    views = [index] * len(training.train.views)
    inputs = batches.Inputs(batches.Features(views, names), drawn["boxes"])
    codes = drawn["target"].numpy().astype(np.int8)
    rows = np.arange(IMAGES)
    return Examples(inputs, drawn["target"], drawn["known"], codes, rows, rows[:0])


def main() -> None:
    """Setups from standard input -> a line for each method, and that of the encoder under ''."""
    numerics.set_threads(1)
    setups = json.load(sys.stdin)
    found, usual = {}, None
    for setup in setups:
        training = RunSettings.parse(json.dumps(setup["training"]))
        print(training.method, file=sys.stderr, flush=True)
        usual = usual or encoder_pace(training.encoder.name, training.encoder.size)
        found[training.method] = of_method(training, setup["labels"])
    print(json.dumps(as_lines(Speeds("", "", usual, found, 1.0, 1.0))))


if __name__ == "__main__":
    main()
