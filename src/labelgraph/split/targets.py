"""Turns label codes into training targets and counts.

Shapes: N images, C labels.
"""

import numpy as np

from labelgraph.manifest.manifest import DIFFICULT, UNKNOWN, YES
from labelgraph.split.roles import FIT

POLICIES = ("positive", "negative", "ignored")  # how training treats a difficult label


def training_target(labels: np.ndarray, difficult: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes -> target (N, C) float32 and known (N, C) bool. Unknown targets are 0."""
    if difficult not in POLICIES:
        raise ValueError(f"difficult is {difficult!r}; it may be {', '.join(POLICIES)}")
    target = labels == YES
    if difficult == "positive":
        target = target | (labels == DIFFICULT)
    known = labels != UNKNOWN
    if difficult == "ignored":
        known = known & (labels != DIFFICULT)
    return target.astype(np.float32), known


def count(train: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Label statistics of the fit images. Only code 1 is a positive, not a difficult label."""
    labels = train["labels"][train["role"] == FIT]  # (N, C)
    shown = (labels == YES).astype(np.float32)  # whole numbers below 2^24 are exact
    counts = np.rint(shown.T @ shown).astype(np.int64)  # (C, C) images that show both i and j
    return {
        "names": train["names"],
        "images": np.int64(len(labels)),
        "counts": counts,
        "positives": np.diagonal(counts),  # (C,)
        "known": (labels != UNKNOWN).sum(0),  # (C,) entries that are not hidden
    }
