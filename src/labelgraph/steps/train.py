"""A training file and a method's settings -> a trained model in its run's folder.

Writes model.safetensors, history.csv, settings.yaml, provenance.json and circumstances.json. A
training that was stopped or killed continues from its last checkpoint when the step runs again.
With `--base` it is the second stage of a few-shot task, which trains another run's model further on
an episode.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from labelgraph.files.small import read_arrays, write_json, write_text
from labelgraph.inputs import batches
from labelgraph.jobs import provenance
from labelgraph.manifest.manifest import DIFFICULT, UNKNOWN
from labelgraph.parts import labelspace
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.split.roles import FIT, TUNE
from labelgraph.split.targets import training_target
from labelgraph.study.settings import RunSettings
from labelgraph.train import few_shots, run_folder
from labelgraph.train.checkpoint import Checkpoint
from labelgraph.train.loop import Examples, Training
from labelgraph.train.team import parallel, torchrun


@dataclass(frozen=True, kw_only=True)
class Files:
    """What a training reads, and the folder for its checkpoints."""

    train: Path
    counts: Path
    vectors: Path
    features: list[Path]  # the index of each view
    images: Path | None  # the raw folder, where nothing is cached
    base: Path | None  # the model of the first stage of a few-shot task
    edges: Path | None  # what ConceptNet says of the labels
    regions: Path | None
    work: Path
    code: list[Path]  # the files of the rule


def main(settings: RunSettings, files: Files, output: Path) -> None:
    clock, team = provenance.Clock(), parallel.join(name_of(settings))
    labels = labelspace.read(files.counts, files.vectors, files.edges)
    train = read_arrays(files.train)
    stage, weights = settings.shots, {}
    if stage:
        train = few_shots.of_episode(train, settings.seed)
        labels = few_shots.counted_in(labels, train) if stage.graph == "shots" else labels
        train = few_shots.novel_only(train) if stage.labels == "novel" else train
    examples = read_examples(files, train, settings)
    model = untrained(settings, labels, examples)
    if stage:
        weights = run_folder.read_weights(files.base)
        few_shots.carry(model, weights, stage.learns)
        few_shots.freeze(model, stage.learns)
    more = [path for path in (files.regions, files.base, files.edges) if path]
    inputs = [files.train, files.counts, files.vectors, *files.features, *more]
    record = provenance.record(inputs)
    checkpoint = Checkpoint(
        files.work / provenance.key(output, settings.lines(), record, files.code)
    )
    training = Training(model, examples, settings.train, settings.seed, team)
    kept = training.run(checkpoint)

    def save() -> None:
        run_folder.save_model(output / "model.safetensors", weights | kept, labels)
        write_text(output / "history.csv", pd.DataFrame(training.history).to_csv(index=False))
        run_folder.write_settings(output / "settings.yaml", settings)
        write_json(output / "provenance.json", provenance.account(record, settings.seed))
        met = clock.circumstances(output, team.size)
        write_json(output / provenance.CIRCUMSTANCES, met)
        checkpoint.remove()

    team.by_first(save)
    team.leave()


def untrained(settings: RunSettings, labels: LabelSpace, examples: Examples) -> nn.Module:
    model = run_folder.make(settings, labels, examples.inputs.pictures.width)
    if settings.encoder.spread is not None:
        model.encoder.measure(examples.features())
    return model


def name_of(settings: RunSettings) -> str:
    """How lines of progress begin."""
    about = (settings.dataset, settings.task, settings.system, f"seed {settings.seed}")
    return f"{', '.join(about)}: "


def read_examples(files: Files, train: dict[str, np.ndarray], settings: RunSettings) -> Examples:
    target, known = training_target(train["labels"], settings.difficult)
    codes = np.where(train["labels"] == UNKNOWN, DIFFICULT, train["labels"])  # both are left out
    inputs = batches.inputs(
        files.features, files.images, files.regions, train["images"], settings, learning=True
    )
    fit, tune = (np.flatnonzero(train["role"] == role) for role in (FIT, TUNE))
    return Examples(inputs, torch.from_numpy(target), torch.from_numpy(known), codes, fit, tune)


def command(arguments: list[str]) -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="train", description=__doc__, formatter_class=form)
    parser.add_argument("--settings", required=True, help="JSON text")
    for name in ("train", "counts", "vectors"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--features", type=Path, nargs="*", default=[], help="index of each view")
    parser.add_argument("--images", type=Path, help="the raw folder, if nothing is cached")
    parser.add_argument("--base", type=Path, help="model of the first stage, for few-shot tasks")
    parser.add_argument("--edges", type=Path, help="what ConceptNet says, for runs that use it")
    parser.add_argument("--regions", type=Path, help="boxes, for methods that use them")
    parser.add_argument("--code", type=Path, nargs="+", required=True, help="files of the rule")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--output", type=Path, required=True, help="the run's folder")
    parser.add_argument("--processes", type=int, default=1, help="processes that train together")
    given = vars(parser.parse_args(arguments))
    settings, output = RunSettings.parse(given.pop("settings")), given.pop("output")
    if (processes := given.pop("processes")) > 1 and not torchrun.inside():
        torchrun.run("train", arguments, processes)
    else:
        main(settings, Files(**given), output)


if __name__ == "__main__":
    command(sys.argv[1:])
