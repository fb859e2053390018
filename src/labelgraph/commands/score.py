"""`labelgraph score`: every metric convention for anybody's predictions."""

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

HELP = "every metric convention for anybody's predictions"
RATES = ("CP", "CR", "CF1", "OP", "OR", "OF1", "CF1_classwise")
FARTHEST = 1000.0  # beyond the logit of every probability that float64 can hold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "predictions", type=Path, help=".npz file: images (N,), labels (C,), scores (N, C) logits"
    )
    parser.add_argument(
        "--targets",
        type=Path,
        required=True,
        help=".npz file: images (N,), labels (C,), target (N, C); or .csv file: a column `image`,"
        " then one for each label. Codes: 1 yes, 0 no, -1 difficult",
    )
    parser.add_argument("--threshold", type=float, default=0.5, help="probability (%(default)s)")
    parser.add_argument("--top", type=int, default=3, help="labels per image (%(default)s)")
    for name, default in (("ap", "ignored"), ("f1", "negative")):
        parser.add_argument(
            f"--difficult-{name}",
            choices=POLICIES,
            default=default,
            help=f"what a difficult target counts as in {name.upper()} (%(default)s)",
        )
    parser.add_argument(
        "--pool",
        choices=POOLS,
        default="all",
        help="the images: all, or those that show a label (%(default)s)",
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
            "labelgraph score: every score lies between 0 and 1; they are read as logits, where 0"
            " is a probability of 0.5. For probabilities add --probabilities",
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
    )
    found = metrics.named(evaluation, joined.labels, joined.unscored)
    said = json.dumps(found, indent=1, ensure_ascii=False) if arguments.json else summary(found)
    print(names.shown_lines(said))
    return 0


def logits(probabilities: np.ndarray) -> np.ndarray:
    """In the same order; 0 and 1, which have no finite logit, stay the lowest and the highest."""
    exact = probabilities.astype(np.float64)
    if exact.min() < 0 or exact.max() > 1:
        raise ValueError(
            f"the scores lie between {exact.min()} and {exact.max()}, so they are no probabilities;"
            " leave --probabilities out if they are logits"
        )
    with np.errstate(divide="ignore"):
        return np.clip(np.log(exact) - np.log1p(-exact), -FARTHEST, FARTHEST)


def summary(found: dict[str, Any]) -> str:
    """What people read: percent, a line for each convention."""
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
        lines += ["", f"not in any mAP, because no image shows them: {listed(found['absent'])}"]
    if found["unscored"]:
        lines += ["", f"not scored: {listed(found['unscored'])}"]
    return "\n".join(lines)


def listed(labels: list[str]) -> str:
    return ", ".join(map(names.shown, labels))


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
