"""ML-ZSL by the equations of its description, one image, one label and one edge at a time.

Double precision. Shapes: B images, C labels, F features, w word-vector size, d belief width, T
steps, K kinds of
relation, H/E/O hidden widths of the three small networks.

weights (name: shape)
    initial.image.weight   (H, F)     part of F_I's first layer that reads x
    initial.words.weight   (H, w)     part of F_I's first layer that reads the word vector
    initial.bias           (H,)
    initial.output.weight  (d, H),  initial.output.bias (d,)
    relation.<k>.hidden.weight (E, 2w), relation.<k>.hidden.bias (E,)      k = 1..K
    relation.<k>.output.weight (1, E),  relation.<k>.output.bias (1,)
    gate.update.message.weight / .state.weight (d, d), gate.update.bias (d,)       z
    gate.reset.message.weight / .state.weight (d, d), gate.reset.bias (d,)         r
    gate.candidate.message.weight / .state.weight (d, d), gate.candidate.bias (d,) h~
    score.hidden.weight (O, d), score.hidden.bias (O,)
    score.output.weight (1, O), score.output.bias (1,)
Each gate has one bias; a module with two (torch's GRUCell) adds them up before mapping, except for
`reset="after"`.

What the description leaves open, as it is here:
- the first layers of F_I, F_R and F_O end in ReLU; F_I's second layer ends in tanh, the other two
  are linear.
- x is the mean over the positions.
- a pair has at most one kind: `kinds[i, j]` = 0 (no edge) or k; no self-loops unless `kinds` has
  them.
  a_ij = F_R^k([w_i; w_j]): the receiver's words first, so a directed relation may be another kind
  in each direction.
- messages: u_i = tanh(sum_j a_ij h_j), so 0 for a label without neighbours; its state still changes
  through the gates.
- gates: z = s(Wz u + Uz h + bz), r = s(Wr u + Ur h + br), h~ = tanh(W u + U (r * h) + b), as in
  gated graph networks
  (`reset="before"`); torch's GRU multiplies r with (U h + bias) instead (`reset="after"`: then
  gate.candidate.state.bias (d,) is also read). h <- (1 - z) h + z h~: z = 1 takes the candidate
  (torch's z is 1 - ours).
- T = 0: the score is F_O(h0), and the loss is that of h0 with weight 1.
- loss: sum over steps t = 1..T of 1 / (T - t + 1) times the cross-entropy; of the seen and known
  entries the MEAN
  (`divide="entries"`, the house's convention) or their sum over labels, averaged over images
  (`divide="images"`).
"""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def layer(weights, name, x):
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return np.array(
        [sum(weight[o, i] * x[i] for i in range(len(x))) + bias[o] for o in range(len(weight))]
    )


def product(matrix, x):
    return np.array([sum(matrix[o, i] * x[i] for i in range(len(x))) for o in range(len(matrix))])


def relu(x):
    return np.where(x > 0, x, 0.0)


def first_state(weights, x, word):
    hidden = product(weights["initial.image.weight"], x) + product(
        weights["initial.words.weight"], word
    )
    return np.tanh(layer(weights, "initial.output", relu(hidden + weights["initial.bias"])))


def edge(weights, kind, receiver, sender):
    hidden = relu(layer(weights, f"relation.{kind}.hidden", np.concatenate([receiver, sender])))
    return layer(weights, f"relation.{kind}.output", hidden)[0]


def edges(weights, vectors, kinds):
    """a (C, C): [i, j] is how much label i listens to label j."""
    count = len(vectors)
    found = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            if kinds[i, j]:
                found[i, j] = edge(weights, int(kinds[i, j]), vectors[i], vectors[j])
    return found


def gated(weights, message, state, reset):
    def gate(name, of_state):
        return (
            product(weights[f"gate.{name}.message.weight"], message)
            + product(weights[f"gate.{name}.state.weight"], of_state)
            + weights[f"gate.{name}.bias"]
        )

    z, r = sigmoid(gate("update", state)), sigmoid(gate("reset", state))
    if reset == "before":
        candidate = np.tanh(gate("candidate", r * state))
    else:
        own = (
            product(weights["gate.candidate.state.weight"], state)
            + weights["gate.candidate.state.bias"]
        )
        heard = (
            product(weights["gate.candidate.message.weight"], message)
            + weights["gate.candidate.bias"]
        )
        candidate = np.tanh(heard + r * own)
    return (1 - z) * state + z * candidate


def score(weights, state):
    return layer(weights, "score.output", relu(layer(weights, "score.hidden", state)))[0]


def all_scores(weights, features, vectors, kinds, steps, reset="before"):
    """Logits after 0, 1, .., T steps: (T + 1, B, C)."""
    images, count = len(features), len(vectors)
    found = np.zeros((steps + 1, images, count))
    a = edges(weights, vectors, kinds)
    for b in range(images):
        x = features[b].reshape(features.shape[1], -1).mean(1)
        states = [first_state(weights, x, vectors[c]) for c in range(count)]
        found[0, b] = [score(weights, state) for state in states]
        for t in range(1, steps + 1):
            changed = []
            for i in range(count):
                heard = np.zeros(len(states[i]))
                for j in range(count):
                    if kinds[i, j]:
                        heard = heard + a[i, j] * states[j]
                changed.append(gated(weights, np.tanh(heard), states[i], reset))
            states = changed
            found[t, b] = [score(weights, state) for state in states]
    return found


def logits(weights, features, vectors, kinds, steps, reset="before"):
    return all_scores(weights, features, vectors, kinds, steps, reset)[-1]


def loss(
    weights, features, vectors, kinds, steps, target, known, seen, reset="before", divide="entries"
):
    """`known` (B, C) bool; `seen` (C,) bool: the labels that training may look at."""
    scores = all_scores(weights, features, vectors, kinds, steps, reset)
    count = sum(bool(known[b, c] and seen[c]) for b in range(len(target)) for c in range(len(seen)))
    total = 0.0
    for t in range(min(1, steps), steps + 1):
        weight = 1.0 / (steps - t + 1) if steps else 1.0
        for b in range(len(target)):
            for c in range(len(seen)):
                if known[b, c] and seen[c]:
                    s, y = scores[t, b, c], target[b, c]
                    total += weight * (np.logaddexp(0, s) - y * s)
    return total / (max(count, 1) if divide == "entries" else len(target))
