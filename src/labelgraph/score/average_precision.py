"""Average precision of one label, in four conventions, from one sort of its scores.

P positives, Q negatives of one label. Only the positives' places matter: the positive with k
positives and n negatives at or above it is found with precision k / (k + n) and recall k / P.

Ties: a negative that ties with a positive is ranked before it, so neither the order of the images
nor a constant score can raise a number. The order of tied positives changes nothing.
Interpolation and scikit-learn's rule only look at the end of a tie.
"""

import numpy as np

# name of the convention -> ending of the metric's name, as in "mAP_interpolated"
CONVENTIONS = {
    "non_interpolated": "",  # mean over the positives of the precision at each
    "interpolated": "_interpolated",  # VOC 2010 on: best precision at this recall or a higher one
    "11_point": "_11_point",  # VOC 2007: interpolated, read at recall 0, 0.1, ... 1
    "scikit_learn": "_scikit_learn",  # not interpolated; equal scores count as one threshold
}
POLICIES = ("ignored", "negative", "positive")  # how a difficult target counts


def average_precisions(positives: np.ndarray, negatives: np.ndarray) -> dict[str, float | None]:
    """AP as a fraction for each convention; None without a positive. Scores may be in any order."""
    if not len(positives):
        return dict.fromkeys(CONVENTIONS)
    positives = np.sort(positives)  # (P,) ascending, so a lower index is a higher recall
    negatives = np.sort(negatives)  # (Q,)
    count = len(positives)
    hits = np.arange(count, 0, -1)  # (P,) positives at or above, the tied ones one by one
    tied_hits = count - np.searchsorted(positives, positives, side="left")  # (P,) all together
    alarms = len(negatives) - np.searchsorted(negatives, positives, side="left")  # (P,)
    precision = hits / (hits + alarms)  # (P,)
    envelope = np.maximum.accumulate(precision)  # (P,) best at this recall or a higher one
    wanted = -(-np.arange(11) * count // 10)  # (11,) fewest hits with recall >= 0, 0.1, ... 1
    return {
        "non_interpolated": float(precision.mean()),
        "interpolated": float(envelope.mean()),
        "11_point": float(envelope[count - np.maximum(wanted, 1)].mean()),
        "scikit_learn": float((tied_hits / (tied_hits + alarms)).mean()),
    }


def label_precisions(scores: np.ndarray, target: np.ndarray, policy: str) -> dict[str, list]:
    """Convention -> C values. `scores` and `target` are (C, N), codes 1 yes, 0 no, -1 difficult."""
    found = []
    for row, codes in zip(scores, target, strict=True):  # (N,), (N,)
        yes = codes != 0 if policy == "positive" else codes == 1
        no = codes != 1 if policy == "negative" else codes == 0
        found.append(average_precisions(row[yes], row[no]))
    return {name: [values[name] for values in found] for name in CONVENTIONS}


def mean(values: list[float | None]) -> float | None:
    """The mean over the labels that have a value; None if none has."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def means(found: dict[str, list[float | None]]) -> dict[str, float | None]:
    """The mean over the labels for each convention."""
    return {convention: mean(values) for convention, values in found.items()}
