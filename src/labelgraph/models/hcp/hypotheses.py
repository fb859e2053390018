"""Which boxes of an image are hypotheses of objects: a few of each group of overlapping ones.

Boxes that are too small or too long are dropped. The others are cut into groups so that boxes of
one group overlap (normalised cut, with the intersection over union as affinity), and the best of
each group are kept.

Shapes: B images, R boxes, M groups. Boxes are (B, R, 4) left, top, right, bottom as shares of the
image, best first.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

ROUNDS = 10  # of moving the groups' centres


def admitted(boxes: Tensor, least_area: float, most_ratio: float) -> Tensor:
    """Boxes of a sensible size and shape, (B, R); an empty place has no area."""
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)  # (B, R, 2)
    area, ratio = sides.prod(-1), sides.amax(-1) / sides.amin(-1).clamp(min=1e-9)
    return (area > 0) & (area >= least_area) & (ratio <= most_ratio)


def overlaps(boxes: Tensor) -> Tensor:
    """Intersection over union of all pairs, (B, R, R)."""
    low = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)  # (B, R)
    union = area[:, :, None] + area[:, None] - shared
    return shared / union.clamp(min=1e-9)


def embedded(affinity: Tensor, there: Tensor, groups: int) -> Tensor:
    """Where each box lies for the normalised cut, (B, R, M): rows of the first eigenvectors.

    Boxes that are not `there` lie at the origin.
    """
    weight = affinity.double() * there[:, :, None] * there[:, None]
    scale = weight.sum(-1).clamp(min=1e-9).rsqrt() * there  # (B, R)
    vectors = torch.linalg.eigh(scale[:, :, None] * weight * scale[:, None]).eigenvectors
    return normalize(vectors[..., -groups:], dim=-1) * there[..., None]


def grouped(points: Tensor, there: Tensor, groups: int) -> Tensor:
    """The group of each point, (B, R): k-means from points that are far from each other.

    The first centre is the first point that is `there`, each further one the point furthest from
    those before.
    """
    images = torch.arange(len(points), device=points.device)
    first = there.int().argmax(1)
    centres, nearest = [], torch.full_like(points[..., 0], torch.inf)
    for _ in range(groups):
        centres.append(points[images, first])
        distance = (points - centres[-1][:, None]).square().sum(-1)
        nearest = torch.minimum(nearest, distance).masked_fill(~there, -1)
        first = nearest.argmax(1)
    found = torch.stack(centres, 1)  # (B, M, M)
    for _ in range(ROUNDS):
        group = torch.cdist(points, found).argmin(-1)  # (B, R)
        member = one_hot(group, groups) * there[..., None]  # (B, R, M)
        count = member.sum(1)[..., None]
        mean = member.to(points.dtype).mT @ points / count.clamp(min=1)
        found = torch.where(count > 0, mean, found)
    return group


@torch.no_grad()
def chosen(boxes: Tensor, there: Tensor, groups: int, each: int) -> Tensor:
    """The best `each` boxes of every group, (B, R); all that are `there` if that is no limit."""
    if each >= boxes.shape[1]:
        return there
    groups = min(groups, boxes.shape[1])
    points = embedded(overlaps(boxes), there, groups)
    member = one_hot(grouped(points, there, groups), groups) * there[..., None]  # (B, R, M)
    place = (member.cumsum(1) * member).sum(-1)  # (B, R) in its group, from 1; 0: in none
    return there & (place <= each)
