"""Time of a training step in several processes against the same step in one, in turns.

    python benchmarks/processes.py [--processes 2] [--methods baseline,ml_gcn,ml_sgm] [--turns 3]

Random images and weights, an encoder that learns, one thread for each process. Every process
computes what comes after the encoder, so a method gains less the more it costs there. Seconds are
processor time of the busiest process: other programs do not count, and neither does waiting.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import torch._dynamo  # or every fork would import it

from labelgraph.costs import counting, networks
from labelgraph.encoders import encoder as encoders
from labelgraph.study.config import read_study
from labelgraph.train.loop import Examples, Training
from labelgraph.train.team import parallel, torchrun

CONFIG = Path(__file__).parents[1] / "workflow/config"
BOOK = read_study(CONFIG, {"study": "paper"})


class Given:
    """A batch in memory, in the form that Examples use."""

    def __init__(self, batch: dict[str, torch.Tensor]):
        self.batch = batch

    def batches(self, parts, chance):
        for part in parts:
            yield {name: self.batch[name][part] for name in ("image", "boxes")}


def training(method: str, team: parallel.Alone, options: argparse.Namespace) -> Training:
    sizes = {"encoder": options.encoder, "size": options.size, "labels": networks.LABELS}
    device, rows = torch.device("cpu"), np.arange(options.batch)
    batch = counting.inputs(sizes, options.batch, device)
    torch.manual_seed(0)
    encoder = encoders.build(options.encoder, None, "all")
    settings = networks.settings(BOOK, [method])[method]
    model = counting.build(method, settings, counting.label_space(networks.LABELS), encoder)
    codes = batch["target"].numpy().astype(np.int8)
    examples = Examples(Given(batch), batch["target"], batch["known"], codes, rows, rows[:0])
    lines = {"batch": options.batch, "schedule": "constant", "lr": 1e-6}
    block = BOOK.defaults.train.model_copy(update=lines)
    return Training(model.requires_grad_(True), examples, block | {"encoder_lr": 1e-6}, 0, team)


def seconds(team: parallel.Alone, learning: Training, at_work: bool) -> float:
    """Seconds of one step, while the other processes wait."""
    start = time.process_time()
    if at_work:
        parts = [learning.examples.fit]
        for batch in learning.shared.batches(parts, None, learning.settings, learning.device):
            learning.learn(batch)
    return max(team.collect(time.process_time() - start))


def command(arguments: list[str]) -> None:
    """Runs in each process."""
    options, team = parse(arguments), parallel.join()
    torch.set_num_threads(1)
    for method in options.methods.split(","):
        alone, together = training(method, parallel.ALONE, options), training(method, team, options)
        turns = [
            (seconds(team, alone, team.first), seconds(team, together, True))
            for _ in range(options.turns + 1)
        ][1:]  # the first warms up
        one, several = (statistics.median(times) for times in zip(*turns, strict=True))
        ratio = statistics.median(one / several for one, several in turns)
        if team.first:
            print(f"{method:14} one {one:7.3f} s  {team.size} together {several:7.3f} s", end="")
            print(f"  {ratio:5.2f} times as fast", flush=True)
    team.leave()


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--methods", default="baseline,ml_gcn,ml_sgm")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--encoder", default="resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.modules["labelgraph.steps.benchmark"] = SimpleNamespace(command=command)
    torchrun.run("benchmark", sys.argv[1:], parse(sys.argv[1:]).processes)
