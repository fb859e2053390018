"""Reads and checks the small files of a run's folder, which somebody may have edited."""

import ast
from math import isfinite
from pathlib import Path
from typing import Any

from labelgraph.files import names
from labelgraph.files.small import read_json, regular
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.jobs import sourcecode
from labelgraph.study.method_files import keywords
from labelgraph.study.settings import RunSettings
from labelgraph.study.validation import BRIEF, check_keys, validated

NAMES = ("study", "task", "dataset", "method", "variant")
PLAIN = {"str": str, "bool": bool}


def settings(path: Path) -> RunSettings:
    try:
        found = read_yaml(regular(path))
    except ValueError as error:
        raise ValueError(f"{error}; it is not what a training writes") from None
    settings = validated(RunSettings, f"{path}: ", found)
    for key in NAMES:
        name = getattr(settings, key)
        if names.REFUSED.search(name):
            raise ValueError(f"{path}: {key} is {name!r}; expected a name without controls")
    check_model(path, settings.method, settings.model)
    return settings


def check_model(path: Path, method: str, model: dict[str, Any]) -> None:
    """Whether the settings are those of the method's `build`, each of its kind."""
    check_keys(f"{path}: model", model, keywords(method))
    for name, kind in model_kinds(method).items():
        if name not in model:
            raise ValueError(f"{path}: model.{name} is missing; expected {kind}")
        if not is_kind(model[name], kind):
            raise ValueError(f"{path}: model.{name} is {BRIEF.repr(model[name])}; expected {kind}")


def model_kinds(method: str) -> dict[str, str]:
    """Setting -> its annotation in the method's `build`, as text; read without importing torch."""
    tree = ast.parse(sourcecode.method_file(method).read_text(encoding="utf-8"))
    (build,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "build")
    return {each.arg: ast.unparse(each.annotation) for each in build.args.kwonlyargs}


def is_kind(value: Any, kind: str) -> bool:
    """`kind`: int, float, str, bool or a list of one of them; any other kind is accepted."""
    if kind.startswith("list["):
        return isinstance(value, list) and all(is_kind(one, kind[5:-1]) for one in value)
    if kind in ("int", "float"):
        return is_number(value) and (kind == "float" or isinstance(value, int))
    return not (kind in PLAIN and type(value) is not PLAIN[kind])


def check_names(path: Path, labels: list[str]) -> None:
    """Checks that a model's labels are valid names and that none is repeated."""
    for name in labels:
        names.check("label", name, str(path))
    if len({*labels}) < len(labels):
        twice = next(name for name in labels if labels.count(name) > 1)
        raise ValueError(f"{path}: label {twice!r} is listed twice; expected each once")


def account(folder: Path) -> dict[str, Any]:
    """provenance.json: where the run came from."""
    path = folder / "provenance.json"
    found = read_json(path)
    if not (isinstance(found, dict) and isinstance(found.get("inputs"), dict)):
        raise ValueError(f"{path} is not what a training writes: it has no block of inputs")
    return found


def check_calibration(path: Path, content: dict[str, Any]) -> None:
    """Checks that each field has a value that `calibration.fit` can write."""
    found = {name: content[name] for name in ("temperature", "thresholds", "images", "selection")}
    sides = {"before", "after"} if found["images"] else set()
    thresholds = found["thresholds"] if isinstance(found["thresholds"], list) else []
    shares = [value for value in thresholds if is_number(value) and 0 <= value <= 1]
    right = {
        "temperature": is_number(found["temperature"]) and found["temperature"] > 0,
        "thresholds": len(shares) == len(thresholds) == len(content["labels"]),
        "images": type(found["images"]) is int and found["images"] >= 0,
        "selection": found["selection"] in ("tune", "report"),
    }
    found["losses"] = content["losses"]
    right["losses"] = (
        isinstance(found["losses"], list)
        and len(found["losses"]) == found["images"]
        and all(is_number(value) and value >= 0 for value in found["losses"])
    )
    for name in ("loss", "error"):
        found[name] = block = content[name]
        there = isinstance(block, dict) and block.keys() >= sides
        right[name] = there and all(map(is_number, block.values()))
    for name, value in found.items():
        if not right[name]:
            raise ValueError(
                f"{path}: {name} is {str(value)[:60]}, which `calibrate` never writes; `snakemake"
                f" {path}` makes it anew"
            )


def is_number(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:  # an integer that is too large for a float
        return False
