"""Predictions and targets -> scores.json: every metric convention, side by side."""

import argparse
import sys
from pathlib import Path

from labelgraph.files.small import write_json
from labelgraph.score import metrics
from labelgraph.score.predictions import join
from labelgraph.study.settings import ScoringSettings


def main(predictions: Path, targets: Path, settings: ScoringSettings, output: Path) -> None:
    joined = join(predictions, targets)
    evaluation = metrics.evaluate(
        joined.scores, joined.target, **settings.lines(), named_at=joined.named_at
    )
    write_json(output, metrics.named(evaluation, joined.labels, joined.unscored))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="score", description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--settings", required=True, help="JSON text")
    parser.add_argument("--output", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    settings = ScoringSettings.parse(chosen.settings)
    main(chosen.predictions, chosen.targets, settings, chosen.output)


if __name__ == "__main__":
    command(sys.argv[1:])
