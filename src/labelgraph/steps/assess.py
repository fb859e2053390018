"""Predictions, targets and a calibration -> assessment.json, with confidence intervals.

`rule`: precision, recall and F1 on the reported images if each label is named from its own
threshold on, as `labelgraph predict` names it, and between which ends they lie. `intervals`: the
ends of the metrics in scores.json, by their flat names. All by drawing pictures again, as
bootstrap.py does.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from labelgraph.files.small import read_arrays, write_json
from labelgraph.predict import calibration
from labelgraph.score import bootstrap, metrics, precision_recall
from labelgraph.score.predictions import join
from labelgraph.study.settings import ScoringSettings


def main(
    predictions: Path, targets: Path, fitted: Path, settings: ScoringSettings, output: Path
) -> None:
    """`settings` are those of `score`; `fitted` is the run's calibration.json."""
    joined = join(predictions, targets)
    known = calibration.read(fitted, read_arrays(predictions)["labels"].tolist())
    judged = metrics.in_pool(joined.target, settings.pool)
    scores, target = joined.scores[judged], joined.target[judged]
    named_at = None if joined.named_at is None else joined.named_at[judged]
    least = dict(zip(known.labels, known.thresholds, strict=True))
    thresholds = np.array([least[name] for name in joined.labels])
    chosen = known.probabilities(scores.astype(np.float64)) >= thresholds
    write_json(
        output,
        {
            "images": len(scores),
            "draws": bootstrap.DRAWS,
            "level": bootstrap.LEVEL,
            "rule": rule(chosen, target, settings.difficult_f1),
            "intervals": bootstrap.intervals(
                scores, target, joined.labels, settings.lines(), named_at
            ),
        },
    )


def rule(chosen: np.ndarray, target: np.ndarray, policy: str) -> dict[str, list[float] | None]:
    """Name of a rate -> its value and the ends of its interval; None if it has none."""
    values = precision_recall.precision_recall_f1(chosen, target, policy)
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
    parser.add_argument("--settings", required=True, help="JSON text, for scoring")
    parser.add_argument("--output", type=Path, required=True)
    given = vars(parser.parse_args(arguments))
    main(**given | {"settings": ScoringSettings.parse(given["settings"])})


if __name__ == "__main__":
    command(sys.argv[1:])
