"""Precision, recall and F1 of predicted labels. Shapes: N images, C labels."""

import math

import numpy as np

from labelgraph.score.average_precision import mean


def among_highest(scores: np.ndarray, top: int) -> np.ndarray:
    """Which labels are among the `top` highest of their image: (N, C) bool."""
    left = scores.copy()
    chosen = np.zeros(scores.shape, bool)
    rows = np.arange(len(scores))
    for _ in range(min(top, scores.shape[1])):
        best = left.argmax(1)  # (N,) of equal scores the lower column
        chosen[rows, best] = True
        left[rows, best] = -np.inf
    return chosen


def groups(
    scores: np.ndarray, threshold: float, top: int, named_at: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Which labels are predicted, (N, C) bool: all; `thresholded`, top alone; `strict`, just top.

    Predicted are the labels with a probability above the threshold or, if the method names labels
    one after the other, those that it names: at step `named_at` (N, C), from 1, or never (0).
    """
    highest = among_highest(scores, top)
    if named_at is None:
        above = scores > math.log(threshold / (1 - threshold))  # the logit of the threshold
        return {"all": above, "thresholded": above & highest, "strict": highest}
    named = named_at > 0
    first = among_highest(np.where(named, -named_at.astype(float), -np.inf), top)
    return {"all": named, "thresholded": named & first, "strict": highest}


def precision_recall_f1(
    chosen: np.ndarray, target: np.ndarray, policy: str
) -> dict[str, float | None]:
    """Of the predictions `chosen` (N, C) bool, by each convention; `target` (N, C) has codes."""
    yes = target != 0 if policy == "positive" else target == 1
    hits = (chosen & yes).sum(0)  # (C,)
    predicted = (chosen & (target != -1) if policy == "ignored" else chosen).sum(0)  # (C,)
    present = yes.sum(0)  # (C,)
    precision = hits / np.maximum(predicted, 1)  # (C,) 0 if never predicted
    recall = hits / np.maximum(present, 1)  # (C,)
    there = present > 0  # (C,)
    overall = divide(hits.sum(), max(predicted.sum(), 1)), divide(hits.sum(), present.sum())
    every_recall = mean(recall) if there.all() else None
    return {
        **rates("", mean(precision[there]), mean(recall[there]), *overall),
        "CF1_classwise": mean(2 * hits[there] / (predicted + present)[there]),
        **rates(
            "_predicted_only",
            mean(precision[there & (predicted > 0)]),
            mean(recall[there]),
            *overall,
        ),
        **rates(
            "_released",
            mean(precision),
            every_recall,
            divide(hits.sum(), np.maximum(predicted, 1).sum()),
            overall[1],
        ),
    }


def rates(
    ending: str,
    label_precision: float | None,
    label_recall: float | None,
    pair_precision: float | None,
    pair_recall: float | None,
) -> dict[str, float | None]:
    return {
        f"CP{ending}": label_precision,
        f"CR{ending}": label_recall,
        f"CF1{ending}": harmonic(label_precision, label_recall),
        f"OP{ending}": pair_precision,
        f"OR{ending}": pair_recall,
        f"OF1{ending}": harmonic(pair_precision, pair_recall),
    }


def divide(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def harmonic(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
