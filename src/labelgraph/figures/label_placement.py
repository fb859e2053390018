"""Places words beside points, so that they cover neither each other nor the points.

All lengths in inches.
"""

import numpy as np

DISTANCES = (0.075, 0.16, 0.28, 0.42)  # from a point to its words
SIDES = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
SIDES += [(1, 0.5), (1, -0.5), (-1, 0.5), (-1, -0.5), (0.5, 1), (-0.5, 1), (0.5, -1), (-0.5, -1)]
FAR = 0.004  # cost of an inch of distance, in square inches of covered area
ROOM = 0.02  # around words


def place(points: np.ndarray, widths: list[float], height: float, page: np.ndarray) -> np.ndarray:
    """Lower left corners (C, 2) of the words; `page`: its width and height.

    The most crowded points choose first, each the nearest place of those that cover least.
    """
    dot = DISTANCES[0] / 2
    taken = [np.array([*(point - dot), *(point + dot)]) for point in points]
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    crowded = np.argsort(np.sort(apart, axis=1)[:, 1 : min(4, len(points))].sum(1), kind="stable")
    corners = np.zeros_like(points)
    for label in crowded.tolist():
        size = np.array([widths[label], height])
        options = [
            (corner(points[label], size, np.array(side), distance), distance)
            for distance in DISTANCES
            for side in SIDES
        ]
        costs = [cost(low, size, taken, page) + FAR * distance for low, distance in options]
        corners[label] = options[int(np.argmin(costs))][0]
        taken.append(np.concatenate([corners[label] - ROOM, corners[label] + size + ROOM]))
    return corners


def corner(point: np.ndarray, size: np.ndarray, side: np.ndarray, distance: float) -> np.ndarray:
    """Lower left corner of words on this side of the point."""
    return point + side * distance - size * (1 - side) / 2


def cost(low: np.ndarray, size: np.ndarray, taken: list[np.ndarray], page: np.ndarray) -> float:
    """The area that the words would cover, plus what is outside the page."""
    high = low + size
    rooms = np.array(taken)
    inside = np.minimum(high, rooms[:, 2:]) - np.maximum(low, rooms[:, :2])
    covered = np.prod(np.clip(inside, 0, None), axis=1).sum()
    outside = np.clip(-low, 0, None).sum() + np.clip(high - page, 0, None).sum()
    return float(covered + outside)


def nearest_end(point: np.ndarray, low: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The place in a text that is nearest to a point."""
    return np.clip(point, low, low + size)
