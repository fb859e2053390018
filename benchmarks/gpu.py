"""What can only be measured on a GPU, in one command of some minutes that needs no data.

    python benchmarks/gpu.py                                          # on a GPU; writes gpu.csv
    python benchmarks/gpu.py --device cpu --encoder resnet18 --side 64 --batch 4 --steps 8

Trains methods with the settings of the study `paper` on drawn photographs: ResNet-101 with random
weights, one process, in bfloat16 and float32, by the workflow's own training step. It measures

    encoder   images a second of the encoder alone and of each method, by `labelgraph bench heads`
    train     images a second of the training, with and without reading, and memory
    agree     whether the losses of both number formats agree; see TOLERANCE
    resume    whether a training that is killed and continues ends in the same weights
    heads     every method beside the encoder, which `labelgraph plan` then uses

A line is printed and the table is written after each part. The same command goes on with the parts
that the table lacks. Everything else is in --folder, which may be deleted.
"""

import argparse
import csv
import datetime
import itertools
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tiny
import torch
import watched_training
from watched_training import MEMORY, STEPS

from labelgraph import numerics
from labelgraph.files.small import read_json, write_arrays
from labelgraph.files.tensors import read_safetensors
from labelgraph.inputs import word_vectors
from labelgraph.jobs import provenance
from labelgraph.manifest import manifest as manifests
from labelgraph.steps import count_labels, draw, split, write_manifest
from labelgraph.study.config import Book, read_study, run_of

PRECISIONS = ("bfloat16", "float32")
EPOCHS = 2
WINDOW = 10  # steps whose losses are averaged before they are compared
TOLERANCE = 0.05  # of such a mean in float32: losses agree if every gap is at most this
AFTER = 20  # a training is killed a twentieth of all steps after the checkpoint
COLUMNS = ("date", "device", "driver", "torch", "setup", "part", "method", "precision", "measure")
WORDS = {"aliases": {}, "multiword": "mean", "case": "lower", "missing": "drawn"}
HEADS = ("step_images_per_second", "images_per_second", "step_ratio", "forward_ratio", "peak_mb")
Measures = dict[str, Any]
Losses = dict[int, float]  # step, from 1 -> loss


@dataclass(frozen=True)
class Part:
    name: str
    method: str
    precision: str


class Table:
    """The file of results: a line for each number, with the machine it was measured on."""

    def __init__(self, path: Path, about: dict[str, str]):
        self.path, self.about, self.rows = path, about, []
        if path.exists():
            with path.open(encoding="utf-8", newline="") as stream:
                self.rows = list(csv.DictReader(stream))

    def found(self, part: Part) -> Measures:
        """What was measured of a part on such a machine, in this setup."""
        same = {key: self.about[key] for key in ("device", "torch", "setup")}
        same |= {"part": part.name, "method": part.method, "precision": part.precision}
        return {row["measure"]: row["value"] for row in self.rows if same.items() <= row.items()}

    def add(self, part: Part, measures: Measures) -> None:
        about = self.about | {"part": part.name, "method": part.method}
        about |= {"precision": part.precision}
        self.rows += [
            about | {"measure": name, "value": text(value)} for name, value in measures.items()
        ]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.draft")
        with draft.open("w", encoding="utf-8", newline="") as stream:
            lines = csv.DictWriter(stream, (*COLUMNS, "value"), lineterminator="\n")
            lines.writeheader()
            lines.writerows(self.rows)
        draft.replace(self.path)


def text(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


class Trial:
    """The trainings of one setup, in a folder."""

    def __init__(self, given: argparse.Namespace, table: Table):
        self.given, self.table = given, table
        name = f"{given.encoder}-{given.side}-{given.batch}-{given.steps}-{given.device}"
        self.folder = given.folder.absolute() / name

    def book(self, precision: str) -> Book:
        given = self.given
        train = {
            "epochs": EPOCHS,
            "batch": given.batch,
            "precision": precision,
            "workers": given.workers,
            "drop_at": [],
            "select": "last",
            "checkpoint_seconds": 10**6,
        }
        lines = {
            "study": "paper",
            "encoder": {"name": given.encoder, "weights": None},
            "sizes": {448: given.side},
            "selection": "report",  # fits all drawn images of the part `trainval`
            "train": train,
        }
        return read_study(tiny.ROOT / "workflow/config", lines)

    def drawn(self) -> Path:
        """The data: photographs, labels, counts and word vectors."""
        data, fit = self.folder / "data", self.given.steps // EPOCHS * self.given.batch
        if (data / "vectors.npz").exists():
            return data
        scenes = {key: value for key, value in tiny.SCENES.items() if key != "layout"}
        scenes["images"] = {"trainval": fit, "test": self.given.batch}  # the latter are tuned on
        scenes["long_side"] = self.given.side * 10 // 7  # 640 pixels for 448
        draw.main("voc2007", scenes, data / "raw", data / "raw.json", os.cpu_count())
        manifest, book = data / "manifest.npz", self.book("float32")
        entry = book.dataset("voc2007")
        how = {"workers": os.cpu_count(), "decode": False}
        write_manifest.main(entry.reader, data / "raw", entry.options, manifest, None, **how)
        files = [data / f"{kind}.npz" for kind in ("train", "report", "targets")]
        split.main(manifest, book.protocol("voc2007", "full"), *files, data / "protocol.json")
        count_labels.main(data / "train.npz", data / "counts.npz")
        names = manifests.read(manifest).names
        vectors, _ = word_vectors.embed(names, None, WORDS)
        write_arrays(data / "vectors.npz", names=np.array(names), vectors=vectors)
        return data

    def start(self, part: Part, output: Path, *options: str) -> int:
        run = run_of("paper", "full", "voc2007", part.method, 0)
        settings = self.book(part.precision).settings(run).training.json_text()
        command = [sys.executable, watched_training.__file__, "--settings", settings]
        command += ["--data", str(self.drawn()), "--output", str(output), *options]
        return subprocess.run(command, env=self.environment()).returncode

    def environment(self) -> dict[str, str]:
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if self.given.device == "cpu" else {}
        return os.environ | numerics.PINS | hidden

    def trained(self, part: Part) -> Path:
        """The folder of a training that nothing disturbs."""
        output = self.folder / "whole" / part.precision / part.method
        if not (output / "circumstances.json").exists():
            shutil.rmtree(output, ignore_errors=True)
            well(self.start(part, output))
        return output

    def resumed(self, part: Part) -> Path:
        """The same of one that was killed in the middle, and its losses until then."""
        output = self.folder / "resumed" / part.precision / part.method
        if (output / "circumstances.json").exists():
            return output
        shutil.rmtree(output, ignore_errors=True)
        half = self.given.steps // 2
        late = half + max(1, self.given.steps // AFTER)
        code = self.start(part, output, "--saved-after", str(half), "--killed-after", str(late))
        if code != -9:
            raise RuntimeError(f"the training was to be killed, and ended with {code}")
        (output / STEPS).rename(output / f"before-{STEPS}")
        well(self.start(part, output))
        return output

    def bench(self, precision: str, methods: str) -> list[Measures]:
        """`labelgraph bench heads`, on the same device."""
        given = self.given
        options = {"encoder": given.encoder, "size": given.side, "batch": given.batch}
        options |= {"device": given.device, "precision": precision, "methods": methods}
        command = [
            sys.executable,
            "-m",
            "labelgraph",
            "bench",
            "heads",
            "--json",
            "--channels-last",
        ]
        command += [f"--{name}={value}" for name, value in options.items() if value]
        done = subprocess.run(
            command, cwd=tiny.ROOT, env=self.environment(), stdout=subprocess.PIPE, text=True
        )
        well(done.returncode)
        return json.loads(done.stdout)

    # A method for each kind of part; it returns what was measured.

    def encoder(self, part: Part) -> Measures:
        return of_bench(self.bench(part.precision, ",".join(self.given.methods)))

    def train(self, part: Part) -> Measures:
        output = self.trained(part)
        speeds = throughput(output, self.given.batch)
        alone = self.table.found(Part("encoder", "", part.precision))
        alone = alone.get(f"{self.given.encoder} step_images_per_second")
        if alone:
            share = speeds["images_per_second"] / float(alone)
            speeds["share_of_encoder_alone"] = share
        met = read_json(output / "circumstances.json")
        memory = read_json(output / MEMORY) if (output / MEMORY).exists() else {}
        memory["peak_process_mb"] = met["peak_mb"]
        return speeds | memory | {"wall_seconds": met["wall_seconds"]}

    def agree(self, part: Part) -> Measures:
        half, full = (
            losses(self.trained(Part("train", part.method, name)) / STEPS) for name in PRECISIONS
        )
        window = max(1, min(WINDOW, self.given.steps // EPOCHS))
        gap = largest_gap(half, full, window)
        ends = {"first_loss": full[1], "last_loss": full[max(full)]}
        return ends | {
            "window_steps": window,
            "largest_gap": gap,
            "tolerance": TOLERANCE,
            "agree": yes(gap <= TOLERANCE),
        }

    def resume(self, part: Part) -> Measures:
        whole, again = self.trained(part), self.resumed(part)
        undisturbed, before, after = (
            losses(path) for path in (whole / STEPS, again / f"before-{STEPS}", again / STEPS)
        )
        return {
            "first_step_that_differs_before_the_kill": first_that_differs(undisturbed, before),
            "first_step_that_differs_after_resuming": first_that_differs(before, after),
            **compared(whole / "model.safetensors", again / "model.safetensors"),
        }

    def heads(self, part: Part) -> Measures:
        return of_bench(self.bench(part.precision, self.given.heads))


def well(code: int) -> None:
    if code:
        raise RuntimeError(f"exit code {code}")


def yes(value: bool) -> str:
    return "yes" if value else "no"


def of_bench(found: list[Measures]) -> Measures:
    return {f"{line['method']} {name}": line[name] for line in found for name in HEADS}


def steps_in(path: Path) -> Iterator[tuple[int, int, float, float, float]]:
    """Step, epoch, loss, seconds of the step, and the time at its end."""
    with path.open(encoding="utf-8") as stream:
        for step, epoch, loss, seconds, end in csv.reader(stream):
            yield int(step), int(epoch), float(loss), float(seconds), float(end)


def losses(path: Path) -> Losses:
    return {step: loss for step, _, loss, *_ in steps_in(path)}


def throughput(output: Path, batch: int) -> Measures:
    """Medians over the steps after the first epoch, in which the device warms up.

    With reading: from the end of a step to the end of the next one in the same epoch.
    """
    rows = [row for row in steps_in(output / STEPS) if row[1] > 0]
    between = [b[4] - a[4] for a, b in itertools.pairwise(rows) if a[1] == b[1]]
    found = {"images_per_second": batch / statistics.median(row[3] for row in rows)}
    if between:
        found["images_per_second_with_reading"] = batch / statistics.median(between)
    return found


def largest_gap(one: Losses, other: Losses, window: int) -> float:
    """Of the means over each window of steps, relative to the other's."""

    def means(found: Losses) -> np.ndarray:
        values = np.array([found[step] for step in sorted(found)])
        return values[: len(values) // window * window].reshape(-1, window).mean(1)

    return float((abs(means(one) - means(other)) / means(other)).max())


def first_that_differs(one: Losses, other: Losses) -> int | str:
    """The first step, of those that both have, whose losses are not the same number."""
    return min((step for step in one.keys() & other if one[step] != other[step]), default="none")


def compared(one: Path, other: Path) -> Measures:
    """Tensors of two models; a difference is relative to the length of all of them together."""
    weights, others = read_safetensors(one)[0], read_safetensors(other)[0]
    different = [name for name, value in weights.items() if not torch.equal(value, others[name])]
    gap, length = 0.0, 0.0
    for name, value in weights.items():
        gap += float((value.double() - others[name].double()).square().sum())
        length += float(value.double().square().sum())
    return {
        "tensors": len(weights),
        "tensors_that_differ": len(different),
        "relative_difference": math.sqrt(gap / length),
        "same_weights": yes(not different and weights.keys() == others.keys()),
    }


def parts(given: argparse.Namespace) -> list[Part]:
    usual = PRECISIONS[0]
    found = [Part("encoder", "", name) for name in PRECISIONS]
    found += [Part("train", method, name) for name in PRECISIONS for method in given.methods]
    found += [Part("agree", method, "") for method in given.methods]
    found += [Part("resume", method, usual) for method in given.methods]
    return [*found, Part("heads", "", usual)]


def main(given: argparse.Namespace) -> int:
    if given.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no GPU here; --device cpu tries the script without one", file=sys.stderr)
        return 2
    table = Table(given.output or default_output(given), about(given))
    trial, failed = Trial(given, table), 0
    for part in parts(given):
        name = " ".join(filter(None, (part.name, part.method, part.precision)))
        if table.found(part):
            print(f"{name}: done before", flush=True)
            continue
        try:
            found = getattr(trial, part.name)(part)
        except (RuntimeError, OSError) as error:
            failed += 1
            print(f"{name}: failed, {error}", flush=True)
            continue
        table.add(part, found)
        shown = [f"{key} {text(value)}" for key, value in found.items()][:6]
        print(f"{name}: {', '.join(shown)}", flush=True)
    return int(failed > 0)


def default_output(given: argparse.Namespace) -> Path:
    """Numbers of a processor are a trial of this script, not results."""
    if given.device == "cpu":
        return given.folder / "cpu.csv"
    return Path(__file__).with_suffix(".csv")


def about(given: argparse.Namespace) -> dict[str, str]:
    hardware = provenance.hardware()
    device = hardware["gpu"] if given.device == "cuda" else hardware.get("processor")
    return {
        "date": datetime.date.today().isoformat(),
        "device": device or "a processor",
        "driver": driver() if given.device == "cuda" else "",
        "torch": torch.__version__,
        "setup": f"{given.encoder} at {given.side} pixels, batches of {given.batch},"
        f" {given.steps} steps, one process",
    }


def driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True).stdout.split()
    except OSError:
        return "unknown"
    return found[0] if found else "unknown"


def parse(arguments: list[str]) -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--methods", nargs="+", default=["baseline", "ml_gcn", "ml_sgm"])
    parser.add_argument("--heads", default="", help="methods of the last part (default: all)")
    parser.add_argument("--encoder", default="resnet101")
    parser.add_argument("--side", type=int, default=448, help="pixels")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=100, help=f"a multiple of {EPOCHS}")
    parser.add_argument("--workers", type=int, default=8, help="processes that read images")
    parser.add_argument("--folder", type=Path, default=tiny.ROOT / "work/gpu")
    parser.add_argument("--output", type=Path, help="default: gpu.csv beside this file")
    given = parser.parse_args(arguments)
    if given.steps < EPOCHS or given.steps % EPOCHS:
        parser.error(f"--steps is {given.steps}; it takes a multiple of {EPOCHS}")
    return given


if __name__ == "__main__":
    sys.exit(main(parse(sys.argv[1:])))
