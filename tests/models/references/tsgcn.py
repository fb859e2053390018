"""TSGCN as read in its description: label-specific pooling, and classifiers from two label graphs.

Double precision, one image, label, cell and edge at a time.
Shapes: B images, C labels, F features, h x w cells, w word-vector size, H hidden width.

weights (name: shape)
    maps.weight (C, F)           class maps without bias (`maps.bias` (C,) is added if it is there)
    semantic.hidden.weight (H, w), semantic.output.weight (F, H)      no biases, as in ML-GCN
    spatial.hidden.weight (H, w),  spatial.output.weight (F, H)

`graph` (C, C): the propagation matrix of the semantic stream, already re-weighted and normalised
(ML-GCN's);
`vectors` (C, w).

What the description leaves open, as it is here:
- a graph layer is G (X W^T); LeakyReLU of slope 0.2 after the first of two layers, nothing after
  the second.
- boxes: `found` gives for each image a dict label -> (left, top, right, bottom) as shares of the
  image's sides, the
  best box of each detected label. Without a detector, `boxes_from_maps`: for each label the cells
  where
  sigmoid(map) > 0.5, of them the largest part connected at sides or corners (of equally large ones
  the one whose last
  cell in reading order comes first); its box in shares of the grid. A label without such a cell is
  not detected.
- an edge between two different detected labels: boxes that overlap (intersection of positive area),
  or centres nearer
  than the mean of the two boxes' diagonals (strictly). Its weight: `weight="distance"`:
  exp(-distance / mean diagonal);
  `"iou"`: the intersection over union (0, hence no effect, for boxes that do not overlap);
  `"binary"`: 1.
  Distances are in shares of the image's sides.
- the spatial graph is N(A + I), N(M) = D^-1/2 M D^-1/2 with row sums D; every label, detected or
  not, has its
  self-loop.
- the scores of the maps take no part in the logits and in the loss; no bias in the classifiers.
- boxes from maps have no gradient (a threshold).
- loss: binary cross-entropy, mean over the known entries of the batch.
"""

import numpy as np


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def class_maps(weights, features):
    """(C, h, w) of one image (F, h, w)."""
    matrix = weights["maps.weight"]
    bias = weights.get("maps.bias", np.zeros(len(matrix)))
    width, height, across = features.shape
    found = np.zeros((len(matrix), height, across))
    for c in range(len(matrix)):
        for i in range(height):
            for j in range(across):
                found[c, i, j] = (
                    sum(matrix[c, f] * features[f, i, j] for f in range(width)) + bias[c]
                )
    return found


def label_features(maps, features):
    """(C, F): for each label the mean of the cells, weighted by the softmax of its map."""
    found = []
    for one in maps:
        strength = np.exp(one - one.max())
        share = strength / strength.sum()
        total = np.zeros(len(features))
        for i in range(share.shape[0]):
            for j in range(share.shape[1]):
                total += share[i, j] * features[:, i, j]
        found.append(total)
    return np.array(found)


def parts(cells):
    """The connected parts of a boolean map, as lists of cells."""
    left = {(i, j) for i in range(cells.shape[0]) for j in range(cells.shape[1]) if cells[i, j]}
    found = []
    while left:
        waiting, part = [left.pop()], []
        while waiting:
            i, j = waiting.pop()
            part.append((i, j))
            near = [(i + y, j + x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
            for cell in near:
                if cell in left:
                    left.remove(cell)
                    waiting.append(cell)
        found.append(sorted(part))
    return found


def boxes_from_maps(maps, share=0.5):
    """label -> box, of one image."""
    found = {}
    for c, one in enumerate(maps):
        height, across = one.shape
        known = parts(1 / (1 + np.exp(-one)) > share)
        if known:
            part = min(known, key=lambda cells: (-len(cells), cells[-1]))
            rows, columns = [i for i, _ in part], [j for _, j in part]
            found[c] = (
                min(columns) / across,
                min(rows) / height,
                (max(columns) + 1) / across,
                (max(rows) + 1) / height,
            )
    return found


def intersection(one, other):
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(down, 0.0)


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def relation(one, other, weight):
    """The weight of the edge between two boxes."""
    shared = intersection(one, other)
    centres = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (one, other)]
    distance = np.hypot(centres[0][0] - centres[1][0], centres[0][1] - centres[1][1])
    diagonals = [np.hypot(box[2] - box[0], box[3] - box[1]) for box in (one, other)]
    diagonal = sum(diagonals) / 2
    if not (shared > 0 or distance < diagonal):
        return 0.0
    if weight == "binary":
        return 1.0
    if weight == "iou":
        return shared / (area(one) + area(other) - shared)
    return float(np.exp(-distance / diagonal))


def spatial_graph(found, count, weight="distance"):
    """N(A + I) (C, C) of one image."""
    matrix = np.eye(count)
    for i in found:
        for j in found:
            if i != j:
                matrix[i, j] += relation(found[i], found[j], weight)
    degree = matrix.sum(1)
    return np.array(
        [
            [matrix[i, j] / np.sqrt(degree[i] * degree[j]) for j in range(count)]
            for i in range(count)
        ]
    )


def propagated(graph, vectors, hidden, output):
    """Two graph layers: (C, F)."""

    def spread(x):
        return np.array([sum(graph[i, j] * x[j] for j in range(len(x))) for i in range(len(x))])

    first = leaky(spread(np.array([hidden @ word for word in vectors])))
    return spread(np.array([output @ state for state in first]))


def logits(weights, features, vectors, graph, found=None, weight="distance", share=0.5):
    """`found`: a list of dicts label -> box, one an image; null: from the class maps."""
    semantic = propagated(
        graph, vectors, weights["semantic.hidden.weight"], weights["semantic.output.weight"]
    )
    scores = np.zeros((len(features), len(vectors)))
    for b, image in enumerate(features):
        maps = class_maps(weights, image)
        boxes = boxes_from_maps(maps, share) if found is None else found[b]
        own = spatial_graph(boxes, len(vectors), weight)
        spatial = propagated(
            own, vectors, weights["spatial.hidden.weight"], weights["spatial.output.weight"]
        )
        pooled = label_features(maps, image)
        for c in range(len(vectors)):
            scores[b, c] = sum(
                pooled[c, f] * (semantic[c, f] + spatial[c, f]) for f in range(len(image))
            )
    return scores


def loss(
    weights, features, vectors, graph, target, known, found=None, weight="distance", share=0.5
):
    scores = logits(weights, features, vectors, graph, found, weight, share)
    values = [
        np.logaddexp(0, scores[b, c]) - target[b, c] * scores[b, c]
        for b in range(len(scores))
        for c in range(scores.shape[1])
        if known[b, c]
    ]
    return sum(values) / max(len(values), 1)
