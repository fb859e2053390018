"""Centres of clusters: k-means with k-means++ initialisation (Arthur and Vassilvitskii 2007).

Shapes: n points, K centres, W width.
"""

import torch
from torch import Tensor

ROUNDS = 50


def spread(points: Tensor, count: int) -> Tensor:
    """Points (K, W), each drawn with a probability that grows with its distance to those before."""
    chosen = [int(torch.randint(len(points), (1,)))]
    near = torch.full((len(points),), torch.inf)
    while len(chosen) < count:
        near = torch.minimum(near, (points - points[chosen[-1]]).square().sum(1))
        chosen.append(int(torch.multinomial(near + 1e-12, 1)))
    return points[chosen]


def centres(points: Tensor, count: int) -> Tensor:
    """(n, W) -> (K, W); the points themselves, repeated, if there are too few."""
    if len(points) <= count:
        return points[torch.arange(count) % len(points)]
    found, before = spread(points, count), None
    for _ in range(ROUNDS):
        nearest = torch.cdist(points, found).argmin(1)  # (n,)
        if before is not None and nearest.equal(before):
            break
        before, sums = nearest, torch.zeros_like(found).index_add_(0, nearest, points)
        size = torch.bincount(nearest, minlength=count)[:, None]
        found = torch.where(size > 0, sums / size.clamp(min=1), found)
    return found
