"""Whether settings make sense, before anything starts: each mistake is named with what may be."""

import ast
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from labelgraph.jobs import sourcecode
from labelgraph.study.shapes import BRIEF

CHOICES = {
    "encoder.name": ("efficientnet_lite0", "resnet101", "resnet18", "resnet34", "resnet50"),
    "train.optimizer": ("sgd", "adam", "adamw"),
    "train.schedule": ("step", "cosine", "onecycle", "constant"),
    "train.precision": ("float32", "bfloat16", "float16"),
    "train.augment": ("multiscale", "crop640", "flip", "none"),
    "train.select": ("best", "last"),
    "encoder.learns": ("all", "last_stage", "nothing"),
    "encoder.test_view": ("plain", "centre"),
}
ELEMENTS = {"train.views": ("plain", "flip", "centre")}  # what a list may hold
POSITIVE = ("encoder.size", "encoder.test_size", "train.epochs", "train.batch", "score.top")
MOST = {  # far beyond what anybody computes, so that a slip of the keyboard does not fill memory
    **dict.fromkeys(("encoder.size", "encoder.test_size"), 4096),
    **dict.fromkeys(("train.epochs", "train.batch"), 100_000),
    "train.workers": 1024,
}
SHARES = ("train.momentum", "train.warm_up", "train.ema", "score.threshold")  # from 0 to 1
FETCHED = "data/archives/"  # where the workflow puts what it downloads
BEGINS = {"start", "rounds"}  # settings of methods that are epochs


def keys(where: str, block: Any, known: set[str]) -> None:
    """`block` is a mapping without a key that nobody reads."""
    if not isinstance(block, dict):
        raise ValueError(f"{where} is {block!r}; it takes lines of KEY: VALUE")
    if unknown := block.keys() - known:
        raise ValueError(
            f"{where} has unknown keys {sorted(unknown, key=str)}; known are {sorted(known)}"
        )


def check(merged: dict[str, dict], where: str, defaults: dict, method: str) -> None:
    """The four blocks of a run's settings."""
    for block in ("encoder", "train", "score"):
        keys(f"{where}: {block}", merged[block], set(defaults[block]))
        for key, value in merged[block].items():
            kind(f"{where}: {block}.{key}", value, defaults[block][key])
    wanted = model_settings(method)
    keys(f"{where}: model", merged["model"], wanted)
    if missing := wanted - merged["model"].keys():
        raise ValueError(f"{where}: model lacks {sorted(missing)}")
    choices(f"{where}: ", merged)
    bounds(f"{where}: ", merged)
    together(where, merged["encoder"], merged["train"])
    in_time(where, merged["model"], merged["train"]["epochs"])


def processes(where: str, count: Any, encoder: dict[str, Any]) -> None:
    """How many train one model together; they share the encoder's work."""
    if type(count) is not int or count < 1:
        raise ValueError(f"processes is {count!r}; it must be a number from 1")
    if count > 1 and encoder["cached"]:
        raise ValueError(
            f"{where}: processes is {count}, and encoder.cached leaves them nothing to share; set"
            " processes to 1, or encoder.cached to false"
        )


def choices(where: str, merged: dict[str, dict]) -> None:
    """`where` comes before the name of each setting."""
    for path, allowed in CHOICES.items():
        block, key = path.split(".")
        if key in merged[block] and merged[block][key] not in allowed:
            raise ValueError(f"{where}{path} is {merged[block][key]!r}, not one of {allowed}")


def bounds(where: str, merged: dict[str, dict]) -> None:
    for path in (*POSITIVE, *MOST, *SHARES, *ELEMENTS):
        block, key = path.split(".")
        value = merged[block].get(key)
        if value is None:
            continue
        if path in POSITIVE and value < 1:
            raise ValueError(f"{where}{path} is {value!r}; it must be 1 or more")
        if value_above(path, value):
            raise ValueError(f"{where}{path} is {value!r}; it may be {MOST[path]} at most")
        if path == "score.threshold" and value in (0, 1):
            raise ValueError(f"{where}{path} is {value!r}; it must lie between 0 and 1")
        if path in SHARES and not (isinstance(value, int | float) and 0 <= value <= 1):
            raise ValueError(f"{where}{path} is {value!r}; it must be from 0 to 1")
        if path in ELEMENTS and not (value and all(one in ELEMENTS[path] for one in value)):
            raise ValueError(f"{where}{path} is {value!r}; it takes some of {ELEMENTS[path]}")


def value_above(path: str, value: Any) -> bool:
    return path in MOST and value > MOST[path]


def kind(path: str, value: Any, example: Any) -> None:
    """A setting is of the kind that its default is of."""
    if example is None or value is None:
        return
    number = isinstance(example, int | float) and not isinstance(example, bool)
    wanted = (int, float) if type(example) is float else type(example)
    if not isinstance(value, wanted) or (number and isinstance(value, bool)):
        raise ValueError(f"{path} is {BRIEF.repr(value)}; it takes something like {example!r}")
    if number and not isfinite(value):
        raise ValueError(f"{path} is {value!r}; it takes a finite number")
    if number and value < 0 <= example:
        raise ValueError(f"{path} is {value!r}; it may not be negative")
    if isinstance(example, list) and example:
        for place, entry in enumerate(value):
            kind(f"{path}[{place}]", entry, example[0])


def together(where: str, encoder: dict[str, Any], train: dict[str, Any]) -> None:
    """Settings that contradict each other."""
    if encoder["cached"] and encoder["learns"] != "nothing":
        raise ValueError(f"{where}: encoder.cached needs encoder.learns: nothing")
    if signs := {*"<>{}\n"} & {*str(encoder["weights"])}:
        raise ValueError(
            f"{where}: encoder.weights is {encoder['weights']!r}; Snakemake reads {sorted(signs)}"
            " in a path as signs of its own, so rename the file"
        )
    weights = encoder["weights"]
    if weights not in ("imagenet", None) and not (
        weights.startswith(FETCHED) or Path(weights).is_file()
    ):
        raise ValueError(
            f"{where}: encoder.weights is {weights!r}, which is not a file; it may be imagenet,"
            f" null, a file, or one of {FETCHED} that the workflow downloads"
        )
    late = [epoch for epoch in train["drop_at"] if epoch >= train["epochs"]]
    if train["schedule"] == "step" and late:
        raise ValueError(
            f"{where}: train.drop_at {late} never comes: train.epochs is {train['epochs']}"
        )


def in_time(where: str, model: dict[str, Any], epochs: int) -> None:
    """What a method begins to do at an epoch, it must come to do."""
    for key in sorted(BEGINS & model.keys()):
        first = model[key] if isinstance(model[key], list) else [model[key]]
        if late := [epoch for epoch in first if epoch >= epochs]:
            raise ValueError(f"{where}: model.{key} {late} never comes: train.epochs is {epochs}")


@cache
def model_settings(method: str) -> set[str]:
    """The keyword-only names of a method's `build`, read without importing torch."""
    path = sourcecode.method_file(method)
    if not path.exists():
        raise ValueError(f"methods.yaml has {method!r}, but there is no {path.name} in models/")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == "build":
            return {argument.arg for argument in node.args.kwonlyargs}
    raise ValueError(f"models/{path.name} has no function `build`")
