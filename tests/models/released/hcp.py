"""HCP by hand: the grid form, hypotheses pooled from one map, in double precision.

weights
    hidden.weight (U, F), hidden.bias (U,)             only if settings["hidden"] > 0
    classifier.weight (C, U or F), classifier.bias (C,)
settings
    hidden      0: the scorer is linear; else ReLU between the two layers
    stage       "image" (the whole image is the only hypothesis) or "hypotheses"
    clusters    m 10
    each        k hypotheses of each cluster: 1 in training, 50 (all) in testing
    side        of the image in pixels, for the filter: boxes below 900 square pixels are dropped
    ratio       largest ratio of the sides, 4

Boxes (R, 4): left, top, right, bottom as shares of the image, best first; four zeros: none.
A box covers the cells whose centre ((j + .5) / w, (i + .5) / h) lies inside (edges included); if
none, the one cell whose centre is nearest to the box's centre. phi_i = mean of its cells.
v_i = scorer(phi_i); V_c = max_i v_ic; q = softmax(V); t = y / sum y; J = mean over images of
sum_c (q_c - t_c)^2. `logits` returns V: it ranks as q does.

Choices where the facts leave something open
    * softmax after the maximum, over the known labels; images without a (known) yes are left out of
      J and of its mean; the squares are summed over known labels only;
    * an image without any usable box has one hypothesis, the whole image. The whole image is
      otherwise NOT among the hypotheses;
    * a zero area is no box; a box whose sides' ratio (in pixels; the image counted as square)
      exceeds `ratio` or whose area is below 900 px is dropped;
    * normalised cut: recursive, two parts at a time. Affinity IoU, 1 on the diagonal. A group is
      cut along the second generalised eigenvector of (D - S) x = a D x, at the place in its sorted
      order (equal values in the boxes' order) where cut/assoc(A) + cut/assoc(B) within the group is
      smallest, the first such place. Among the groups the one with the smallest such value is cut
      next, until there are m groups or only single boxes. An eigenvector's sign and degenerate
      eigenvalues are not determined: compare with affinities where the cut is unique, or by
      `cut_value`;
    * of each group the k best boxes, in the order of the list (best first).
"""

import math

import numpy as np


def usable(boxes, settings):
    """Positions of the boxes that pass the filter."""
    found = []
    for number, (left, top, right, bottom) in enumerate(boxes):
        wide, high = (right - left) * settings["side"], (bottom - top) * settings["side"]
        if wide <= 0 or high <= 0 or wide * high < 900:
            continue
        if max(wide, high) / min(wide, high) > settings["ratio"]:
            continue
        found.append(number)
    return found


def overlap(one, other):
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return wide * high / (sum(areas) - wide * high)


def affinity(boxes):
    return np.array([[overlap(one, other) for other in boxes] for one in boxes])


def cut_value(matrix, part, rest):
    """cut / association of both sides, within the two together."""
    whole = [*part, *rest]
    cut = sum(matrix[i, j] for i in part for j in rest)
    of_part = sum(matrix[i, j] for i in part for j in whole)
    of_rest = sum(matrix[i, j] for i in rest for j in whole)
    return cut / of_part + cut / of_rest


def best_cut(matrix, group):
    """(value, part, rest) of one group of at least two."""
    own = matrix[np.ix_(group, group)]
    degree = own.sum(1)
    root = np.diag(degree**-0.5)
    _, vectors = np.linalg.eigh(root @ (np.diag(degree) - own) @ root)
    second = vectors[:, 1] / np.sqrt(degree)
    order = [group[place] for place in np.argsort(second, kind="stable")]
    cuts = []
    for size in range(1, len(order)):
        part, rest = sorted(order[:size]), sorted(order[size:])
        cuts.append((cut_value(matrix, part, rest), part, rest))
    return min(cuts, key=lambda cut: cut[0])


def groups(matrix, count):
    found = [list(range(len(matrix)))]
    while len(found) < count:
        cuts = [(best_cut(matrix, group), group) for group in found if len(group) > 1]
        if not cuts:
            break
        (_, part, rest), group = min(cuts, key=lambda pair: pair[0][0])
        found.remove(group)
        found += [part, rest]
    return found


def hypotheses(boxes, settings):
    """The boxes of one image that are used."""
    if settings["stage"] == "image":
        return [np.array([0.0, 0.0, 1.0, 1.0])]
    kept = [boxes[number] for number in usable(boxes, settings)]
    if not kept:
        return [np.array([0.0, 0.0, 1.0, 1.0])]
    chosen = []
    for group in groups(affinity(kept), settings["clusters"]):
        chosen += [kept[number] for number in sorted(group)[: settings["each"]]]
    return chosen


def pooled(image, box):
    """The mean feature (F,) of the cells of a box."""
    _, height, across = image.shape
    left, top, right, bottom = box
    inside, nearest = [], None
    for i in range(height):
        for j in range(across):
            x, y = (j + 0.5) / across, (i + 0.5) / height
            if left <= x <= right and top <= y <= bottom:
                inside.append(image[:, i, j])
            away = math.hypot(x - (left + right) / 2, y - (top + bottom) / 2)
            if nearest is None or away < nearest[0]:
                nearest = away, image[:, i, j]
    return sum(inside) / len(inside) if inside else nearest[1]


def score(weights, settings, x):
    if settings["hidden"]:
        x = [
            sum(row * x) + b
            for row, b in zip(weights["hidden.weight"], weights["hidden.bias"], strict=True)
        ]
        x = np.maximum(np.array(x), 0)
    rows = zip(weights["classifier.weight"], weights["classifier.bias"], strict=True)
    return np.array([sum(row * x) + b for row, b in rows])


def logits(weights, features, boxes, settings):
    """V (B, C). `boxes` (B, R, 4)."""
    found = []
    for image, some in zip(features, boxes, strict=True):
        scores = [
            score(weights, settings, pooled(image, box)) for box in hypotheses(some, settings)
        ]
        found.append(np.max(scores, axis=0))
    return np.array(found)


def loss(scores, target, known):
    total, count = 0.0, 0
    for b in range(scores.shape[0]):
        yes = [float(target[b, c]) if known[b, c] else 0.0 for c in range(scores.shape[1])]
        if not sum(yes):
            continue
        powers = np.exp(scores[b] - scores[b].max()) * known[b]
        q = powers / powers.sum()
        count += 1
        for c in range(scores.shape[1]):
            if known[b, c]:
                total += (q[c] - yes[c] / sum(yes)) ** 2
    return total / max(count, 1)
