"""ML-SGM (Wu et al., TCSVT 2023), literally as the RELEASED code of ynanwu/ML-SGM computes it.

Commit 79a2051; read in GNBlock_model.py, conv_layer.py, build_graph.py, util.py and demo.py. The
released code is a different model from the paper's: its instances are the cells of a grid; it has
no class maps, boxes, class selection or global node.

Letters: B images, F encoder channels, h w encoder map, R reduced channels, N cells (7 x 7 at 448
pixels), C labels, D word-vector length, L latent width, S state width.

Parameters of the head with 300-d words (the number of labels changes nothing): 36,007,169, of
which 5,275,136 never get a gradient (`without_gradient`) and 30,732,033 get one. Without the 3x3
reduction and its norm (18,876,416) 11,855,617 get one, about 11.86 M.

- The reducing convolution has padding 1 and no bias; its batch norm has eps 1e-5, momentum 0.1. No
  pooling follows.
- Cells are read row by row. Each is divided by max(its 2-norm over channels, 1e-12).
- Every pair of neighbouring cells gives two directed edges. Source first, target second, both in
  the first edge attribute (2R) and in the edge MLP's input [source, target, edge]. The code takes
  the grid's side from the number of cells: only square maps work.
- A matching edge is [cell, label] in its first attribute (R + D) and [cell, label, edge] in the
  edge MLP.
- The label graph holds all C*C ordered pairs, [source, target] (2D). A label's mean therefore
  counts C senders, itself among them.
- Order inside every two-layer MLP: linear, ReLU, LayerNorm, linear, ReLU, LayerNorm (eps 1e-5, with
  weight and bias); every linear layer has a bias.
- The edge stage hands its ENCODED nodes on; the node stage hands its ENCODED edges on.
- A message is made from [sender node, edge]; the node MLP reads [self, mean within, mean across].
  Messages among labels use the labels' old encodings; messages from cells to labels use the cells
  that this stage has just updated.
- The decoder has no LayerNorm before the sigmoid: linear, ReLU, LayerNorm, linear, sigmoid.
- The word vectors are used as read, not normalised.
- Nothing is frozen and no batch norm is held: the whole encoder trains in training mode.
- The loss has no clamp: a score of exactly 0 or 1 gives an infinite or undefined loss.
- Present but without effect: the 1000-way linear layer of the ImageNet network.

`logits` returns the largest matching score before the sigmoid. The code takes the sigmoid first and
the maximum after; the sigmoid is increasing, so the two agree unless two sigmoids round to the same
number (then the gradient may go to another cell). `probabilities` follows the code's order.
"""

from dataclasses import dataclass

import torch
from released.shared import batch_norm

KINDS = ("cells", "cell_edges", "labels", "label_edges", "matches")
MESSAGES = ("cell_to_cell", "label_to_cell", "label_to_label", "cell_to_label")
POSITIVE_WEIGHT = 0.8
NORM_EPS = 1e-5


@dataclass(frozen=True)
class Sizes:
    labels: int = 20
    words: int = 300
    features: int = 2048
    reduced: int = 1024
    latent: int = 512
    state: int = 256
    decoder: int = 128


def mlp_shapes(name: str, inputs: int, hidden: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.first.weight": (hidden, inputs),
        f"{name}.first.bias": (hidden,),
        f"{name}.first_norm.weight": (hidden,),
        f"{name}.first_norm.bias": (hidden,),
        f"{name}.second.weight": (outputs, hidden),
        f"{name}.second.bias": (outputs,),
        f"{name}.second_norm.weight": (outputs,),
        f"{name}.second_norm.bias": (outputs,),
    }


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Every parameter of the released head, also those that never receive a gradient."""
    s = sizes
    shapes: dict[str, tuple[int, ...]] = {
        "reduce.conv.weight": (s.reduced, s.features, 3, 3),
        "reduce.norm.weight": (s.reduced,),
        "reduce.norm.bias": (s.reduced,),
    }
    first_widths = {
        "cells": s.reduced,
        "cell_edges": 2 * s.reduced,
        "labels": s.words,
        "label_edges": 2 * s.words,
        "matches": s.reduced + s.words,
    }
    for kind in KINDS:
        shapes |= mlp_shapes(f"encode.{kind}", first_widths[kind], s.latent, s.state)
    for block in (1, 2):
        for stage in ("edge_stage", "node_stage"):
            for kind in KINDS:
                name = f"block{block}.{stage}.encode.{kind}"
                shapes |= mlp_shapes(name, s.state, s.latent, s.state)
        for kind in ("cell_edges", "label_edges", "matches"):
            name = f"block{block}.edge_stage.update.{kind}"
            shapes |= mlp_shapes(name, 3 * s.state, s.latent, s.state)
        for message in MESSAGES:
            name = f"block{block}.node_stage.message.{message}"
            shapes |= mlp_shapes(name, 2 * s.state, s.latent, s.state)
        for kind in ("cells", "labels"):
            name = f"block{block}.node_stage.update.{kind}"
            shapes |= mlp_shapes(name, 3 * s.state, s.latent, s.state)
    shapes |= {
        "decode.first.weight": (s.decoder, s.state),
        "decode.first.bias": (s.decoder,),
        "decode.first_norm.weight": (s.decoder,),
        "decode.first_norm.bias": (s.decoder,),
        "decode.second.weight": (1, s.decoder),
        "decode.second.bias": (1,),
    }
    return shapes


def without_gradient(sizes: Sizes) -> list[str]:
    """Parameters that the score cannot depend on.

    It reads only the matching edges that leave the second block. So of the second node stage only
    their encoder is used, and of the second edge stage neither the other two edge encoders nor the
    other two edge MLPs.
    """
    dead = [f"block2.edge_stage.encode.{kind}." for kind in ("cell_edges", "label_edges")]
    dead += [f"block2.edge_stage.update.{kind}." for kind in ("cell_edges", "label_edges")]
    dead += [f"block2.node_stage.encode.{kind}." for kind in KINDS if kind != "matches"]
    dead += ["block2.node_stage.message.", "block2.node_stage.update."]
    return [name for name in weights(sizes) if name.startswith(tuple(dead))]


def buffers(word_vectors: torch.Tensor, sizes: Sizes) -> dict[str, torch.Tensor]:
    """The word vectors (C, D) and the running statistics of the one batch norm."""
    ones = torch.ones(sizes.reduced, dtype=word_vectors.dtype)
    return {
        "word_vectors": word_vectors,
        "reduce.norm.running_mean": torch.zeros_like(ones),
        "reduce.norm.running_var": ones,
    }


def grid_edges(side: int) -> list[tuple[int, int]]:
    """Directed edges (source, target) between cells above, below, left and right of each other."""
    edges = []
    for row in range(side):
        for column in range(side):
            for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                other_row, other_column = row + down, column + right
                if 0 <= other_row < side and 0 <= other_column < side:
                    edges.append((row * side + column, other_row * side + other_column))
    return edges


def label_edges(labels: int) -> list[tuple[int, int]]:
    """Every ordered pair of labels (source, target), each label with itself as well."""
    return [(source, target) for source in range(labels) for target in range(labels)]


def match_edges(cells: int, labels: int) -> list[tuple[int, int]]:
    """Every (cell, label), cell by cell."""
    return [(cell, label) for cell in range(cells) for label in range(labels)]


def layer_norm(rows, weight, bias):
    """Each row on its own: (n, d) -> (n, d); the variance is divided by d."""
    mean = rows.sum(1, keepdim=True) / rows.shape[1]
    variance = ((rows - mean) ** 2).sum(1, keepdim=True) / rows.shape[1]
    return (rows - mean) / torch.sqrt(variance + NORM_EPS) * weight + bias


def linear(rows, weights, name):
    return rows @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def mlp(rows, weights, name):
    """linear, ReLU, LayerNorm, linear, ReLU, LayerNorm on rows (n, inputs) -> (n, outputs)."""
    for layer in ("first", "second"):
        rows = linear(rows, weights, f"{name}.{layer}").clamp(min=0)
        norm = f"{name}.{layer}_norm"
        rows = layer_norm(rows, weights[f"{norm}.weight"], weights[f"{norm}.bias"])
    return rows


def cells_of(weights, buffers, features, training):
    """Encoder maps (B, F, h, w) -> unit-length cells (B, N, R)."""
    kernel = weights["reduce.conv.weight"]
    maps = torch.nn.functional.conv2d(features, kernel, stride=2, padding=1)  # (B, R, h', w')
    maps = batch_norm(maps, weights, buffers, "reduce.norm", training).clamp(min=0)
    images = []
    for image in maps:
        cells = []
        for row in range(image.shape[1]):
            for column in range(image.shape[2]):
                cell = image[:, row, column]  # (R,)
                length = (cell**2).sum().sqrt() if bool((cell != 0).any()) else cell.abs().sum()
                cells.append(cell / length.clamp(min=1e-12))
        images.append(torch.stack(cells))
    return torch.stack(images)


def pairs(first, second, edges):
    """[row of `first`, row of `second`] for every edge (E, d1 + d2)."""
    starts, ends = [edge[0] for edge in edges], [edge[1] for edge in edges]
    return torch.cat([first[starts], second[ends]], 1)


def mean_into(messages, receivers, nodes):
    """Mean of the messages (E, S) that each node receives: (nodes, S)."""
    arriving = [[] for _ in range(nodes)]
    for edge, receiver in enumerate(receivers):
        arriving[receiver].append(edge)
    return torch.stack([messages[edges].sum(0) / len(edges) for edges in arriving])


def encode_all(state, weights, name):
    return {kind: mlp(state[kind], weights, f"{name}.{kind}") for kind in KINDS}


def edge_stage(state, graph, weights, name):
    state = encode_all(state, weights, f"{name}.encode")
    rows = {
        "cell_edges": pairs(state["cells"], state["cells"], graph["grid"]),
        "label_edges": pairs(state["labels"], state["labels"], graph["label"]),
        "matches": pairs(state["cells"], state["labels"], graph["match"]),
    }
    updated = dict(state)
    for kind, ends in rows.items():
        updated[kind] = mlp(torch.cat([ends, state[kind]], 1), weights, f"{name}.update.{kind}")
    return updated


def node_stage(state, graph, weights, name):
    state = encode_all(state, weights, f"{name}.encode")
    cells, labels = state["cells"], state["labels"]
    grid, label, match = graph["grid"], graph["label"], graph["match"]

    def messages(senders, indices, edges, kind):
        return mlp(torch.cat([senders[indices], edges], 1), weights, f"{name}.message.{kind}")

    # Cells first: from the four neighbours, and from every label along the matching edges.
    sent = messages(cells, [source for source, _ in grid], state["cell_edges"], "cell_to_cell")
    within = mean_into(sent, [target for _, target in grid], len(cells))
    sent = messages(labels, [label for _, label in match], state["matches"], "label_to_cell")
    across = mean_into(sent, [cell for cell, _ in match], len(cells))
    cells = mlp(torch.cat([cells, within, across], 1), weights, f"{name}.update.cells")

    # Labels second: from all labels, and from every cell as it has just become.
    sent = messages(labels, [source for source, _ in label], state["label_edges"], "label_to_label")
    within = mean_into(sent, [target for _, target in label], len(labels))
    sent = messages(cells, [cell for cell, _ in match], state["matches"], "cell_to_label")
    across = mean_into(sent, [label for _, label in match], len(labels))
    labels = mlp(torch.cat([labels, within, across], 1), weights, f"{name}.update.labels")
    return state | {"cells": cells, "labels": labels}


def image_scores(weights, words, cells):
    """One image: cells (N, R), words (C, D) -> matching scores before the sigmoid (N, C)."""
    side = round(len(cells) ** 0.5)
    graph = {
        "grid": grid_edges(side),
        "label": label_edges(len(words)),
        "match": match_edges(len(cells), len(words)),
    }
    state = {
        "cells": cells,
        "cell_edges": pairs(cells, cells, graph["grid"]),
        "labels": words,
        "label_edges": pairs(words, words, graph["label"]),
        "matches": pairs(cells, words, graph["match"]),
    }
    state = encode_all(state, weights, "encode")
    for block in ("block1", "block2"):
        state = edge_stage(state, graph, weights, f"{block}.edge_stage")
        state = node_stage(state, graph, weights, f"{block}.node_stage")
    rows = linear(state["matches"], weights, "decode.first").clamp(min=0)
    norm = "decode.first_norm"
    rows = layer_norm(rows, weights[f"{norm}.weight"], weights[f"{norm}.bias"])
    return linear(rows, weights, "decode.second").view(len(cells), len(words))


def match_scores(weights, buffers, features, training=False):
    """Encoder maps (B, F, h, w) -> scores of every cell and label before the sigmoid (B, N, C)."""
    cells = cells_of(weights, buffers, features, training)
    return torch.stack([image_scores(weights, buffers["word_vectors"], image) for image in cells])


def logits(weights, buffers, features, training=False):
    """The best cell of each label, before the sigmoid: (B, C)."""
    return match_scores(weights, buffers, features, training).max(1).values


def probabilities(weights, buffers, features, training=False):
    """What the code hands to its loss and to its metric: (B, C)."""
    return torch.sigmoid(match_scores(weights, buffers, features, training)).max(1).values


def loss(logits, targets):
    """logits (B, C); targets (B, C) of +1, 0 (difficult) and -1: only +1 is positive.

    -(1 / BC) * sum of 0.8 y log p + 0.2 (1 - y) log(1 - p), without any clamp.
    """
    p = torch.sigmoid(logits)
    total = 0
    for image in range(p.shape[0]):
        for label in range(p.shape[1]):
            y = 1.0 if targets[image, label] == 1 else 0.0
            score = p[image, label]
            term = POSITIVE_WEIGHT * y * torch.log(score)
            total = total + term + (1 - POSITIVE_WEIGHT) * (1 - y) * torch.log(1 - score)
    return -total / p.numel()
