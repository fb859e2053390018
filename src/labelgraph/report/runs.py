"""Runs as the pages show them. What several runs have in common stands once, in a pool.

A run names its settings, commit, packages, machine and input files by their place in the pools.
"""

import csv
import json
import math
from pathlib import Path
from statistics import fmean
from typing import Any

from labelgraph.files.small import read_json
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.jobs.provenance import circumstances
from labelgraph.score import metrics
from labelgraph.study.config import Run

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
    origin, met = read_json(folder / "provenance.json"), circumstances(folder)
    settings = read_yaml(folder / "settings.yaml")
    scores = metrics.flat(read_json(folder / "scores.json"))
    names = sorted(shown | {name for name in scores if name.startswith("mAP")})
    settings.pop("seed")
    inputs = [pools.place("files", pair) for pair in sorted(origin["inputs"].items())]
    return {
        "folder": run.folder,
        "seed": run.seed,
        "settings": pools.place("settings", settings),
        "git": pools.place("git", met["git"]),
        "packages": pools.place("packages", {"python": met["python"], **origin["packages"]}),
        "machine": pools.place("machine", met["hardware"]),
        "inputs": pools.place("inputs", inputs),
        "wall": met["wall_seconds"],
        "cpu": met["cpu_seconds"],
        "peak": met["peak_mb"],
        "metrics": pools.place("metrics", names),
        "values": [percent(scores[name]) for name in names],
        "history": read_history(folder / "history.csv"),
    }


def cost(records: list[dict[str, Any]]) -> dict[str, float | None]:
    """Processor seconds of each run and of all, and memory; null if all were trained elsewhere."""
    here = [record for record in records if record["cpu"] is not None]
    if not here:
        return dict.fromkeys(("each", "cpu", "peak"))
    seconds = [record["cpu"] for record in here]
    peak = max(record["peak"] for record in here)
    return {"each": fmean(seconds), "cpu": sum(seconds), "peak": peak}


def percent(value: float | None) -> float | None:
    """With all digits: pages show fewer, and round once."""
    return None if value is None else 100 * value


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
