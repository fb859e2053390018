"""The released code of SSGRL in plain loops (HCPLab-SYSU/SSGRL: models.py, semantic.py, ggnn.py,
element_wise_layer.py, networks/resnet.py).

Chen et al., "Learning Semantic-Specific Graph Representation for Multi-Label Image Recognition",
ICCV 2019. With `shared_reset=False` the corrected graph network, and with `reduced` the trunk, of
HCPLab-SYSU/HCP-MLR-PL (model/GraphNeuralNetwork.py, model/SST.py). Written from that code alone,
before anything in src/labelgraph was read.

Shapes: B images, C labels, D word-vector size, F encoder features, S node states (F, or the reduced
width), H hidden size of the decoupling, O output size, P = positions after pooling.

- Average pooling 2 x 2, stride 2, is part of the encoder file. An odd last row or column is
  dropped.
- Decoupling: hidden = tanh((U f) * (V w)); then a linear H -> H with bias and directly a linear
  H -> 1 with bias: NO activation between these two. The last bias has no effect under the softmax.
- The softmax runs over all positions of one label in one image. The weighted sum is of the pooled
  features themselves (the reduced and normalised ones in the HCP trunk), not divided further.
- Messages: [sum_j P[i, j] h_j, sum_j P[j, i] h_j], the matrix as loaded first, then its
  transpose.
- All six linear layers of the graph network have a bias; each gate has two, added up.
- z update, r reset: candidate = tanh(W a + b + U (r * h) + c), h' = (1 - z) h + z candidate.
  (Not torch's GRUCell: r acts before the recurrent matrix, and z keeps the candidate.)
- The shared reset gate also takes the update gate's recurrent BIAS. The reset gate's own recurrent
  weight and bias then exist but get no gradient, so Adam never moves them.
- There are two versions of ggnn.py: commit b6b4d12 has the shared reset gate, 816f573 uses the
  reset gate's own matrix. Which of the two made the published numbers and the checkpoints is not
  stated.
- Read-out: tanh(linear([last state, first state])), then per label a dot product plus its own bias.
- The decoupling code only fits square maps (it takes the width for both sides) and, in SSGRL,
  H = 1024. This file takes any shape.
- HCP trunk: pooled features -> 1x1 convolution without bias -> batch normalisation, no activation,
  S = 1024, H = 512, O = 1024. Word vectors and graph are Parameters without gradient there.
- The graph is loaded from a file, and transposed for the second half: count(i, j) / count(i),
  diagonal 1. How a label without images is filled is open; here its row is zero except for the
  diagonal.
"""

from dataclasses import dataclass

import torch
from released.shared import soft_margin
from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    labels: int  # C
    words: int  # D
    features: int  # F
    hidden: int  # H
    output: int  # O
    reduced: int | None = None  # S of the HCP trunk; None: S = F

    @property
    def states(self) -> int:  # S
        return self.features if self.reduced is None else self.reduced


RELEASED = Sizes(labels=80, words=300, features=2048, hidden=1024, output=2048)
HCP_TRUNK = Sizes(labels=80, words=300, features=2048, hidden=512, output=1024, reduced=1024)
STEPS = 3
NORM_EPSILON = 1e-5


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    hidden, states = sizes.hidden, sizes.states
    shapes = {}
    if sizes.reduced is not None:
        shapes["reduction.weight"] = (states, sizes.features, 1, 1)
        shapes["reduction_norm.weight"] = (states,)
        shapes["reduction_norm.bias"] = (states,)
    shapes |= {
        "decoupling.image.weight": (hidden, states),
        "decoupling.word.weight": (hidden, sizes.words),
        "decoupling.joint.weight": (hidden, hidden),
        "decoupling.joint.bias": (hidden,),
        "decoupling.score.weight": (1, hidden),
        "decoupling.score.bias": (1,),
    }
    for gate in ("update", "reset", "candidate"):
        shapes[f"graph.{gate}.message.weight"] = (states, 2 * states)
        shapes[f"graph.{gate}.message.bias"] = (states,)
        shapes[f"graph.{gate}.state.weight"] = (states, states)
        shapes[f"graph.{gate}.state.bias"] = (states,)
    shapes["output.weight"] = (sizes.output, 2 * states)
    shapes["output.bias"] = (sizes.output,)
    shapes["classifier.weight"] = (sizes.labels, sizes.output)
    shapes["classifier.bias"] = (sizes.labels,)
    return shapes


def first_weights(sizes: Sizes) -> dict[str, str]:
    """Torch's default (0.4.1 and later alike): uniform ±1/sqrt(inputs), biases too."""
    rules = {}
    for name in weights(sizes):
        if name.startswith("reduction_norm"):
            rules[name] = "1" if name.endswith("weight") else "0"
        elif name.startswith("classifier"):
            rules[name] = "uniform ±1/sqrt(O), weight and bias"
        else:
            rules[name] = "torch's default, uniform ±1/sqrt(inputs of the layer)"
    return rules


def buffers(
    vectors: Tensor,  # (C, D)
    pairs: Tensor,  # (C, C) images that carry both labels; the diagonal is not read
    images: Tensor,  # (C,)
    sizes: Sizes | None = None,  # needed for the HCP trunk's batch normalisation only
) -> dict[str, Tensor]:
    pairs, images = pairs.to(vectors.dtype), images.to(vectors.dtype)
    count = len(images)
    graph = torch.zeros(count, count, dtype=vectors.dtype)
    for i in range(count):
        for j in range(count):
            if i == j:
                graph[i, j] = 1
            elif images[i] > 0:
                graph[i, j] = pairs[i, j] / images[i]  # P(j | i)
    fixed = {"vectors": vectors, "graph": graph}
    if sizes is not None and sizes.reduced is not None:
        fixed["reduction_norm.mean"] = torch.zeros(sizes.reduced, dtype=vectors.dtype)
        fixed["reduction_norm.variance"] = torch.ones(sizes.reduced, dtype=vectors.dtype)
    return fixed


def linear(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    """One vector."""
    return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]


def pooled(features: Tensor) -> Tensor:
    """(B, F, h, w) -> (B, F, h // 2, w // 2): means of 2 x 2 blocks."""
    height, width = features.shape[2] // 2, features.shape[3] // 2
    rows = []
    for y in range(height):
        row = []
        for x in range(width):
            block = features[:, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
            row.append(block.sum((2, 3)) / 4)
        rows.append(torch.stack(row, 2))
    return torch.stack(rows, 2)


def positions(features: Tensor) -> list[list[Tensor]]:
    """[image][position] -> (F,), row by row."""
    return [list(image.flatten(1).T) for image in features]


def reduced_positions(
    weights: dict[str, Tensor],
    buffers: dict[str, Tensor],
    images: list[list[Tensor]],
    training: bool,
) -> list[list[Tensor]]:
    """The HCP trunk: convolution and batch normalisation over all images and positions."""
    layer = weights["reduction.weight"].flatten(1)
    images = [[layer @ value for value in image] for image in images]
    if training:
        every = [value for image in images for value in image]
        mean = sum(every) / len(every)
        variance = sum((value - mean) ** 2 for value in every) / len(every)  # biased
    else:
        mean, variance = buffers["reduction_norm.mean"], buffers["reduction_norm.variance"]
    scale = weights["reduction_norm.weight"] / torch.sqrt(variance + NORM_EPSILON)
    shift = weights["reduction_norm.bias"]
    return [[(value - mean) * scale + shift for value in image] for image in images]


def attention(weights: dict[str, Tensor], vectors: Tensor, image: list[Tensor]) -> Tensor:
    """(C, P): for each label, shares of the positions that add up to 1."""
    seen = [weights["decoupling.image.weight"] @ value for value in image]  # P times (H,)
    rows = []
    for word in vectors:
        meaning = weights["decoupling.word.weight"] @ word  # (H,)
        scores = []
        for value in seen:
            joint = linear(torch.tanh(value * meaning), weights, "decoupling.joint")
            scores.append(linear(joint, weights, "decoupling.score"))  # (1,)
        rows.append(torch.softmax(torch.cat(scores), 0))
    return torch.stack(rows)


def semantic_features(weights: dict[str, Tensor], vectors: Tensor, image: list[Tensor]) -> Tensor:
    """(C, S): the first states of the nodes."""
    shares = attention(weights, vectors, image)
    rows = []
    for label in range(len(shares)):
        total = torch.zeros_like(image[0])
        for position, value in enumerate(image):
            total = total + shares[label, position] * value
        rows.append(total)
    return torch.stack(rows)


def graph_step(
    weights: dict[str, Tensor], graph: Tensor, states: Tensor, shared_reset: bool
) -> Tensor:
    """(C, S) -> (C, S): all labels move at once."""
    recurrent = "graph.update.state" if shared_reset else "graph.reset.state"
    moved = []
    for label in range(len(states)):
        own = states[label]
        message = torch.cat([graph[label] @ states, graph[:, label] @ states])  # (2S,)
        update = torch.sigmoid(
            linear(message, weights, "graph.update.message")
            + linear(own, weights, "graph.update.state")
        )
        reset = torch.sigmoid(
            linear(message, weights, "graph.reset.message") + linear(own, weights, recurrent)
        )
        candidate = torch.tanh(
            linear(message, weights, "graph.candidate.message")
            + linear(reset * own, weights, "graph.candidate.state")
        )
        moved.append((1 - update) * own + update * candidate)
    return torch.stack(moved)


def logits(
    weights: dict[str, Tensor],
    buffers: dict[str, Tensor],
    features: Tensor,  # (B, F, h, w) of layer4, before the pooling
    shared_reset: bool,
    steps: int = STEPS,
    training: bool = False,
) -> Tensor:
    """(B, C). `training` matters only for the HCP trunk's batch normalisation."""
    images = positions(pooled(features))
    if "reduction.weight" in weights:
        images = reduced_positions(weights, buffers, images, training)
    scores = []
    for image in images:
        first = semantic_features(weights, buffers["vectors"], image)
        last = first
        for _ in range(steps):
            last = graph_step(weights, buffers["graph"], last, shared_reset)
        row = []
        for label in range(len(first)):
            both = torch.cat([last[label], first[label]])  # (2S,) the last state first
            output = torch.tanh(linear(both, weights, "output"))  # (O,)
            own, bias = weights["classifier.weight"][label], weights["classifier.bias"][label]
            row.append(own @ output + bias)
        scores.append(torch.stack(row))
    return torch.stack(scores)


loss = soft_margin
