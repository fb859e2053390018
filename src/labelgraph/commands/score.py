"""`labelgraph score`: all metrics of any predictions, under every convention."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files import names
from labelgraph.score import metrics
from labelgraph.score.average_precision import POLICIES
from labelgraph.score.metrics import POOLS
from labelgraph.score.predictions import join

HELP = "compute all metrics of any predictions, under every convention"
DESCRIPTION = """Computes mAP, precision, recall and F1 of predictions, from this repository or
any other, under every convention in use."""
EXAMPLES = (
    "labelgraph score predictions.npz --targets targets.csv",
    "labelgraph score predictions.npz --targets targets.npz --difficult-f1 ignored --json",
)
RATES = ("CP", "CR", "CF1", "OP", "OR", "OF1", "CF1_classwise")
FARTHEST = 1000.0  # more than the logit of any probability that float64 can hold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "predictions",
        type=Path,
        help=".npz file with images (N,), labels (C,) and scores (N, C), logits",
    )
    parser.add_argument(
        "--targets",
        type=Path,
        required=True,
        help=".npz file with images (N,), labels (C,) and target (N, C); or .csv file with a column"
        " `image` and one for each label; 1 yes, 0 no, -1 difficult",
    )
    parser.add_argument(
        "--threshold", type=float, default=0.5, help="least probability of a yes (default: 0.5)"
    )
    parser.add_argument(
        "--top", type=int, default=3, help="labels per image of top-k (default: %(default)s)"
    )
    for name, default in (("ap", "ignored"), ("f1", "negative")):
        parser.add_argument(
            f"--difficult-{name}",
            choices=POLICIES,
            default=default,
            help=f"how {name.upper()} counts difficult targets (default: %(default)s)",
        )
    parser.add_argument(
        "--pool",
        choices=POOLS,
        default="all",
        help="score all images, or only those that show a label (default: %(default)s)",
    )
    parser.add_argument(
        "--probabilities", action="store_true", help="the scores are probabilities, not logits"
    )
    parser.add_argument("--json", action="store_true", help="print everything, in full precision")


def run(arguments: argparse.Namespace) -> int:
    joined = join(arguments.predictions, arguments.targets)
    scores = joined.scores
    if arguments.probabilities:
        scores = logits(scores)
    elif scores.min() >= 0 and scores.max() <= 1:
        print(
            "labelgraph score: all scores are between 0 and 1 and are read as logits, where 0 means"
            " a probability of 0.5; if they are probabilities, add --probabilities",
            file=sys.stderr,
        )
    evaluation = metrics.evaluate(
        scores,
        joined.target,
        threshold=arguments.threshold,
        top=arguments.top,
        difficult_ap=arguments.difficult_ap,
        difficult_f1=arguments.difficult_f1,
        pool=arguments.pool,
        named_at=joined.named_at,
    )
    found = metrics.named(evaluation, joined.labels, joined.unscored)
    text = json.dumps(found, indent=1, ensure_ascii=False) if arguments.json else summary(found)
    print(names.shown_lines(text))
    return 0


def logits(probabilities: np.ndarray) -> np.ndarray:
    """Keeps the order; 0 and 1, whose logits are infinite, become the lowest and highest."""
    exact = probabilities.astype(np.float64)
    if exact.min() < 0 or exact.max() > 1:
        raise ValueError(
            f"the scores are between {exact.min()} and {exact.max()}, so they are not"
            " probabilities; if they are logits, leave out --probabilities"
        )
    with np.errstate(divide="ignore"):
        return np.clip(np.log(exact) - np.log1p(-exact), -FARTHEST, FARTHEST)


def summary(found: dict[str, Any]) -> str:
    """For people: in percent, a line for each convention."""
    settings = found["settings"]
    others = {f"pool {name}": values for name, values in found["map_pool"].items()}
    others["balanced"] = found["map_balanced"]
    lines = [
        f"{found['images']} images, {len(found['labels'])} labels;"
        f" probability > {settings['threshold']}; difficult targets: {settings['difficult_ap']} in"
        f" AP, {settings['difficult_f1']} in P, R and F1; values in percent",
        "",
        *(f"mAP {name:<20}{percent(value)}" for name, value in found["map"].items()),
        *(f"mAP {name:<20}{percent(maps['non_interpolated'])}" for name, maps in others.items()),
        "",
        " " * 18 + "".join(f"{name.replace('CF1_', ''):>10}" for name in RATES),
    ]
    for group in ("all", f"top{settings['top']}_thresholded", f"top{settings['top']}_strict"):
        lines.append(
            f"{group:<18}" + "".join(f"{percent(found[group][name]):>10}" for name in RATES)
        )
    if found["absent"]:
        lines += [
            "",
            f"left out of every mAP because no image shows them: {listed(found['absent'])}",
        ]
    if found["unscored"]:
        lines += ["", f"not scored: {listed(found['unscored'])}"]
    return "\n".join(lines)


def listed(labels: list[str]) -> str:
    return ", ".join(map(names.shown, labels))


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
