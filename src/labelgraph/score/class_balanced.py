"""Average precision as if every label were shown equally often: the limit of LaSO's evaluation.

LaSO's loader draws the images that it evaluates: first a label, then an image that shows it. Here
nothing is drawn. An image's weight is how often it would be drawn on average: the sum over its
labels of 1 / (images that show the label). This is what ever more draws tend to, and it is the same
for everybody. An image that shows no label has no weight, so the pool of images does not matter.

Shapes: N images, C labels; P positives, Q negatives of one label.
"""

import numpy as np

from labelgraph.score.average_precision import CONVENTIONS


def image_weights(shown: np.ndarray) -> np.ndarray:
    """(N,) from `shown` (C, N) bool."""
    return (shown / shown.sum(1, keepdims=True).clip(min=1)).sum(0)


def weighted_precisions(
    positives: np.ndarray,
    negatives: np.ndarray,
    of_positives: np.ndarray,
    of_negatives: np.ndarray,
) -> dict[str, float | None]:
    """`average_precisions` with a weight for each score; with equal weights it gives the same.

    Of tied positives the light ones are ranked first, so the order of the images raises no number.
    """
    if not len(positives):
        return dict.fromkeys(CONVENTIONS)
    order = np.lexsort((-of_positives, positives))  # ascending: a lower index is a higher recall
    positives, weight = positives[order], of_positives[order]  # (P,)
    rank = np.lexsort((of_negatives, negatives))
    negatives, alarm = negatives[rank], of_negatives[rank]  # (Q,)
    fraction = weight / weight.sum()  # (P,)
    recall = fraction[::-1].cumsum()[::-1]  # (P,) of all positives at or above
    tied = np.searchsorted(positives, positives, side="left")  # (P,) the last of each tie
    above = np.append(alarm[::-1].cumsum()[::-1], 0.0) / weight.sum()  # (Q + 1,)
    alarms = above[np.searchsorted(negatives, positives, side="left")]  # (P,)
    precision = recall / (recall + alarms)
    envelope = np.maximum.accumulate(precision)
    # the fewest hits with recall >= 0, 0.1, ... 1; sums of weights are slightly inexact
    last = [np.flatnonzero(recall >= level / 10 - 1e-9)[-1] for level in range(11)]
    return {
        "non_interpolated": float((fraction * precision).sum()),
        "interpolated": float((fraction * envelope).sum()),
        "11_point": float(envelope[last].mean()),
        "scikit_learn": float((fraction * (recall[tied] / (recall[tied] + alarms))).sum()),
    }


def balanced_precisions(scores: np.ndarray, target: np.ndarray, policy: str) -> dict[str, list]:
    """Convention -> C values. `scores` and `target` are (C, N), codes 1 yes, 0 no, -1 difficult."""
    shown = target != 0 if policy == "positive" else target == 1  # (C, N)
    weights = image_weights(shown)
    found = []
    for row, codes, yes in zip(scores, target, shown, strict=True):  # (N,) each
        no = (codes != 1 if policy == "negative" else codes == 0) & (weights > 0)
        found.append(weighted_precisions(row[yes], row[no], weights[yes], weights[no]))
    return {name: [values[name] for values in found] for name in CONVENTIONS}
