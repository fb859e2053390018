"""The released code of ADD-GCN in plain loops (Yejin0111/ADD-GCN: models/add_gcn.py, trainer.py).

Ye et al., "Attention-Driven Dynamic Graph Convolutional Network for Multi-Label Image Recognition",
ECCV 2020. Written from that code alone, before anything in src/labelgraph was read.

Shapes: B images, C labels, F features, N node width (1024), P = h x w positions.

- Biases: none in the class maps (F -> C) and in the static C x C mixing; yes in all the others
  (the 1x1 reduction, static weight, global layer, dynamic adjacency, dynamic weight, last linear).
- Node of label c = sum over positions of reduced features * sigmoid(map of c): not divided.
- Static mixing: new node i = sum_j M[i, j] node j (M is the convolution's weight, outputs first).
  LeakyReLU 0.2 follows the mixing and again the static weight. X = V + that.
- The dynamic adjacency comes from X, after the static residual. Its input stacks the global vector
  FIRST, then the node: [global, x_n]. Entry [m, n] = sigmoid(row m of the layer on node n's stack).
- Dynamic mixing: new node n = sum_m x_m * A[m, n]: column n of the adjacency weighs the nodes that
  label n hears. Not normalised. LeakyReLU, dynamic weight, LeakyReLU. Z = V + that.
- The LeakyReLU after the batch normalisation is the same 0.2. The batch normalisation has
  torch's defaults: eps 1e-5, momentum 0.1, weight and bias; statistics over the B images (one
  global vector per image), so per GPU over that GPU's images. B = 1 in training raises in torch.
- In training the bias of the global layer has no effect (batch statistics remove it): its gradient
  is zero up to rounding, and weight decay alone moves it.
- The score of label c uses only row c of the last linear: w_c . z_c + b_c.
- The two scores are averaged as logits and there is one loss on the average; none on each.
- s_m is written as the mean of the largest 1 value: the maximum. Of several positions with the
  maximum, one gets the gradient.
- The identity that selects the diagonal is a Parameter in the optimiser, but detached: no gradient,
  so SGD skips it, weight decay included.
- No word vectors and no counts are used.
"""

from dataclasses import dataclass

import torch
from released.shared import soft_margin
from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    labels: int  # C
    features: int  # F
    nodes: int  # N


RELEASED = Sizes(labels=80, features=2048, nodes=1024)
SLOPE = 0.2  # LeakyReLU
NORM_EPSILON = 1e-5
NORM_MOMENTUM = 0.1


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    labels, features, nodes = sizes.labels, sizes.features, sizes.nodes
    return {
        "maps.weight": (labels, features, 1, 1),
        "reduction.weight": (nodes, features, 1, 1),
        "reduction.bias": (nodes,),
        "static_graph.weight": (labels, labels, 1),
        "static.weight": (nodes, nodes, 1),
        "static.bias": (nodes,),
        "global.weight": (nodes, nodes, 1),
        "global.bias": (nodes,),
        "global_norm.weight": (nodes,),
        "global_norm.bias": (nodes,),
        "dynamic_graph.weight": (labels, 2 * nodes, 1),
        "dynamic_graph.bias": (labels,),
        "dynamic.weight": (nodes, nodes, 1),
        "dynamic.bias": (nodes,),
        "last.weight": (labels, nodes, 1),
        "last.bias": (labels,),
    }


def first_weights(sizes: Sizes) -> dict[str, str]:
    """All torch's defaults: uniform ±1/sqrt(inputs) for weights and biases of convolutions."""
    inputs = {
        "maps": "F",
        "reduction": "F",
        "static_graph": "C",
        "static": "N",
        "global": "N",
        "dynamic_graph": "2 N",
        "dynamic": "N",
        "last": "N",
    }
    rules = {}
    for name in weights(sizes):
        layer = name.split(".")[0]
        if layer == "global_norm":
            rules[name] = "1" if name.endswith("weight") else "0"
        else:
            rules[name] = f"torch's default, uniform ±1/sqrt({inputs[layer]})"
    return rules


def buffers(sizes: Sizes, dtype: torch.dtype = torch.double) -> dict[str, Tensor]:
    """The running statistics of the only batch normalisation in the head, as they begin."""
    return {
        "global_norm.mean": torch.zeros(sizes.nodes, dtype=dtype),
        "global_norm.variance": torch.ones(sizes.nodes, dtype=dtype),
    }


def matrix(weights: dict[str, Tensor], name: str) -> Tensor:
    """A convolution of kernel 1 as a linear weight (outputs, inputs)."""
    return weights[f"{name}.weight"].flatten(1)


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, SLOPE * x)


def class_maps(weights: dict[str, Tensor], image: Tensor) -> Tensor:
    """(F, h, w) -> (C, P)."""
    return matrix(weights, "maps") @ image.flatten(1)


def attended_nodes(weights: dict[str, Tensor], image: Tensor) -> Tensor:
    """(F, h, w) -> V (C, N), the content-aware nodes."""
    maps = class_maps(weights, image)
    reduced = []
    for position in image.flatten(1).T:
        reduced.append(matrix(weights, "reduction") @ position + weights["reduction.bias"])
    nodes = []
    for label in range(len(maps)):
        node = torch.zeros_like(reduced[0])
        for position, value in enumerate(reduced):
            node = node + torch.sigmoid(maps[label, position]) * value
        nodes.append(node)
    return torch.stack(nodes)


def after_static_graph(weights: dict[str, Tensor], nodes: Tensor) -> Tensor:
    """V (C, N) -> X (C, N)."""
    mixing = matrix(weights, "static_graph")  # (C listening, C heard)
    moved = []
    for label in range(len(nodes)):
        heard = leaky(mixing[label] @ nodes)  # (N,)
        out = leaky(matrix(weights, "static") @ heard + weights["static.bias"])
        moved.append(nodes[label] + out)
    return torch.stack(moved)


def batch_norm(
    x: list[Tensor], weights: dict[str, Tensor], buffers: dict[str, Tensor], training: bool
) -> list[Tensor]:
    """One vector (N,) per image."""
    if training:
        if len(x) == 1:
            raise ValueError("batch statistics need more than one image, as in torch")
        mean = sum(x) / len(x)
        variance = sum((row - mean) ** 2 for row in x) / len(x)  # biased
    else:
        mean, variance = buffers["global_norm.mean"], buffers["global_norm.variance"]
    scale = weights["global_norm.weight"] / torch.sqrt(variance + NORM_EPSILON)
    return [(row - mean) * scale + weights["global_norm.bias"] for row in x]


def running_after(buffers: dict[str, Tensor], x: list[Tensor]) -> dict[str, Tensor]:
    """The running statistics after one training step on the vectors `x` (N,) of the images."""
    mean = sum(x) / len(x)
    variance = sum((row - mean) ** 2 for row in x) / (len(x) - 1)  # unbiased here
    old = 1 - NORM_MOMENTUM
    return {
        "global_norm.mean": old * buffers["global_norm.mean"] + NORM_MOMENTUM * mean,
        "global_norm.variance": old * buffers["global_norm.variance"] + NORM_MOMENTUM * variance,
    }


def global_vectors(weights: dict[str, Tensor], moved: list[Tensor]) -> list[Tensor]:
    """Of each image's X (C, N): the layer on the mean node (N,), before the normalisation."""
    layer, bias = matrix(weights, "global"), weights["global.bias"]
    return [layer @ (nodes.sum(0) / len(nodes)) + bias for nodes in moved]


def dynamic_adjacency(weights: dict[str, Tensor], nodes: Tensor, whole: Tensor) -> Tensor:
    """X (C, N) and the image's global vector (N,) -> (C, C): [m, n] is how much n hears m."""
    columns = []
    for label in range(len(nodes)):
        stacked = torch.cat([whole, nodes[label]])  # (2N,) the global vector first
        column = matrix(weights, "dynamic_graph") @ stacked + weights["dynamic_graph.bias"]
        columns.append(torch.sigmoid(column))  # (C,)
    return torch.stack(columns, 1)


def after_dynamic_graph(weights: dict[str, Tensor], nodes: Tensor, adjacency: Tensor) -> Tensor:
    """X (C, N) -> (C, N), without the residual."""
    moved = []
    for label in range(len(nodes)):
        heard = leaky(adjacency[:, label] @ nodes)  # (N,)
        moved.append(leaky(matrix(weights, "dynamic") @ heard + weights["dynamic.bias"]))
    return torch.stack(moved)


def two_scores(
    weights: dict[str, Tensor], buffers: dict[str, Tensor], features: Tensor, training: bool = False
) -> tuple[Tensor, Tensor]:
    """s_m and s_r, each (B, C)."""
    nodes = [attended_nodes(weights, image) for image in features]  # V
    moved = [after_static_graph(weights, own) for own in nodes]  # X
    whole = batch_norm(global_vectors(weights, moved), weights, buffers, training)
    from_maps, from_nodes = [], []
    for image in range(len(features)):
        from_maps.append(class_maps(weights, features[image]).max(1).values)
        adjacency = dynamic_adjacency(weights, moved[image], leaky(whole[image]))
        last = nodes[image] + after_dynamic_graph(weights, moved[image], adjacency)  # Z
        rows = matrix(weights, "last")
        own = [rows[c] @ last[c] + weights["last.bias"][c] for c in range(len(rows))]
        from_nodes.append(torch.stack(own))
    return torch.stack(from_maps), torch.stack(from_nodes)


def logits(
    weights: dict[str, Tensor], buffers: dict[str, Tensor], features: Tensor, training: bool = False
) -> Tensor:
    """(B, C): the mean of both scores, in training and at test."""
    from_maps, from_nodes = two_scores(weights, buffers, features, training)
    return (from_maps + from_nodes) / 2


loss = soft_margin
