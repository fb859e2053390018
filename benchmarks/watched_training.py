"""A run's training, as the workflow starts it, with the loss and the seconds of each step.

`benchmarks/gpu.py` starts it. It calls `src/labelgraph/steps/train.py`; beside the run's files it
leaves steps.csv and memory.json. It can be killed after a step, some steps after a checkpoint.
"""

import argparse
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import torch

from labelgraph import numerics
from labelgraph.steps import train
from labelgraph.study.settings import RunSettings
from labelgraph.train.loop import Training

STEPS, MEMORY = "steps.csv", "memory.json"
NEVER = 0  # steps are counted from 1


def watched(file: Path, saved_after: int, killed_after: int) -> type[Training]:
    class Watched(Training):
        def learn(self, batch):
            begun = time.perf_counter()
            loss = super().learn(batch)  # waits for the device, since it returns a number
            done, now = self.epoch * self.per_epoch + self.step + 1, time.perf_counter()
            with file.open("a", encoding="utf-8") as stream:
                stream.write(f"{done},{self.epoch},{loss!r},{now - begun},{now}\n")
            if done == killed_after:
                os.kill(os.getpid(), signal.SIGKILL)
            if done == saved_after:
                self.saved = -math.inf  # a checkpoint is due
            return loss

    return Watched


def main(given: argparse.Namespace) -> None:
    numerics.set_threads(1)
    given.output.mkdir(parents=True, exist_ok=True)
    file = given.output / STEPS
    train.Training = watched(file, given.saved_after, given.killed_after)
    data = given.data
    files = train.Files(
        train=data / "train.npz",
        counts=data / "counts.npz",
        vectors=data / "vectors.npz",
        features=[],
        images=data / "raw",
        base=None,
        edges=None,
        regions=None,
        work=given.output / "work",
        code=[Path(__file__)],
    )
    train.main(RunSettings.parse(given.settings), files, given.output)
    if torch.cuda.is_available():
        found = {
            "peak_gpu_mb": torch.cuda.max_memory_allocated() / 1e6,
            "peak_gpu_mb_reserved": torch.cuda.max_memory_reserved() / 1e6,
        }
        (given.output / MEMORY).write_text(json.dumps(found))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--settings", required=True, help="JSON text")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--saved-after", type=int, default=NEVER, help="steps until a checkpoint")
    parser.add_argument("--killed-after", type=int, default=NEVER, help="steps until it is killed")
    main(parser.parse_args(arguments))


if __name__ == "__main__":
    command(sys.argv[1:])
