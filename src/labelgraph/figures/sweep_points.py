"""The points of a curve over a setting: a method and its variants of that name.

A point lies where the run's own settings put it, so no number is written twice; of two runs with
the same value the method as it is comes first.
"""

from typing import Any

from labelgraph.study.config import Book, Run, run_of
from labelgraph.study.settings import RunSettings
from labelgraph.study.validation import check_keys, shown

KEYS = {"name", "symbol", "setting", "variants", "show"}


def curves(book: Book, entry: dict[str, Any], datasets: list[str]) -> list[dict[str, Any]]:
    """For each sweep and dataset, `points` (x, label, scores) and `chosen`, the method's x."""
    found = []
    for sweep in entry["sweeps"]:
        check_keys(f"a sweep of {entry['method']}", sweep, KEYS)
        for dataset in datasets:
            points = along(book, entry, sweep, dataset)
            chosen = points[0]["x"]
            points.sort(key=lambda point: order(point["x"]))
            shared = {key: sweep[key] for key in ("name", "symbol")}
            found.append(shared | {"dataset": dataset, "chosen": chosen, "points": points})
    return found


def along(
    book: Book, entry: dict[str, Any], sweep: dict[str, Any], dataset: str
) -> list[dict[str, Any]]:
    """The method with all seeds of the study, then its variants with the entry's seeds."""
    found: dict[str, dict[str, Any]] = {}
    for each in runs(book, entry, sweep, dataset):
        value = setting(book.settings(each[0]).training, sweep["setting"])
        x = len(value) if sweep.get("show") == "count" else value
        if not isinstance(x, int | float | list):
            raise ValueError(
                f"{each[0].system}: {sweep['setting']} is {shown(x)}; a curve needs numbers"
            )
        scores = [f"results/runs/{run.folder}/scores.json" for run in each]
        found.setdefault(str(x), {"x": x, "label": label(x), "scores": scores})
    if len(found) < 2:
        raise ValueError(
            f"{entry['method']} has no variants {sweep['variants']}_*, which the sweep needs"
        )
    return list(found.values())


def runs(book: Book, entry: dict[str, Any], sweep: dict[str, Any], dataset: str) -> list[list[Run]]:
    """The runs of each point: of the method as it is, then of its variants."""
    method, all_seeds = entry["method"], book.seeds_of(entry["method"])
    names = [name for name in book.variants(method) if name.startswith(f"{sweep['variants']}_")]
    found = []
    for system in (method, *(f"{method}@{name}" for name in names)):
        seeds = all_seeds if system == method else all_seeds[: entry.get("seeds")]
        found.append([run_of(book.study, "full", dataset, system, seed) for seed in seeds])
    return found


def setting(training: RunSettings, path: str) -> Any:
    """`model.gamma` of a run's settings."""
    block, key = path.split(".")
    lines = training.lines()[block]
    if key not in lines:
        raise ValueError(f"there is no setting {path}; {block} has {sorted(lines)}")
    return lines[key]


def order(x: Any) -> float:
    return sum(x) if isinstance(x, list) else x


def label(x: Any) -> str:
    return ", ".join(map(str, x)) if isinstance(x, list) else f"{x:g}"
