"""The two stages of a few-shot task: base training, and what the few images change of its settings.

`fewshot-base` is trained like any other task. A run of `fewshot-1` or `fewshot-5` goes on from its
weights; the block `shots` of the settings says how.
"""

from functools import reduce
from operator import or_
from typing import Any

from labelgraph.study import checks

BASE = "fewshot-base"
BLOCKS = ("model", "train")  # of which `shots` changes single lines
NOTES = "departures"  # for the tables of few shots
CHOICES = {"labels": ("novel", "all"), "graph": ("base", "shots")}


def has_shots(task: str) -> bool:
    return task.startswith("fewshot-") and task != BASE


def of_task(fewshot: dict[str, Any], task: str) -> dict[str, Any]:
    """A dataset's block for one task: the base stage has no episodes, and each number its own."""
    if not has_shots(task):
        return fewshot | {"episodes": 0, "files": [], "order": None}
    files = fewshot["files"]
    if isinstance(files, dict):
        files = files.get(int(task.removeprefix("fewshot-")), [])
    return fewshot | {"files": files}


def merge(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """The blocks `shots` of all layers of the settings; later wins, line by line."""
    found = reduce(or_, layers)
    found |= {name: reduce(or_, (layer.get(name, {}) for layer in layers)) for name in BLOCKS}
    return {name: value for name, value in found.items() if name != NOTES}


def second(merged: dict[str, dict], shots: dict[str, Any]) -> dict[str, dict]:
    """The settings of the second stage: the encoder rests, other lines are those of `shots`."""
    changed = {name: merged[name] | shots[name] for name in BLOCKS}
    rest = {name: value for name, value in shots.items() if name not in BLOCKS}
    encoder = merged["encoder"] | {"learns": "nothing"}
    return merged | changed | {"encoder": encoder, "shots": rest}


def check(shots: dict[str, Any], where: str, known: set[str]) -> None:
    checks.keys(f"{where}: shots", shots, known)
    for key, choices in CHOICES.items():
        if shots[key] not in choices:
            raise ValueError(f"{where}: shots.{key} is {shots[key]!r}, not one of {choices}")
    learns = shots["learns"]
    if learns != "all" and not (isinstance(learns, list) and learns):
        raise ValueError(
            f"{where}: shots.learns is {learns!r}; it takes all, or a list of the network's parts"
        )


def departures(method: dict[str, Any], tasks: list[str]) -> list[str]:
    """The method's entry's, and where one of the tasks has a second stage, those of this."""
    further = method.get("shots", {}) if any(map(has_shots, tasks)) else {}
    return method.get("departures", []) + further.get(NOTES, [])
