"""Predictions, targets and a calibration -> assessment.json, with confidence intervals.

`rule`: precision, recall and F1 on the reported images at each label's own threshold, as in
`labelgraph predict`, each with the ends of its interval. `intervals`: the ends for the metrics in
scores.json, by their flat names. The intervals are made by score/bootstrap.py.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.small import read_arrays, write_json
from labelgraph.predict import calibration
from labelgraph.score import bootstrap, pools, precision_recall
from labelgraph.score.joining import join


def main(
    predictions: Path, targets: Path, fitted: Path, settings: dict[str, Any], output: Path
) -> None:
    """`settings` are those of `score`; `fitted` is the run's calibration.json."""
    joined = join(predictions, targets)
    known = calibration.read(fitted, read_arrays(predictions)["labels"].tolist())
    judged = pools.inside(joined.target, settings["pool"])
    scores, target = joined.scores[judged], joined.target[judged]
    least = dict(zip(known.labels, known.thresholds, strict=True))
    thresholds = np.array([least[name] for name in joined.labels])
    chosen = known.probabilities(scores.astype(np.float64)) >= thresholds
    write_json(
        output,
        {
            "images": len(scores),
            "draws": bootstrap.DRAWS,
            "level": bootstrap.LEVEL,
            "rule": rule(chosen, target, settings["difficult_f1"]),
            "intervals": bootstrap.intervals(scores, target, joined.labels, settings),
        },
    )


def rule(chosen: np.ndarray, target: np.ndarray, policy: str) -> dict[str, list[float] | None]:
    """Name of a rate -> its value and the ends of its interval; None if it has none."""
    values = precision_recall.agreement(chosen, target, policy)
    drawn = bootstrap.rates(bootstrap.draws(len(chosen)), chosen, target, policy)
    ends = {name: bootstrap.interval(found) for name, found in drawn.items()}
    return {
        name: None if values[name] is None or both is None else [values[name], *both]
        for name, both in ends.items()
    }


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="assess", description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--fitted", type=Path, required=True, help="calibration.json")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON text, for scoring")
    parser.add_argument("--output", type=Path, required=True)
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
