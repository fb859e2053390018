"""Lays the layers of settings over each other: the one place where this happens.

A later layer overrides an earlier one, line by line: defaults, the method, the method on this
dataset, the variant's recipe, the study, the study's lines for the method, those for the method on
this dataset, the variant. In a partial task the block `partial` of a layer comes right after the
layer; in the second stage of a few-shot task the blocks `shots` of all layers come last.
"""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from labelgraph.study import encoder_titles, tasks
from labelgraph.study.entries import Change, Defaults, Lines
from labelgraph.study.method_files import keywords
from labelgraph.study.settings import Encoder, RunSettings, Train
from labelgraph.study.validation import BRIEF, message, unknown

BLOCKS = ("encoder", "model", "train", "score")
CHANGED_BY_SHOTS = ("model", "train")
# block -> the study's table of sizes, and the settings it applies to
SCALED = {
    "encoder": ("sizes", ("size", "test_size")),
    "model": ("widths", ("widths", "encoder_widths")),
}
FETCHED = "data/archives/"  # where the workflow puts downloads
BEGINS = {"start", "rounds"}  # keywords of methods that are epochs
Layers = Sequence[Defaults | Change]
Merged = dict[str, Lines]  # the blocks of a run


def merged(layers: Layers, task: str) -> Merged:
    """The blocks of a run; `shots` is one of them in the second stage of a few-shot task."""
    parts = list(layers)
    if task.startswith("partial"):
        parts = [part for layer in layers for part in (layer, getattr(layer, "partial", None))]
    found = {name: laid_over([lines(part, name) for part in parts]) for name in BLOCKS}
    return with_shots(found, layers) if tasks.has_shots(task) else found


def with_shots(found: Merged, layers: Layers) -> Merged:
    """The settings of the second stage: the encoder rests, other lines are those of `shots`."""
    stages = [layer.shots for layer in layers if layer.shots]
    changed = {
        name: found[name] | laid_over([lines(stage, name) for stage in stages])
        for name in CHANGED_BY_SHOTS
    }
    shots = laid_over(
        [
            {key: line for key, line in stage.lines().items() if key not in CHANGED_BY_SHOTS}
            for stage in stages
        ]
    )
    encoder = dict(found["encoder"])
    if isinstance(encoder["learns"], str):  # stages that learned in the first stage stay its own
        encoder["learns"] = "nothing"
    return found | changed | {"encoder": encoder, "shots": shots}


def lines(layer: Any, name: str) -> Lines:
    block = getattr(layer, name, None)
    if block is None or isinstance(block, dict):
        return block or {}
    return block.lines()


def laid_over(blocks: list[Lines]) -> Lines:
    found: Lines = {}
    for block in blocks:
        found |= block
    return found


def scale(found: Merged, tables: dict[str, dict[Any, int]]) -> None:
    """The papers' sizes and widths become the study's."""
    for block, (name, keys) in SCALED.items():
        found[block] |= smaller(found[block], keys, tables[name])


def smaller(block: Lines, keys: tuple[str, ...], sizes: dict[Any, int]) -> Lines:
    def scaled(value: Any) -> Any:
        if isinstance(value, list):
            return [scaled(entry) for entry in value]
        return sizes.get(value, value) if isinstance(value, int) else value

    return {key: scaled(block[key]) for key in keys & block.keys()}


def check(found: RunSettings, usual: Lines, where: str) -> None:
    """Reports every line that contradicts another, or that the method cannot use.

    `usual` is the method's own block `model`, which shows what kind of value each keyword takes.
    """
    problems = [
        *unusable(found.model, found.method, usual),
        *contradictions(found.encoder, found.train),
        *too_late(found.model, found.train.epochs),
    ]
    if problems:
        raise ValueError(message([f"{where}{problem}" for problem in problems]))


def unusable(model: Lines, method: str, usual: Lines) -> list[str]:
    """Keywords that the method's `build` does not take, lacks, or takes of another kind."""
    found, known = [], keywords(method)
    if strangers := [key for key in model if key not in known]:
        found.append(unknown("model", strangers, known))
    if missing := sorted(known - model.keys()):
        found.append(f"model lacks {missing}")
    for key in known & model.keys() & usual.keys():
        found += unlike(f"model.{key}", model[key], usual[key])
    return found


def unlike(path: str, value: Any, example: Any) -> list[str]:
    """Whether a value is of the kind of its example."""
    if example is None or value is None:
        return []
    number = isinstance(example, int | float) and not isinstance(example, bool)
    kind = (int, float) if type(example) is float else type(example)
    if not isinstance(value, kind) or (number and isinstance(value, bool)):
        return [f"{path} is {BRIEF.repr(value)}; it takes something like {example!r}"]
    if number and not is_finite(value):
        return [f"{path} is {BRIEF.repr(value)}; it takes a finite number"]
    if number and value < 0 <= example:
        return [f"{path} is {value!r}; it may not be negative"]
    if isinstance(example, list) and example:
        pairs = enumerate(value)
        return [line for n, entry in pairs for line in unlike(f"{path}[{n}]", entry, example[0])]
    return []


def is_finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def contradictions(encoder: Encoder, train: Train) -> list[str]:
    """Settings that contradict each other, and weights that do not exist."""
    found, weights = [], encoder.weights
    if encoder.cached and encoder.learns in ("all", "last_stage"):
        found.append("encoder.cached needs encoder.learns: nothing, or a number of last_stages")
    if encoder.last_stages > (count := encoder_titles.STAGES[encoder.name]):
        found.append(
            f"encoder.learns.last_stages is {encoder.last_stages}; {encoder.name} has {count}"
        )
    if encoder.spread is not None and not encoder.cached:
        found.append("encoder.spread needs encoder.cached: true")
    if train.optimizer == "exact" and not (encoder.cached and encoder.rests):
        found.append("train.optimizer: exact needs encoder.cached: true and learns: nothing")
    if signs := {*"<>{}\n"} & {*str(weights)}:
        found.append(
            f"encoder.weights is {weights!r}; Snakemake reads {sorted(signs)} in a path as signs"
            " of its own, so rename the file"
        )
    elif weights not in ("imagenet", None) and not (
        weights.startswith(FETCHED) or Path(weights).is_file()
    ):
        found.append(
            f"encoder.weights is {weights!r}, which is not a file; it may be imagenet, null, a"
            f" file, or one of {FETCHED} that the workflow downloads"
        )
    late = [epoch for epoch in train.drop_at if epoch >= train.epochs]
    if train.schedule == "step" and late:
        found.append(f"train.drop_at {late} never comes: train.epochs is {train.epochs}")
    return found


def too_late(model: Lines, epochs: int) -> list[str]:
    """What a method begins at an epoch must begin before the last."""
    found = []
    for key in sorted(BEGINS & model.keys()):
        first = model[key] if isinstance(model[key], list) else [model[key]]
        late = [epoch for epoch in first if isinstance(epoch, int) and epoch >= epochs]
        if late:
            found.append(f"model.{key} {late} never comes: train.epochs is {epochs}")
    return found
