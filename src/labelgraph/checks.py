"""Whether settings make sense, before anything starts: each mistake is named with what may be."""

import ast
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parent / "models"
CHOICES = {
    "train.optimizer": ("sgd", "adam", "adamw"),
    "train.schedule": ("step", "cosine", "onecycle", "constant"),
    "train.precision": ("float32", "bfloat16", "float16"),
    "train.augment": ("multiscale", "crop640", "flip", "none"),
    "train.select": ("best", "last"),
    "encoder.learns": ("all", "last_stage", "nothing"),
    "encoder.test_view": ("plain", "centre"),
}
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
    together(where, merged["encoder"], merged["train"])
    in_time(where, merged["model"], merged["train"]["epochs"])


def choices(where: str, merged: dict[str, dict]) -> None:
    """`where` comes before the name of each setting."""
    for path, allowed in CHOICES.items():
        block, key = path.split(".")
        if key in merged[block] and merged[block][key] not in allowed:
            raise ValueError(f"{where}{path} is {merged[block][key]!r}, not one of {allowed}")


def kind(path: str, value: Any, example: Any) -> None:
    """A setting is of the kind that its default is of."""
    if example is None or value is None:
        return
    number = isinstance(example, int | float) and not isinstance(example, bool)
    wanted = (int, float) if number else type(example)
    if not isinstance(value, wanted) or (number and isinstance(value, bool)):
        raise ValueError(f"{path} is {value!r}; it takes something like {example!r}")
    if number and value < 0:
        raise ValueError(f"{path} is {value!r}; it may not be negative")


def together(where: str, encoder: dict[str, Any], train: dict[str, Any]) -> None:
    """Settings that contradict each other."""
    if encoder["cached"] and encoder["learns"] != "nothing":
        raise ValueError(f"{where}: encoder.cached needs encoder.learns: nothing")
    late = [epoch for epoch in train["drop_at"] if epoch >= train["epochs"]]
    if train["schedule"] == "step" and late:
        raise ValueError(
            f"{where}: train.drop_at {late} never comes: train.epochs is {train['epochs']}"
        )
    for key in ("epochs", "batch"):
        if not isinstance(train[key], int) or train[key] < 1:
            raise ValueError(f"{where}: train.{key} is {train[key]!r}; it must be 1 or more")


def in_time(where: str, model: dict[str, Any], epochs: int) -> None:
    """What a method begins to do at an epoch, it must come to do."""
    for key in sorted(BEGINS & model.keys()):
        first = model[key] if isinstance(model[key], list) else [model[key]]
        if late := [epoch for epoch in first if epoch >= epochs]:
            raise ValueError(f"{where}: model.{key} {late} never comes: train.epochs is {epochs}")


def model_settings(method: str) -> set[str]:
    """The keyword-only names of a method's `build`, read without importing torch."""
    path = MODELS / f"{method}.py"
    if not path.exists():
        raise ValueError(f"methods.yaml has {method!r}, but there is no {path.name} in models/")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == "build":
            return {argument.arg for argument in node.args.kwonlyargs}
    raise ValueError(f"models/{path.name} has no function `build`")
