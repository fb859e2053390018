"""Which images are judged: all of them, or those that show one of the scored labels at least.

Shapes: N images, C labels.
"""

import numpy as np

from labelgraph.score.average_precision import label_precisions, means

POOLS = ("all", "shown")


def inside(target: np.ndarray, pool: str) -> np.ndarray:
    """(N,) bool."""
    shown = (target == 1).any(1)
    if pool == "all":
        return np.ones_like(shown)
    if not shown.any():
        raise ValueError("no image shows any of the scored labels; the pool must be all")
    return shown


def maps(scores: np.ndarray, target: np.ndarray, policy: str) -> dict[str, dict]:
    """Pool -> convention -> mAP."""
    shown = (target == 1).any(1)
    return {
        pool: means(label_precisions(scores[rows].T.copy(), target[rows].T.copy(), policy))
        for pool, rows in (("all", slice(None)), ("shown", shown))
    }
