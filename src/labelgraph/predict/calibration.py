"""Turns a model's scores into calibrated probabilities, fitted on `tune` images alone.

One temperature for all labels: the probability of a label is the sigmoid of its score divided by
it. A temperature keeps the order of the scores, so no ranking changes. It is used only if it lowers
the cross-entropy on images that it was not fitted on (in FOLDS folds), else it is 1.

One threshold for each label: the probability from which F1 is highest on the tune images, shrunk
towards the best common threshold of all labels; the fewer images show the label, the more.

Shapes: N images, C labels.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.plurals import counted
from labelgraph.files.small import read_json, write_json
from labelgraph.manifest.manifest import NO, YES
from labelgraph.predict import runfiles

FOLDS = 5
BINS = 15  # of equal size, to compare probabilities with frequencies
WEIGHT = 10  # with so many images, a label's own threshold counts as much as the common one
LOWEST, HIGHEST = 0.1, 100.0  # range of temperatures to search
STEPS = 80  # of the golden-section search
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Calibration:
    """The content of calibration.json."""

    labels: list[str]  # C names
    temperature: float
    thresholds: list[float]  # (C,) probabilities
    images: int  # tune images that it was fitted on; 0 if it was not fitted
    selection: str  # `report` if these were the reported images, as in the papers
    loss: dict[str, float]  # cross-entropy per entry before and after, on held-out images
    error: dict[str, float]  # expected calibration error, in the same way
    losses: list[float]  # cross-entropy of each image's known labels, by the probabilities in use

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        return sigmoid(scores / self.temperature)


def none(labels: list[str], threshold: float) -> Calibration:
    """The sigmoid of the scores as they are, one threshold for all labels."""
    return Calibration(labels, 1.0, [threshold] * len(labels), 0, "tune", {}, {}, [])


def fit(
    labels: list[str], scores: np.ndarray, codes: np.ndarray, selection: str, threshold: float
) -> Calibration:
    """`codes` (N, C): 1 yes, 0 no; difficult and hidden entries are ignored."""
    target, known = codes == YES, (codes == YES) | (codes == NO)
    if not known.any():
        return none(labels, threshold)
    scores = scores.astype(np.float64)
    held = held_out(scores, target, known)  # (N, C) probabilities from the other folds' temperature
    plain = sigmoid(scores)
    loss, error = (
        {
            "before": measure(plain[known], target[known]),
            "after": measure(held[known], target[known]),
        }
        for measure in (cross_entropy, calibration_error)
    )
    better = loss["after"] < loss["before"]
    losses = image_losses(held if better else plain, target, known)
    warmth = temperature(scores[known], target[known]) if better else 1.0
    thresholds = best_thresholds(sigmoid(scores / warmth), target, known)
    return Calibration(labels, warmth, thresholds, len(scores), selection, loss, error, losses)


def held_out(scores: np.ndarray, target: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Every image's probabilities with a temperature that was fitted without the image."""
    fold = np.arange(len(scores)) % min(FOLDS, len(scores))
    held = sigmoid(scores)
    for number in range(fold.max() + 1):
        there, others = fold == number, fold != number
        some = known[others]
        if some.any():
            held[there] = sigmoid(
                scores[there] / temperature(scores[others][some], target[others][some])
            )
    return held


def temperature(scores: np.ndarray, target: np.ndarray) -> float:
    """The temperature of lowest cross-entropy, which falls and then rises, once, along it.

    Platt's targets, slightly off 0 and 1, prevent that a few images without a mistake make the
    probabilities certain.
    """
    yes = int(target.sum())
    aim = np.where(target, (yes + 1) / (yes + 2), 1 / (len(target) - yes + 2))

    def cost(logarithm: float) -> float:
        warm = scores / np.exp(logarithm)
        return float((np.logaddexp(0, warm) - aim * warm).mean())

    low, high = np.log(LOWEST), np.log(HIGHEST)
    for _ in range(STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return float(np.exp((low + high) / 2))


def best_thresholds(
    probabilities: np.ndarray, target: np.ndarray, known: np.ndarray
) -> list[float]:
    common = best_threshold(probabilities[known], target[known])
    found = []
    for values, wanted, there in zip(probabilities.T, target.T, known.T, strict=True):
        count = int(wanted[there].sum())
        own = best_threshold(values[there], wanted[there]) if count else common
        found.append((count * own + WEIGHT * common) / (count + WEIGHT))
    return found


def best_threshold(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Halfway between the last probability that counts as a yes and the next one."""
    order = np.argsort(-probabilities, kind="stable")
    ordered, hits = probabilities[order], np.cumsum(target[order])
    last = np.append(ordered[1:] != ordered[:-1], True)  # equal ones are taken together
    f1 = np.where(last, 2 * hits / (np.arange(1, len(hits) + 1) + target.sum()), -1)
    place = int(f1.argmax())
    below = ordered[place + 1] if place + 1 < len(ordered) else 0.0
    return float((ordered[place] + below) / 2)


def sigmoid(scores: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * scores))


def cross_entropy(probabilities: np.ndarray, target: np.ndarray) -> float:
    right = np.where(target, probabilities, 1 - probabilities)
    return float(-np.log(right.clip(1e-12)).mean())


def image_losses(probabilities: np.ndarray, target: np.ndarray, known: np.ndarray) -> list[float]:
    """(N,); 0 for an image without a known label."""
    right = np.where(target, probabilities, 1 - probabilities)
    sums = (-np.log(right.clip(1e-12)) * known).sum(1)
    return (sums / np.maximum(known.sum(1), 1)).tolist()


def calibration_error(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Mean distance of predicted probability and observed frequency, over groups of entries."""
    order = np.argsort(probabilities, kind="stable")
    groups = [group for group in np.array_split(order, BINS) if len(group)]
    distances = [
        abs(probabilities[group].mean() - target[group].mean()) * len(group) for group in groups
    ]
    return float(sum(distances) / len(order))


def write(path: Path, calibration: Calibration) -> None:
    write_json(path, asdict(calibration))


def read(path: Path, labels: list[str]) -> Calibration:
    """The file beside a model; its labels must be the model's."""
    content = read_json(path)
    if not isinstance(content, dict) or content.keys() != Calibration.__dataclass_fields__.keys():
        raise ValueError(f"{path} is not a calibration; `snakemake {path}` makes it anew")
    if content["labels"] != labels:
        raise ValueError(
            f"{path} has other labels than the model; `snakemake {path}` makes it anew"
        )
    runfiles.check_calibration(path, content)
    return Calibration(**content)


def describe(calibration: Calibration, place: Any) -> str:
    """For people: how the probabilities were calibrated, and how much that helped."""
    if not calibration.images:
        return (
            "The probabilities are not calibrated: they are the sigmoid of the scores. Run"
            f" `snakemake {place}` to calibrate them on the tune images."
        )
    which = "reported" if calibration.selection == "report" else "tune"
    fitted = f"fitted on {counted(calibration.images, f'{which} image', f'{which} images')}"
    loss, error = calibration.loss, calibration.error
    gain = (
        "On held-out images it changed the cross-entropy from"
        f" {loss['before']:.3f} to {loss['after']:.3f} and the calibration error from"
        f" {100 * error['before']:.1f} to {100 * error['after']:.1f} points."
    )
    if calibration.temperature == 1:
        return (
            "The probabilities are the sigmoid of the scores, because a temperature"
            f" {fitted} did not help. {gain}"
        )
    return (
        f"The probabilities are calibrated with temperature {calibration.temperature:.2f},"
        f" {fitted}. {gain}"
    )
