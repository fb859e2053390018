"""Words beside points, so that they cover neither each other nor the points.

All lengths in inches.
"""

import numpy as np

NEAR, FAR = 0.075, 0.16
SIDES = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]


def place(points: np.ndarray, widths: list[float], height: float, page: np.ndarray) -> np.ndarray:
    """Lower left corners (C, 2) of the words; `page` is the width and height that they must keep.

    The most crowded points choose first, each the place that covers least.
    """
    taken = [np.array([*(point - NEAR / 2), *(point + NEAR / 2)]) for point in points]
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    crowded = np.argsort(np.sort(apart, axis=1)[:, 1 : min(4, len(points))].sum(1), kind="stable")
    corners = np.zeros_like(points)
    for label in crowded.tolist():
        size = np.array([widths[label], height])
        options = [
            corner(points[label], size, np.array(side), distance)
            for distance in (NEAR, FAR)
            for side in SIDES
        ]
        best = min(range(len(options)), key=lambda k: (cost(options[k], size, taken, page), k))
        corners[label] = options[best]
        taken.append(np.concatenate([options[best], options[best] + size]))
    return corners


def corner(point: np.ndarray, size: np.ndarray, side: np.ndarray, distance: float) -> np.ndarray:
    """Lower left corner of words that stand at this side of the point."""
    start = np.where(side > 0, 0, np.where(side < 0, -size, -size / 2))
    return point + start + side * distance


def cost(low: np.ndarray, size: np.ndarray, taken: list[np.ndarray], page: np.ndarray) -> float:
    """What the words would cover, and what would stand outside the page, in square inches."""
    high = low + size
    rooms = np.array(taken)
    inside = np.minimum(high, rooms[:, 2:]) - np.maximum(low, rooms[:, :2])
    covered = np.prod(np.clip(inside, 0, None), axis=1).sum()
    outside = np.clip(-low, 0, None).sum() + np.clip(high - page, 0, None).sum()
    return float(covered + outside)
