"""Random and degenerate scores, and the settings that the tests of metrics start from."""

import numpy as np
import pytest

from labelgraph.score import metrics

SETTINGS = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}


def draw(kind: str) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    target = (generator.random((60, 7)) < 0.3).astype(np.int8)
    scores = (generator.normal(size=target.shape) + target - 0.5).astype(np.float32)
    if kind == "ties":
        scores = np.round(scores * 2) / 2
    if kind == "constant":
        scores[:] = 0.25
    if kind == "absent":
        target[:, [0, 4]] = 0
    if kind == "all present":
        target[:] = 1
    if kind == "one image":
        scores, target = scores[:1], target[:1]
        target[0, :2] = 1, 0
    if kind == "one label":
        scores, target = scores[:, :1], target[:, :1]
    if kind == "never predicted":
        scores[:, 2] = -5
    return scores, target


KINDS = ["plain", "ties", "constant", "absent", "all present", "one image", "one label"]
KINDS += ["never predicted"]
each_kind = pytest.mark.parametrize("kind", KINDS)


def evaluate(scores, target, **changed) -> dict:
    return metrics.evaluate(np.asarray(scores), np.asarray(target), **SETTINGS | changed)
