"""Tries settings of every method, the same number for each, on images that no table reports.

    python benchmarks/tune.py mini full tuning.csv --systems ml_gcn,ml_sgm --data ../second
    python benchmarks/tune.py laptop full tuning.csv --systems ml_gcn,ml_sgm --held-out 0.3
    python benchmarks/tune.py evening full tuning.csv --systems baseline,ml_sgm --held-out 0.3 \
        --grid epochs=2,4 encoder_lr=0.00003,0.0001

The inputs must be there: for `mini`, of a second drawing of the scenes, which the file's README
describes; for photographs, with `--held-out`, a share of the fit images is judged and not learned.

A method's first trial has its settings in the study; the first half of the others is drawn widely
around them, the second near the best so far. The best few are repeated with other seeds and on
other data (`--finals`), and near the best of these `--refine` more are tried on the same. With
`--grid` every combination of the given values is tried instead, around the study's settings. Each
line of the file is one training. A call that is interrupted goes on where it stopped.
"""

import argparse
import csv
import functools
import itertools
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from labelgraph import numerics
from labelgraph.files.small import read_arrays
from labelgraph.inputs import batches
from labelgraph.manifest.manifest import DIFFICULT, UNKNOWN
from labelgraph.parts import labelspace
from labelgraph.predict import inference
from labelgraph.score.average_precision import label_precisions, mean
from labelgraph.split.roles import FIT, TUNE
from labelgraph.split.targets import training_target
from labelgraph.study import config
from labelgraph.study.settings import RunSettings
from labelgraph.train import run_folder
from labelgraph.train.loop import Examples, Training

CONFIG = Path("workflow/config")
SPREADS = (None, 0.3, 0.5, 1.0)
BATCHES = (8, 12, 16, 24, 32, 48)
FACTORS = {
    "lr": (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0),
    "weight_decay": (0.1, 0.3, 1.0, 3.0, 10.0),
    "epochs": (0.5, 0.75, 1.0, 1.5, 2.0, 3.0),
    "encoder_lr": (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0),
}
FIELDS = ("study", "task", "system", "stage", "trial", "dataset", "seed")
CHOSEN = ("lr", "weight_decay", "epochs", "batch", "spread", "encoder_lr")
COLUMNS = (*FIELDS, *CHOSEN, "map", "cpu_seconds")


class Data(NamedTuple):
    """What the runs of one task and dataset share."""

    labels: labelspace.LabelSpace
    examples: Examples
    judged: batches.Inputs
    rows: np.ndarray  # of `judged`
    codes: np.ndarray  # their labels (n, C)


class Never:
    """A checkpoint that is never written."""

    def load(self) -> None:
        return None


@functools.cache
def book(study: str) -> config.Book:
    return config.read_study(CONFIG, {"study": study})


def settings_of(study: str, task: str, dataset: str, system: str, seed: int) -> RunSettings:
    return book(study).settings(config.run_of(study, task, dataset, system, seed)).training


@functools.cache
def data(root: Path, task: str, held_out: float, settings: str) -> Data:
    run = RunSettings.parse(settings)
    splits = root / f"data/splits/{run.study}"
    inputs = root / f"data/inputs/{run.study}/{run.dataset}"
    train = read_arrays(splits / task / run.dataset / "train.npz")
    before = f"-before_last_{last}" if (last := run.encoder.last_stages) else ""
    grids = [
        inputs / f"features/{run.encoder.name}{before}-{run.encoder.size}-{view}.json"
        for view in run.train.views
    ]
    boxes = inputs / "regions-rpn.npz"
    read = functools.partial(
        batches.inputs, grids, None, boxes if boxes.exists() else None, settings=run, learning=True
    )
    known = read(train["images"])
    target, shown = training_target(train["labels"], run.difficult)
    codes = np.where(train["labels"] == UNKNOWN, DIFFICULT, train["labels"])
    fit, tune = (np.flatnonzero(train["role"] == role) for role in (FIT, TUNE))
    if held_out:
        out = np.random.default_rng(0).permutation(len(fit))[: round(held_out * len(fit))]
        rows, fit = np.sort(fit[out]), np.delete(fit, out)
        complete = read_arrays(splits / "full" / run.dataset / "train.npz")["labels"]
        judged, truth = known, np.where(complete == UNKNOWN, DIFFICULT, complete)[rows]
    else:
        report = read_arrays(splits / "full" / run.dataset / "targets.npz")
        judged, rows, truth = (
            read(report["images"]),
            np.arange(len(report["images"])),
            report["target"],
        )
    labels = labelspace.read(inputs / task / "label_counts.npz", inputs / "label_vectors.npz")
    examples = Examples(known, torch.from_numpy(target), torch.from_numpy(shown), codes, fit, tune)
    return Data(labels, examples, judged, rows, truth)


def trained(root: Path, held_out: float, row: dict[str, Any]) -> dict[str, Any]:
    """One training: the row with its mAP and its processor time."""
    torch.set_num_threads(1)
    run = settings_of(*(row[name] for name in ("study", "task", "dataset", "system", "seed")))
    plain = run.model_copy(update={"seed": 0, "method": "", "variant": "", "model": {}})
    seen = data(root, row["task"], held_out, plain.json_text())
    started = time.process_time()
    found = judged(changed(run, row), seen)
    return row | {"map": round(found, 2), "cpu_seconds": round(time.process_time() - started, 1)}


def judged(
    run: RunSettings, seen: Data, change: Callable[[nn.Module], None] | None = None
) -> float:
    """mAP in percent after a training, of a method that was changed before it."""
    model = run_folder.make(run, seen.labels, seen.examples.inputs.pictures.width)
    if run.encoder.spread is not None:
        model.encoder.measure(seen.examples.features())
    if change:
        change(model)
    training = Training(model, seen.examples, run.train, run.seed)
    model.load_state_dict(training.run(Never()), strict=False)
    logits = inference.scores(model, seen.judged, seen.rows, run.train, torch.device("cpu"))
    pairs = map(np.ascontiguousarray, (logits.T, seen.codes.T))
    return 100 * mean(label_precisions(*pairs, "ignored")["non_interpolated"])


def changed(run: RunSettings, row: dict[str, Any]) -> RunSettings:
    """The run with the row's settings; rounds of a method move with its epochs."""
    lines = run.lines()
    share = row["epochs"] / lines["train"]["epochs"]
    for name in ("start", "rounds"):
        if name in lines["model"]:
            lines["model"][name] = moved(lines["model"][name], share, row["epochs"])
    late = [moved(epoch, share, row["epochs"]) for epoch in lines["train"]["drop_at"]]
    own = {name: row[name] for name in CHOSEN if name != "spread" and row[name] is not None}
    lines["train"] |= own | {"drop_at": late, "checkpoint_seconds": 10**6}
    if lines["train"]["optimizer"] == "exact" and row["stage"] != "optimum":
        lines["train"]["optimizer"] = "adamw"
    lines["encoder"]["spread"] = row["spread"]
    return RunSettings.model_validate(lines)


def moved(epoch: Any, share: float, epochs: int) -> Any:
    if isinstance(epoch, list):
        return [moved(each, share, epochs) for each in epoch]
    return min(max(1, round(epoch * share)), epochs - 1)


def start(row: dict[str, Any]) -> dict[str, Any]:
    """The study's own settings, which are each method's first trial."""
    run = settings_of(*(row[name] for name in ("study", "task", "dataset", "system", "seed")))
    found = {name: getattr(run.train, name) for name in CHOSEN if name != "spread"}
    rate = None if run.encoder.rests else run.train.encoder_lr
    return found | {"spread": run.encoder.spread, "encoder_lr": rate}


def drawn(around: dict[str, Any], wide: bool, chance: np.random.Generator) -> dict[str, Any]:
    """Other settings: all lines may change, or, near the best, each with a chance of a half."""
    found = dict(around)
    for name in CHOSEN:
        if (around[name] is None and name != "spread") or (not wide and chance.random() < 0.5):
            continue
        if name == "spread":
            found[name] = SPREADS[chance.integers(len(SPREADS))]
        elif name == "batch":
            found[name] = BATCHES[chance.integers(len(BATCHES))]
        else:
            factors = FACTORS[name] if wide else FACTORS[name][1:-1]
            value = around[name] * factors[chance.integers(len(factors))]
            found[name] = max(2, round(value)) if name == "epochs" else rounded(value)
    return found


def rounded(value: float) -> float:
    """Two digits."""
    return float(f"{value:.1e}")


class Search:
    """The trials of one method: which come next, and which were best."""

    def __init__(self, given: argparse.Namespace, system: str, done: list[dict[str, Any]]):
        self.given, self.system = given, system
        self.rows = [row for row in done if row["system"] == system]

    def next(self) -> list[dict[str, Any]]:
        """The trainings to do now; none at the end."""
        given, found = self.given, self.of("search")
        if given.grid:
            return self.grid()
        if not found:
            return [self.first(0) | start(self.first(0))]
        if len(found) < given.trials:
            wide = len(found) < given.trials / 2
            around = found[0] if wide else max(found, key=lambda row: row["map"])
            return [self.first(len(found)) | self.other(around, wide, len(found))]
        best = sorted(found, key=lambda row: -row["map"])[: given.finalists]
        if missing := [row for trial in best for row in self.missing(trial, "final")]:
            return missing
        refined = self.of("refine")
        for trial in sorted({row["trial"] for row in refined}):
            if missing := self.missing(next(r for r in refined if r["trial"] == trial), "refine"):
                return missing
        number = given.trials + len({row["trial"] for row in refined})
        if number == given.trials + given.refine:
            return []
        around = max((*self.of("final"), *refined), key=self.score)
        new = self.first(number) | self.other(around, False, number)
        return self.missing(new, "refine")

    def grid(self) -> list[dict[str, Any]]:
        """Every combination of the given values that was not trained yet, with every seed."""
        around = start(self.first(0))
        values = itertools.product(*self.given.grid.values())
        trials = [around | dict(zip(self.given.grid, each, strict=True)) for each in values]
        there = {tuple(row[name] for name in ("seed", *CHOSEN)) for row in self.of("grid")}
        rows = [
            self.first(number) | trial | {"stage": "grid", "seed": seed}
            for number, trial in enumerate(trials)
            for seed in range(self.given.seeds)
        ]
        return [row for row in rows if tuple(row[name] for name in ("seed", *CHOSEN)) not in there]

    def of(self, stage: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["stage"] == stage]

    def first(self, trial: int) -> dict[str, Any]:
        """A line of the search, without settings."""
        given = self.given
        about = {"study": given.study, "task": given.task, "system": self.system}
        return about | {"stage": "search", "trial": trial, "dataset": given.dataset, "seed": 0}

    def other(self, around: dict[str, Any], wide: bool, trial: int) -> dict[str, Any]:
        """Settings that were not tried before."""
        chance = np.random.default_rng([trial, *self.system.encode()])
        tried = {tuple(row[name] for name in CHOSEN) for row in self.rows}
        while True:
            found = drawn({name: around[name] for name in CHOSEN}, wide, chance)
            if tuple(found.values()) not in tried:
                return found

    def missing(self, row: dict[str, Any], stage: str) -> list[dict[str, Any]]:
        """What a trial of the second half of the search is trained on, and was not yet."""
        wanted = [
            row | {"stage": stage, "dataset": dataset, "task": task, "seed": seed}
            for dataset, task, seed in self.given.finals
        ]
        there = {tuple(each[name] for name in FIELDS) for each in self.of(stage)}
        return [each for each in wanted if tuple(each[name] for name in FIELDS) not in there]

    def score(self, row: dict[str, Any]) -> float:
        """The mean over data of the mean over seeds."""
        found: dict[tuple, list[float]] = {}
        for each in self.of(row["stage"]):
            if each["trial"] == row["trial"]:
                found.setdefault((each["dataset"], each["task"]), []).append(each["map"])
        return float(np.mean([np.mean(values) for values in found.values()]))


def work(given: argparse.Namespace) -> None:
    done = read(given.file, given)
    searches = [Search(given, system, done) for system in given.systems]
    waiting: dict[Any, Search] = {}
    with ProcessPoolExecutor(given.jobs) as pool:
        queue = list(searches)
        while queue or waiting:
            for search in queue:
                for row in search.next():
                    row = {name: row.get(name) for name in COLUMNS[:-2]}
                    waiting[pool.submit(trained, given.data, given.held_out, row)] = search
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            queue = []
            for job in ready:
                search = waiting.pop(job)
                search.rows.append(job.result())
                write(given.file, search.rows[-1])
                if search not in waiting.values() and not given.grid:
                    queue.append(search)


def read(path: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    tasks = {given.task, *(task for _, task, _ in given.finals)}
    return [row for row in rows_in(path) if row["study"] == given.study and row["task"] in tasks]


def rows_in(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return [typed(row) for row in csv.DictReader(stream)]


def typed(row: dict[str, str]) -> dict[str, Any]:
    whole = ("trial", "seed", "epochs", "batch")
    real = ("lr", "weight_decay", "map", "cpu_seconds")
    perhaps = ("spread", "encoder_lr")
    return (
        row
        | {name: int(row[name]) for name in whole}
        | {name: float(row[name]) for name in real}
        | {name: float(row[name]) if row[name] else None for name in perhaps}
    )


def write(path: Path, row: dict[str, Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        if new:
            table.writeheader()
        table.writerow(row)
    print(*(row[name] for name in COLUMNS), flush=True)


def final(text: str) -> tuple[str, str, int]:
    dataset, task, seed = text.split(":")
    return dataset, task, int(seed)


def grid(texts: list[str]) -> dict[str, list[Any]]:
    """`epochs=2,4` -> the values of a line; nothing between commas is null."""
    found = {}
    for text in texts:
        name, _, values = text.partition("=")
        if name not in CHOSEN:
            raise SystemExit(f"--grid: {name!r} is none of {', '.join(CHOSEN)}")
        whole = name in ("epochs", "batch")
        found[name] = [
            (int if whole else float)(value) if value else None for value in values.split(",")
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("study")
    parser.add_argument("task")
    parser.add_argument("file", type=Path)
    parser.add_argument("--systems", type=lambda text: text.split(","), required=True)
    parser.add_argument("--dataset", default="voc2007")
    parser.add_argument("--finals", type=lambda text: [*map(final, text.split(","))], default=[],
                        help="DATASET:TASK:SEED, what the finalists are repeated on")  # fmt: skip
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--finalists", type=int, default=4)
    parser.add_argument("--refine", type=int, default=0)
    parser.add_argument("--held-out", type=float, default=0.0)
    parser.add_argument("--grid", nargs="+", default=[], help="NAME=VALUE,VALUE")
    parser.add_argument("--seeds", type=int, default=1, help="of each combination of --grid")
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--jobs", type=int, default=2)
    numerics.set_seed(0)
    given = parser.parse_args()
    given.grid = grid(given.grid)
    work(given)


if __name__ == "__main__":
    main()
