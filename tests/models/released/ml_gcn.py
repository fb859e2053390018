"""The released code of ML-GCN in plain loops (megvii-research/ML-GCN: models.py,
util.py, engine.py).

Chen et al., "Multi-Label Image Recognition with Graph Convolutional Networks", CVPR 2019. Written
from that code alone, before anything in src/labelgraph was read.

Shapes: B images, C labels, D word-vector size, H hidden size, F features, h x w positions.

- Each layer first multiplies by its weight and then by the graph: graph @ (x @ W).
- The counts of pairs have a zero diagonal, so the identity is the only edge of a label to itself.
  The released matrix is made in float64, stored as float32, and normalised in float32.
- P exactly at the threshold is an edge (>=). A label without images gives 0/0 = NaN. The
  comparisons leave NaN alone, the column sums spread it, and every entry of the graph is NaN.
- graph[i, j] = s_i * s_j * A[j, i], where s = (row sum of A) ** -0.5. With A = I + A', row i of
  the transposed A' adds up to 0.25 whenever some label implies label i. Label i listens to
  label j when P(i | j) >= 0.4.
- A is a Parameter, but its product is detached and A is in no optimiser group. It gets no gradient.
- The released pooling is MaxPool2d(14, 14) on a 14 x 14 map: the maximum over all positions. Of
  several positions with the maximum, one gets the gradient.
"""

from dataclasses import dataclass

import torch
from released.shared import soft_margin
from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    labels: int  # C
    words: int  # D
    hidden: int  # H
    features: int  # F


RELEASED = Sizes(labels=80, words=300, hidden=1024, features=2048)
THRESHOLD = 0.4
NEIGHBOURS = 0.25
SLOPE = 0.2  # LeakyReLU


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    return {
        # the repository stores both as (inputs, outputs)
        "first.weight": (sizes.hidden, sizes.words),
        "second.weight": (sizes.features, sizes.hidden),
    }


def first_weights(sizes: Sizes) -> dict[str, str]:
    return {
        "first.weight": "uniform ±1/sqrt(outputs)",  # outputs = hidden
        "second.weight": "uniform ±1/sqrt(outputs)",  # outputs = features
    }


def buffers(
    vectors: Tensor,  # (C, D)
    pairs: Tensor,  # (C, C) images that carry both labels; the diagonal is zero
    images: Tensor,  # (C,) images that carry the label
    threshold: float = THRESHOLD,
    neighbours: float = NEIGHBOURS,
) -> dict[str, Tensor]:
    pairs, images = pairs.to(vectors.dtype), images.to(vectors.dtype)
    matrix = unnormalised_graph(pairs, images, threshold, neighbours)
    return {"vectors": vectors, "graph": normalised_graph(matrix)}


def unnormalised_graph(
    pairs: Tensor, images: Tensor, threshold: float, neighbours: float
) -> Tensor:
    """The released parameter A (C, C)."""
    count = len(images)
    edges = torch.zeros_like(pairs)
    for i in range(count):
        for j in range(count):
            given = pairs[i, j] / images[i]  # P(j | i)
            if given < threshold:
                edges[i, j] = 0
            elif given >= threshold:
                edges[i, j] = 1
            else:  # NaN: label i has no image
                edges[i, j] = given
    matrix = torch.zeros_like(pairs)
    for j in range(count):
        column = edges[:, j].sum()  # over the rows, before the identity is added
        for i in range(count):
            matrix[i, j] = edges[i, j] * neighbours / (column + 1e-6)
        matrix[j, j] = matrix[j, j] + 1
    return matrix


def normalised_graph(matrix: Tensor) -> Tensor:
    """What the layers multiply by (C, C): the transpose, scaled on both sides."""
    count = len(matrix)
    scale = [matrix[i].sum() ** -0.5 for i in range(count)]  # row sums of the untransposed matrix
    graph = torch.zeros_like(matrix)
    for i in range(count):
        for j in range(count):
            graph[i, j] = matrix[j, i] * scale[i] * scale[j]
    return graph


def graph_convolution(x: Tensor, weight: Tensor, graph: Tensor) -> Tensor:
    """(C, inputs) -> (C, outputs), no bias."""
    sent = torch.stack([weight @ x[label] for label in range(len(x))])  # (C, outputs)
    return torch.stack([graph[label] @ sent for label in range(len(x))])  # (C, outputs)


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, SLOPE * x)


def classifiers(weights: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
    """(C, F): no activation after the second layer."""
    x = graph_convolution(buffers["vectors"], weights["first.weight"], buffers["graph"])
    return graph_convolution(leaky(x), weights["second.weight"], buffers["graph"])


def pooled(features: Tensor) -> Tensor:
    """(B, F, h, w) -> (B, F): the maximum over all positions."""
    rows = []
    for image in features:
        rows.append(image.reshape(image.shape[0], -1).max(1).values)
    return torch.stack(rows)


def logits(
    weights: dict[str, Tensor], buffers: dict[str, Tensor], features: Tensor, training: bool = False
) -> Tensor:
    """(B, C). Training and test are the same calculation."""
    written = classifiers(weights, buffers)  # (C, F)
    x = pooled(features)  # (B, F)
    scores = []
    for image in range(len(x)):
        scores.append(torch.stack([x[image] @ written[label] for label in range(len(written))]))
    return torch.stack(scores)


loss = soft_margin
