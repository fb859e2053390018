"""A method trained as its settings say, and once for longer -> a line of the list of checks."""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.small import read_json
from labelgraph.score import bootstrap, convergence, estimates, metrics, redrawn

METRIC = "mAP"


def check(about: dict[str, Any], runs: Path, targets: Path) -> dict[str, Any]:
    """`about`: the `system` and the one that learns `longer`, their `epochs`, and the `seeds`.

    `runs`: the folder of the systems; `targets`: what they are judged by. Values are in percent.
    """
    folders = [runs / about["system"] / f"seed{seed}" for seed in about["seeds"]]
    usual = [100 * metrics.value(read_json(each / "scores.json"), METRIC) for each in folders]
    both = [folders[0], runs / about["longer"] / folders[0].name]
    once, more = (redrawn.read(run, targets, [METRIC], bootstrap.DRAWS) for run in both)
    rise = 100 * (more.values[METRIC] - once.values[METRIC])
    drawn = more.drawn[METRIC] - once.drawn[METRIC]
    found = estimates.estimate(np.array([rise]), drawn[None])
    std = float(np.std(usual, ddof=1)) if len(usual) > 1 else None
    return {
        "epochs": about["epochs"],
        "seeds": len(usual),
        "mean": float(np.mean(usual)),
        "std": std,
        "once": usual[0],
        "longer": 100 * more.values[METRIC],
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "verdict": convergence.verdict(rise, found.low, found.high, std),
    }
