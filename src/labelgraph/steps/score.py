"""Predictions and targets -> scores.json: every metric convention, side by side."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.files.small import write_json
from labelgraph.score import metrics
from labelgraph.score.predictions import join


def main(predictions: Path, targets: Path, settings: dict[str, Any], output: Path) -> None:
    """`settings`: threshold, top, difficult_ap, difficult_f1, pool, as in `metrics.evaluate`."""
    joined = join(predictions, targets)
    evaluation = metrics.evaluate(joined.scores, joined.target, **settings)
    write_json(output, metrics.named(evaluation, joined.labels, joined.unscored))


def read_settings(text: str) -> dict[str, Any]:
    settings = json.loads(text)
    known = {"threshold", "top", "difficult_ap", "difficult_f1", "pool"}
    if not isinstance(settings, dict) or settings.keys() != known:
        raise ValueError(f"the settings {text} must be a JSON object with exactly {sorted(known)}")
    return settings


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="score", description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--settings", required=True, help="JSON text")
    parser.add_argument("--output", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    main(chosen.predictions, chosen.targets, read_settings(chosen.settings), chosen.output)


if __name__ == "__main__":
    command(sys.argv[1:])
