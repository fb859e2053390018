"""Runs as the pages show them. What several runs have in common stands once, in a pool.

A run names its settings, commit, packages, machine and input files by their place in the pools.
"""

import csv
import json
import math
from pathlib import Path
from typing import Any

from labelgraph.files.small import read_json
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.score import metrics
from labelgraph.study.recipe import Run

POOLS = ("settings", "git", "packages", "machine", "inputs", "files", "metrics")


class Pools:
    """Values of each kind, each value once."""

    def __init__(self) -> None:
        self.values: dict[str, list] = {name: [] for name in POOLS}
        self.places: dict[tuple[str, str], int] = {}

    def place(self, pool: str, value: Any) -> int:
        key = pool, json.dumps(value, sort_keys=True)
        if key not in self.places:
            self.places[key] = len(self.values[pool])
            self.values[pool].append(value)
        return self.places[key]


def read(folder: Path, runs: list[Run], shown: dict[str, set[str]]) -> dict[str, Any]:
    """`shown`: folder of a run -> the metrics of it that some table has."""
    pools = Pools()
    found = [read_run(folder / run.folder, run, shown[run.folder], pools) for run in runs]
    return {"pools": pools.values, "runs": found}


def read_run(folder: Path, run: Run, shown: set[str], pools: Pools) -> dict[str, Any]:
    origin = read_json(folder / "provenance.json")
    settings = read_yaml(folder / "settings.yaml")
    scores = metrics.flat(read_json(folder / "scores.json"))
    names = sorted(shown | {name for name in scores if name.startswith("mAP")})
    settings.pop("seed")
    inputs = [pools.place("files", pair) for pair in sorted(origin["inputs"].items())]
    return {
        "folder": run.folder,
        "seed": run.seed,
        "settings": pools.place("settings", settings),
        "git": pools.place("git", origin["git"]),
        "packages": pools.place("packages", {"python": origin["python"], **origin["packages"]}),
        "machine": pools.place("machine", origin["hardware"]),
        "inputs": pools.place("inputs", inputs),
        "wall": origin["wall_seconds"],
        "cpu": origin["cpu_seconds"],
        "peak": origin["peak_mb"],
        "metrics": pools.place("metrics", names),
        "values": [percent(scores[name]) for name in names],
        "history": read_history(folder / "history.csv"),
    }


def percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 3)


def read_history(path: Path) -> dict[str, list[float | None]]:
    """Column -> its values; four digits are enough for a curve."""
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    names = lines[0].keys() if lines else ()
    return {name: [short(line[name]) for line in lines] for name in names}


def short(text: str) -> float | None:
    number = float(text or "nan")
    return float(f"{number:.4g}") if math.isfinite(number) else None


def value(pools: dict[str, list], run: dict[str, Any], metric: str) -> float | None:
    names = pools["metrics"][run["metrics"]]
    return run["values"][names.index(metric)]


def script(content: Any) -> str:
    """As a script that any page can load; nothing in it can end the script or be markup."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f'"use strict";\nconst STUDY = {text};\n'
