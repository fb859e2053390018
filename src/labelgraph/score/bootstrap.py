"""How uncertain a metric of few pictures is: the same metric over pictures drawn again (bootstrap).

A draw takes as many pictures as there are, with replacement. How a metric varies over a thousand
draws shows how far other pictures of the same kind might have moved it. A draw is a row of counts,
and the metrics here read counts: no picture is copied, and the values are those that metrics.py
gives for the copies. Values are fractions, NaN where undefined.

Shapes: N images, C labels, R draws.
"""

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np

from labelgraph.score.precision_recall import groups

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DRAWS, SEED = 1000, 0
WIDEST = 4_000_000  # counts that are processed at a time
RATES = ("CP", "CR", "CF1", "OP", "OR", "OF1")
COVERED = re.compile(rf"mAP|AP:.*|({'|'.join(RATES)})(_top\d+(_strict)?)?")
LEVEL = 95  # percent of the draws that lie within an interval


def draws(images: int, count: int = DRAWS, seed: int | tuple[int, ...] = SEED) -> np.ndarray:
    """How often each image is drawn: (R, N). Every row sums to N."""
    chosen = np.random.default_rng(seed).integers(0, images, (count, images))
    places = chosen + images * np.arange(count)[:, None]
    return np.bincount(places.ravel(), minlength=count * images).reshape(count, images)


def covered(name: str) -> bool:
    """Whether `values` has draws of the metric, provided that its top is that of the settings."""
    return COVERED.fullmatch(name) is not None


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
    ranked = [ranking(*column, policy) for column in zip(scores.T, target.T, strict=True)]
    most = int(counts[:1].sum())
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, most + 1))])
    for part in parts(counts):
        drawn = np.ascontiguousarray(counts[part].T, np.float32)  # (N, r); whole numbers are exact
        for label, (between, positives) in enumerate(ranked):
            found[label, part] = precisions(drawn, between, positives, harmonic)
    return found


def parts(counts: np.ndarray) -> Iterator[slice]:
    """Draws that are processed together."""
    rows = max(1, WIDEST // counts.shape[1])
    for start in range(0, len(counts), rows):
        yield slice(start, start + rows)


def ranking(scores: np.ndarray, codes: np.ndarray, policy: str) -> tuple["csr_array", np.ndarray]:
    """A label's P positives (P,), best first, and which negatives lie before each (P, N).

    A negative is named at the first positive behind it, one that ties with a positive before it.
    """
    from scipy.sparse import csr_array  # slow to import, and not needed to plan

    yes = codes != 0 if policy == "positive" else codes == 1
    no = codes != 1 if policy == "negative" else codes == 0
    order = np.lexsort((yes, -scores))
    order = order[(yes | no)[order]]
    places = np.flatnonzero(yes[order])
    ends = np.concatenate([[0], places - np.arange(len(places))])
    before = order[~yes[order]][: ends[-1]]
    ones = np.ones(len(before), np.float32)
    return csr_array((ones, before, ends), (len(places), len(codes))), order[places]


def precisions(
    drawn: np.ndarray, between: "csr_array", positives: np.ndarray, harmonic: np.ndarray
) -> np.ndarray:
    """(r,) of one label, from its ranking; `drawn` is (N, r).

    A positive drawn w times is w tied positives. With h hits and a false alarms before them, they
    are found with precision (h + 1) / (h + 1 + a) to (h + w) / (h + w + a), and these sum to
    w - a (H(h + w + a) - H(h + a)), H(n) = 1 + 1/2 + ... + 1/n.
    """
    if not len(positives):
        return np.full(drawn.shape[1], np.nan)
    times = drawn[positives]  # (P, r) w
    alarms = np.cumsum(between @ drawn, 0)  # (P, r) a
    hits = np.cumsum(times, 0)  # (P, r) h + w
    last = (hits + alarms).astype(np.int32)
    first = last - times.astype(np.int32)
    sums = times - alarms * (harmonic[last] - harmonic[first])
    with np.errstate(invalid="ignore"):
        return sums.sum(0) / hits[-1]


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


def values(
    counts: np.ndarray,
    scores: np.ndarray,
    target: np.ndarray,
    names: list[str],
    settings: dict,
    wanted: Collection[str] | None = None,
    named_at: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Flat name -> (R,) of each metric in `wanted`; of mAP, each label's AP and all rates if None.

    `settings` and `named_at` as in `evaluate`.
    """
    found = {}
    if wanted is None or any(name == "mAP" or name.startswith("AP:") for name in wanted):
        precise = label_precisions(counts, scores, target, settings["difficult_ap"])
        known = (~np.isnan(precise)).sum(0)  # (R,) labels with a positive
        found["mAP"] = np.nansum(precise, 0) / np.where(known, known, np.nan)
        found |= {f"AP:{name}": row for name, row in zip(names, precise, strict=True)}
    top = f"_top{settings['top']}"
    endings = {"all": "", "thresholded": top, "strict": f"{top}_strict"}
    for group, chosen in groups(scores, settings["threshold"], settings["top"], named_at).items():
        ending = endings[group]
        if wanted is not None and not {f"{name}{ending}" for name in RATES} & {*wanted}:
            continue
        every = [
            rates(counts[part], chosen, target, settings["difficult_f1"]) for part in parts(counts)
        ]
        found |= {
            f"{name}{ending}": np.concatenate([some[name] for some in every]) for name in RATES
        }
    if missing := {*(wanted or ())} - found.keys():
        raise ValueError(f"no draws of {sorted(missing)}; there are those of {sorted(found)}")
    return found


def intervals(
    scores: np.ndarray,
    target: np.ndarray,
    names: list[str],
    settings: dict,
    named_at: np.ndarray | None = None,
) -> dict[str, list[float]]:
    """Flat name -> both ends. A metric that has no value in any draw is left out."""
    found = values(draws(len(scores)), scores, target, names, settings, None, named_at)
    ends = {name: interval(drawn) for name, drawn in found.items()}
    return {name: both for name, both in ends.items() if both}
