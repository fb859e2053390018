"""What the released SST, SARB and KGGR share, literally.

From HCPLab-SYSU/HCP-MLR-PL: model/SemanticDecoupling.py, model/GraphNeuralNetwork.py,
model/Element_Wise_Layer.py, model/backbone/resnet.py; losses of SST and SARB: loss/*.py.

- The average pool stands inside the encoder. The 1x1 reduction has no bias and no ReLU after its
  batch norm (eps 1e-5).
- Attention: position and word maps have no bias, the two later linear layers have one. Nothing
  stands between these two: their biases cancel in the softmax and have no gradient.
- The graph network's six linear layers all have a bias. Messages are [P h, P^T h] in this order,
  with P[i, j] = count(i, j) / count(i). The last linear layer reads [h_T, h_0] in this order.
- Contrastive: all image pairs of the batch, per label. With P both-present entries, P > 0: of the
  both-absent entries 2P drawn at random and the P largest are kept (an entry may be kept twice),
  likewise of the present-absent entries. With P = 0 all are kept. One mean over all kept. No entry
  at all (for example B = 1): the mean over nothing, not a number.

Letters: B images, F encoder channels, h w encoder map, R reduced channels, N positions after
pooling, C labels, D word-vector length, H hidden width, O output width.
Targets: +1 known present, -1 known absent, 0 unknown.
"""

import torch
from released.shared import batch_norm

STEPS = 3
COSINE_EPS = 1e-9
GATES = ("update", "reset", "candidate")


def linear_shapes(name, inputs, outputs) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def graph_shapes(name, width) -> dict[str, tuple[int, ...]]:
    shapes = {}
    for gate in GATES:
        shapes |= linear_shapes(f"{name}.{gate}.message", 2 * width, width)
        shapes |= linear_shapes(f"{name}.{gate}.state", width, width)
    return shapes


def trunk_weights(sizes) -> dict[str, tuple[int, ...]]:
    """Shared by SST and SARB."""
    s = sizes
    shapes = {
        "reduce.conv.weight": (s.reduced, s.features, 1, 1),
        "reduce.norm.weight": (s.reduced,),
        "reduce.norm.bias": (s.reduced,),
        "attend.position.weight": (s.hidden, s.reduced),
        "attend.word.weight": (s.hidden, s.words),
    }
    shapes |= linear_shapes("attend.joint", s.hidden, s.hidden)
    shapes |= linear_shapes("attend.score", s.hidden, 1)
    shapes |= graph_shapes("graph", s.reduced)
    shapes |= linear_shapes("output", 2 * s.reduced, s.output)
    shapes |= {"classifier.weight": (s.labels, s.output), "classifier.bias": (s.labels,)}
    return shapes


def label_graph(known_targets: torch.Tensor) -> torch.Tensor:
    """Targets of all training images (+1, -1, 0 unknown) -> P (C, C), from known positives only.

    A label without any known positive gives a row of 0 / 0 = not a number, as in the code, which
    then reaches every score: the code throws the repaired matrix away.
    """
    labels = known_targets.shape[1]
    counts = torch.zeros(labels, labels, dtype=torch.double)
    for row in known_targets:
        present = [label for label in range(labels) if row[label] == 1]
        for first in present:
            for second in present:
                counts[first, second] += 1
    graph = torch.zeros_like(counts)
    for label in range(labels):
        graph[label] = counts[label] / counts[label, label]
    return graph


def buffers(word_vectors, graph, reduced: int) -> dict[str, torch.Tensor]:
    """Word vectors (C, D) as read, P (C, C), running statistics of the batch norm."""
    ones = torch.ones(reduced, dtype=word_vectors.dtype)
    return {
        "word_vectors": word_vectors,
        "graph": graph.to(word_vectors.dtype),
        "reduce.norm.running_mean": torch.zeros_like(ones),
        "reduce.norm.running_var": ones,
    }


def linear(rows, weights, name):
    return rows @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def average_pool(features):
    """Means of 2x2 blocks: (B, F, h, w) -> (B, F, h/2, w/2)."""
    rows = []
    for row in range(0, features.shape[2] - 1, 2):
        columns = []
        for column in range(0, features.shape[3] - 1, 2):
            block = features[:, :, row : row + 2, column : column + 2]
            columns.append(block.sum((2, 3)) / 4)
        rows.append(torch.stack(columns, 2))
    return torch.stack(rows, 2)


def reduce(weights, buffers, features, training):
    """(B, F, h, w) -> positions row by row (B, N, R)."""
    pooled = average_pool(features)
    kernel = weights["reduce.conv.weight"][:, :, 0, 0]  # (R, F)
    maps = torch.stack([(kernel @ image.flatten(1)) for image in pooled])  # (B, R, N)
    maps = maps.view(len(pooled), len(kernel), *pooled.shape[2:])
    maps = batch_norm(maps, weights, buffers, "reduce.norm", training)
    return torch.stack([image.flatten(1).T for image in maps])


def attend(weights, words, positions):
    """One image: positions (N, R), words (C, D) -> one feature per label (C, R)."""
    of_positions = positions @ weights["attend.position.weight"].T  # (N, H)
    of_words = words @ weights["attend.word.weight"].T  # (C, H)
    features = []
    for label in range(len(words)):
        joint = torch.tanh(of_positions * of_words[label])  # (N, H)
        scores = linear(linear(joint, weights, "attend.joint"), weights, "attend.score")[:, 0]
        shares = torch.softmax(scores, 0)  # (N,), over the positions
        features.append(shares @ positions)
    return torch.stack(features)


def propagate(weights, graph, states, name="graph"):
    """One image: T steps of the gated graph network on (C, R)."""
    for _ in range(STEPS):
        messages = []
        for label in range(len(states)):
            forth = graph[label] @ states  # sum over j of P[label, j] h_j
            back = graph[:, label] @ states  # sum over j of P[j, label] h_j
            messages.append(torch.cat([forth, back]))
        messages = torch.stack(messages)  # (C, 2R)

        def gate(kind, inner, messages=messages):
            sent = linear(messages, weights, f"{name}.{kind}.message")
            return sent + linear(inner, weights, f"{name}.{kind}.state")

        update = torch.sigmoid(gate("update", states))
        reset = torch.sigmoid(gate("reset", states))
        candidate = torch.tanh(gate("candidate", reset * states))
        states = (1 - update) * states + update * candidate
    return states


def read_out(weights, graph, label_features):
    """One image: label features before the graph (C, R) -> logits (C,)."""
    propagated = propagate(weights, graph, label_features)
    outputs = torch.tanh(linear(torch.cat([propagated, label_features], 1), weights, "output"))
    scores = []
    for label in range(len(outputs)):
        score = outputs[label] @ weights["classifier.weight"][label]
        scores.append(score + weights["classifier.bias"][label])
    return torch.stack(scores)


def cosine(first, second):
    lengths = first.norm() * second.norm()
    return (first @ second) / lengths.clamp(min=COSINE_EPS)


def contrast_entries(targets) -> dict[str, list[tuple[int, int, int]]]:
    """(image, later image, label) by kind, image pairs first, labels inside."""
    kinds = {"both_present": [], "mixed": [], "both_absent": []}
    rows = targets.tolist()
    for first in range(len(rows)):
        for second in range(first + 1, len(rows)):
            for label in range(len(rows[0])):
                values = (rows[first][label], rows[second][label])
                if values == (1, 1):
                    kinds["both_present"].append((first, second, label))
                elif values == (-1, -1):
                    kinds["both_absent"].append((first, second, label))
                elif 0 not in values:
                    kinds["mixed"].append((first, second, label))
    return kinds


def contrast_loss(label_features, targets, absent_order, mixed_order):
    """The orders are permutations of the both-absent and of the mixed entries.

    The code draws them in this order, and only when there is a both-present entry.
    """
    entries = contrast_entries(targets)

    def distances(kind, sign):
        return [
            1 + sign * cosine(label_features[i, label], label_features[j, label])
            for i, j, label in entries[kind]
        ]

    def sample(values, order, count):
        drawn = [values[place] for place in order[: 2 * count]]
        hardest = sorted(values, key=lambda value: -value.item())[:count]
        return drawn + hardest

    present = distances("both_present", -1)
    absent, mixed = distances("both_absent", 1), distances("mixed", 1)
    if present:
        absent = sample(absent, absent_order, len(present))
        mixed = sample(mixed, mixed_order, len(present))
    kept = present + mixed + absent
    if not kept:
        return label_features.sum() * torch.nan
    return torch.stack(kept).mean()


def ramp(epoch: int, batch: int, batches: int) -> float:
    return 1.0 if epoch >= 1 else batch / batches
