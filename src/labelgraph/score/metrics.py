"""Scores and targets -> every metric of the papers, under each convention, each with its own name.

Shapes: N images, C labels. All values are fractions; None where a value is not defined.

`evaluate` returns the entries below. L is a list of C values in the order of the columns; `named`,
and so scores.json, makes it {label: value}, replaces columns by labels, and adds `labels` and
`unscored`.

    images      how many images are in the pool that settings.pool names; all metrics but `map_pool`
                are over these
    settings    threshold, top, difficult_ap, difficult_f1, pool
    positives   L: how many images count as showing the label in AP
    absent      columns without such an image: their AP is None, and the mAP leaves them out
    ap          {convention: L}; average_precision.py describes the conventions
    map         {convention: value}
    map_absent_zero {convention: value}: absent labels count as 0, as scikit-learn and torchmetrics
                do. ML-GCN's published code divides by zero there
    map_difficult {policy: {convention: value}}: the mAP if difficult targets were ignored, counted
                as negative, counted as positive; `map` is the one that settings.difficult_ap names
    map_pool {pool: {convention: value}}: the mAP over all images, and over those that show at
                least one of the scored labels
    map_balanced {convention: value}: as if every label were shown equally often
                (class_balanced.py)
    all         a label is predicted if its probability is larger than the threshold, or if it is
                named by a method that names labels one after the other (`named_at`)
    top3_thresholded  ... and it is also among the 3 highest of its image, or of the 3 named first
                (`top` sets the 3)
    top3_strict       the 3 highest, whatever their probability

Each of the last three groups of predictions has

    CP CR CF1   mean precision and mean recall over the labels with a positive; their harmonic mean.
                A label that is never predicted has precision 0
    OP OR OF1   precision and recall over all image-label pairs; their harmonic mean
    CF1_classwise     the mean over the same labels of each label's own F1
    *_predicted_only  labels that are never predicted are left out of CP
    *_released        as ML-GCN's published code counts: over all labels; a label that is never
                      predicted counts as predicted once, also in OP; CR needs a positive in every
                      label. (There a logit of exactly 0 is above the threshold, here it is not.)

Of equal scores at the edge of the top, the label in the lower column is taken. A difficult target
that is ignored keeps its place in the top, but is neither a hit nor a false alarm.

`value` finds one number by its flat name, such as mAP, mAP_interpolated, mAP_difficult_negative,
mAP_absent_zero, mAP_pool_shown, mAP_balanced, AP:dog, AP_11_point:dog, CF1, CF1_top3,
OF1_top3_strict, CF1_classwise, CP_released_top3.
"""

from typing import Any

import numpy as np

from labelgraph.score.average_precision import (
    CONVENTIONS,
    POLICIES,
    label_precisions,
    mean,
    means,
)
from labelgraph.score.class_balanced import balanced_precisions
from labelgraph.score.precision_recall import groups, precision_recall_f1

POOLS = ("all", "shown")  # of images: all, or those that show one of the scored labels at least


def evaluate(
    scores: np.ndarray,
    target: np.ndarray,
    *,
    threshold: float,
    top: int,
    difficult_ap: str,
    difficult_f1: str,
    pool: str = "all",
    named_at: np.ndarray | None = None,
) -> dict[str, Any]:
    """`scores` (N, C) are logits; `target` (N, C) has 1 yes, 0 no, -1 difficult.

    `named_at` (N, C): the step, from 1, at which a label is named; 0 never.
    """
    settings = {
        "threshold": threshold,
        "top": top,
        "difficult_ap": difficult_ap,
        "difficult_f1": difficult_f1,
        "pool": pool,
    }
    check_settings(**settings)
    scores, target = np.asarray(scores), np.asarray(target)
    check_arrays(scores, target)
    map_pool = pool_maps(scores, target, difficult_ap)
    judged = in_pool(target, pool)
    scores, target = scores[judged], target[judged]
    named_at = None if named_at is None else named_at[judged]
    chosen = groups(scores, threshold, top, named_at)
    positives = (target != 0 if difficult_ap == "positive" else target == 1).sum(0)  # (C,)
    return {
        "images": len(scores),
        "settings": settings,
        "positives": positives.tolist(),
        "absent": np.flatnonzero(positives == 0).tolist(),
        **precisions(scores, target, difficult_ap),
        "map_pool": map_pool,
        **all_rates(chosen, target, difficult_f1, top),
    }


def all_rates(
    chosen: dict[str, np.ndarray], target: np.ndarray, policy: str, top: int
) -> dict[str, dict]:
    """Precision, recall and F1 of each group of predictions."""
    return {
        name if name == "all" else f"top{top}_{name}": precision_recall_f1(some, target, policy)
        for name, some in chosen.items()
    }


def in_pool(target: np.ndarray, pool: str) -> np.ndarray:
    """(N,) bool: which images are judged."""
    shown = (target == 1).any(1)
    if pool == "all":
        return np.ones_like(shown)
    if not shown.any():
        raise ValueError("no image shows any of the scored labels; set pool to all")
    return shown


def pool_maps(scores: np.ndarray, target: np.ndarray, policy: str) -> dict[str, dict]:
    """Pool -> convention -> mAP."""
    shown = (target == 1).any(1)
    return {
        pool: means(label_precisions(scores[rows].T.copy(), target[rows].T.copy(), policy))
        for pool, rows in (("all", slice(None)), ("shown", shown))
    }


def precisions(scores: np.ndarray, target: np.ndarray, policy: str) -> dict[str, Any]:
    """The entries `ap`, `map`, `map_absent_zero` and `map_difficult`."""
    scores, target = np.ascontiguousarray(scores.T), np.ascontiguousarray(target.T)  # (C, N)
    ap = label_precisions(scores, target, policy)
    every = dict.fromkeys(POLICIES, ap)
    if (target == -1).any():
        every = {other: label_precisions(scores, target, other) for other in POLICIES}
    maps = {other: means(found) for other, found in every.items()}
    zero = {convention: mean([x or 0.0 for x in values]) for convention, values in ap.items()}
    return {
        "ap": ap,
        "map": dict(maps[policy]),
        "map_absent_zero": zero,
        "map_difficult": maps,
        "map_balanced": means(balanced_precisions(scores, target, policy)),
    }


def named(evaluation: dict[str, Any], labels: list[str], unscored: list[str]) -> dict[str, Any]:
    """The result of `evaluate` with the labels' names. `unscored`: labels that were left out."""
    by_label = {
        "labels": labels,
        "unscored": unscored,
        "positives": dict(zip(labels, evaluation["positives"], strict=True)),
        "absent": [labels[column] for column in evaluation["absent"]],
        "ap": {
            convention: dict(zip(labels, values, strict=True))
            for convention, values in evaluation["ap"].items()
        },
    }
    return evaluation | by_label


def flat(scores: dict[str, Any]) -> dict[str, float | None]:
    """Every number of a scores.json under its flat name."""
    found = {f"mAP{CONVENTIONS[name]}": value for name, value in scores["map"].items()}
    maps = {"absent_zero": scores["map_absent_zero"], "balanced": scores["map_balanced"]}
    for group in ("difficult", "pool"):
        maps |= {f"{group}_{name}": values for name, values in scores[f"map_{group}"].items()}
    for ending, values in maps.items():
        found |= {f"mAP{CONVENTIONS[name]}_{ending}": value for name, value in values.items()}
    top = f"top{scores['settings']['top']}"
    groups = {"all": "", f"{top}_thresholded": f"_{top}", f"{top}_strict": f"_{top}_strict"}
    for group, ending in groups.items():
        found |= {f"{name}{ending}": value for name, value in scores[group].items()}
    for name, values in scores["ap"].items():
        found |= {f"AP{CONVENTIONS[name]}:{label}": value for label, value in values.items()}
    return found


def value(scores: dict[str, Any], metric: str) -> float | None:
    """One number of a scores.json, such as `CF1_top3` or `AP:dog`; None if it is not defined."""
    found = flat(scores)
    if metric not in found:
        names = [name for name in found if ":" not in name]
        names += [f"AP{ending}:LABEL" for ending in CONVENTIONS.values()]
        raise ValueError(
            f"no metric {metric!r}; there are {', '.join(names)}, with LABEL one of"
            f" {', '.join(scores['labels'])}"
        )
    return found[metric]


def check_settings(
    threshold: float, top: int, difficult_ap: str, difficult_f1: str, pool: str
) -> None:
    if not isinstance(threshold, float) or not 0 < threshold < 1:
        raise ValueError(
            f"threshold is {threshold!r}; expected a probability between 0 and 1, such as 0.5"
        )
    if not isinstance(top, int) or top < 1:
        raise ValueError(f"top is {top!r}; expected a number of labels, 1 or more")
    for name, policy in (("difficult_ap", difficult_ap), ("difficult_f1", difficult_f1)):
        if policy not in POLICIES:
            raise ValueError(f"{name} is {policy!r}; choose from {', '.join(POLICIES)}")
    if pool not in POOLS:
        raise ValueError(f"pool is {pool!r}; choose from {', '.join(POOLS)}")


def check_arrays(scores: np.ndarray, target: np.ndarray) -> None:
    if scores.ndim != 2 or scores.shape != target.shape or not scores.size:
        raise ValueError(
            f"scores {scores.shape} and target {target.shape} must both be (N, C), images by"
            " labels, with at least one of each"
        )
    if scores.dtype.kind != "f" or target.dtype.kind not in "iub":
        raise ValueError(
            f"scores are {scores.dtype} and target is {target.dtype}; give logits as floating-point"
            " numbers and targets as integers"
        )
    if not np.isfinite(scores).all():
        row, label = np.argwhere(~np.isfinite(scores))[0]
        raise ValueError(
            f"the score of image row {row}, label {label} is {scores[row, label]}; every score must"
            " be a finite number"
        )
    if target.min() < -1 or target.max() > 1:
        row, label = np.argwhere((target < -1) | (target > 1))[0]
        raise ValueError(
            f"the target of image row {row}, label {label} is {target[row, label]}; expected 1"
            " (yes), 0 (no) or -1 (difficult)"
        )
