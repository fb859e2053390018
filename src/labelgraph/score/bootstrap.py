"""How uncertain a metric of few pictures is: the same metric over pictures drawn again (bootstrap).

A draw takes as many pictures as there are, with replacement. How a metric varies over a thousand
draws shows how far other pictures of the same kind might have moved it. A draw is a row of counts,
and the metrics here read counts: no picture is copied, and the values are those that metrics.py
gives for the copies. Values are fractions, NaN where undefined.

Shapes: N images, C labels, R draws.
"""

import numpy as np

from labelgraph.score.precision_recall import among_highest

DRAWS, SEED = 1000, 0
WIDEST = 4_000_000  # counts that are processed at a time
RATES = ("CP", "CR", "CF1", "OP", "OR", "OF1")
LEVEL = 95  # percent of the draws that lie within an interval


def draws(images: int, count: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """How often each image is drawn: (R, N). Every row sums to N."""
    chosen = np.random.default_rng(seed).integers(0, images, (count, images))
    places = chosen + images * np.arange(count)[:, None]
    return np.bincount(places.ravel(), minlength=count * images).reshape(count, images)


def interval(values: np.ndarray) -> list[float] | None:
    """Both ends of the middle LEVEL percent of the draws that have a value."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    beyond = (100 - LEVEL) / 2
    return [float(end) for end in np.percentile(known, [beyond, 100 - beyond])]


def label_precisions(
    counts: np.ndarray, scores: np.ndarray, target: np.ndarray, policy: str
) -> np.ndarray:
    """(C, R): each label's average precision, not interpolated. `policy`: for difficult targets."""
    found = np.empty((scores.shape[1], len(counts)))
    rows = max(1, WIDEST // len(scores))
    for label, (column, codes) in enumerate(zip(scores.T, target.T, strict=True)):
        yes = codes != 0 if policy == "positive" else codes == 1
        no = codes != 1 if policy == "negative" else codes == 0
        for start in range(0, len(counts), rows):
            part = slice(start, start + rows)
            found[label, part] = precisions(counts[part], column, yes, no)
    return found


def precisions(
    counts: np.ndarray, scores: np.ndarray, yes: np.ndarray, no: np.ndarray
) -> np.ndarray:
    """(R,) of one label: `scores`, `yes` and `no` are (N,).

    A positive drawn w times is w tied positives. With h hits and a false alarms before them, they
    are found with precision (h + 1) / (h + 1 + a) to (h + w) / (h + w + a), and these sum to
    w - a (H(h + w + a) - H(h + a)), H(n) = 1 + 1/2 + ... + 1/n. A negative that ties with a
    positive is ranked before it.
    """
    order = np.lexsort((yes, -scores))
    order = order[(yes | no)[order]]
    drawn, positive = counts[:, order], yes[order]  # (R, n), (n,)
    hits = np.cumsum(drawn * positive, 1)
    alarms = np.cumsum(drawn * ~positive, 1)[:, positive]
    total = hits[:, -1] if len(order) else np.zeros(len(counts))
    after, drawn = hits[:, positive], drawn[:, positive]
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, counts[0].sum() + 1))])
    sums = drawn - alarms * (harmonic[after + alarms] - harmonic[after - drawn + alarms])
    with np.errstate(invalid="ignore"):
        return sums.sum(1) / total


def rates(
    counts: np.ndarray, chosen: np.ndarray, target: np.ndarray, policy: str
) -> dict[str, np.ndarray]:
    """Name -> (R,) of the predictions `chosen` (N, C) bool, as `precision_recall_f1` counts."""
    yes = target != 0 if policy == "positive" else target == 1
    counted = chosen & (target != -1) if policy == "ignored" else chosen
    hits, predicted, present = (
        counts @ part.astype(float) for part in (chosen & yes, counted, yes)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        there = present > 0
        labels = there.sum(1)
        precision = (hits / np.maximum(predicted, 1) * there).sum(1) / labels
        recall = (hits / np.maximum(present, 1)).sum(1) / labels
        overall = hits.sum(1) / np.maximum(predicted.sum(1), 1), hits.sum(1) / present.sum(1)
    values = (precision, recall, harmonic_mean(precision, recall))
    return dict(zip(RATES, (*values, *overall, harmonic_mean(*overall)), strict=True))


def harmonic_mean(precision: np.ndarray, recall: np.ndarray) -> np.ndarray:
    return 2 * precision * recall / np.where(precision + recall == 0, 1, precision + recall)


def intervals(
    scores: np.ndarray, target: np.ndarray, names: list[str], settings: dict
) -> dict[str, list[float]]:
    """Flat name -> both ends, for mAP, each label's AP and all rates; `settings` as in `evaluate`.

    A metric that has no value in any draw is left out.
    """
    counts = draws(len(scores))
    precise = label_precisions(counts, scores, target, settings["difficult_ap"])
    known = (~np.isnan(precise)).sum(0)  # (R,) labels with a positive
    means = np.nansum(precise, 0) / np.where(known, known, np.nan)
    found = {"mAP": means} | {f"AP:{name}": row for name, row in zip(names, precise, strict=True)}
    above = scores > np.log(settings["threshold"] / (1 - settings["threshold"]))
    highest, top = among_highest(scores, settings["top"]), f"_top{settings['top']}"
    groups = {"": above, top: above & highest, f"{top}_strict": highest}
    for ending, chosen in groups.items():
        values = rates(counts, chosen, target, settings["difficult_f1"])
        found |= {f"{name}{ending}": value for name, value in values.items()}
    ends = {name: interval(values) for name, values in found.items()}
    return {name: both for name, both in ends.items() if both}
