"""PLA / MLA, step by step and image by image, in double precision (numpy and plain loops).

Written from the facts on the orderless recurrent models alone (Yazici et al., CVPR 2020). Letters:
B images, C labels,
F features, u one of the h*w cells (row by row), H state, A width of the attention, D width of a
label's vector, T steps.

Symbols of the output: 0..C-1 are the labels, C is END: q_t has C+1 entries. Rows of the input
table: 0..C-1 labels, C END,
C+1 START, C+2 PAD (never read here; the table may also have only C+2 rows).

`weights` (every `.bias` is optional and counts as 0 if it is absent):
  first_h.weight (H, F) [first_h.bias (H,)]      h_0 = W f,  f the mean of all cells
  first_c.weight (H, F) [first_c.bias (H,)]      c_0 = W' f
  attend_cell.weight (A, F) [.bias]              W_1
  attend_state.weight (A, H) [.bias]             W_2
  attend_score.weight (1, A) [.bias]             w   (a bias of it cancels in the softmax)
  gate.weight (F, H) [.bias]                     W_g
  embedding (C+2 or C+3, D)                      the input table E
  lstm.weight_ih (4H, D+F), lstm.weight_hh (4H, H) [lstm.bias_ih (4H,), lstm.bias_hh (4H,)]
                                                 torch's LSTMCell: blocks input, forget, candidate,
                                                 output; input [E; z]
  output.weight (C+1, H) [.bias]                 rows: the labels, then END

`settings`: steps (T; 20 in the paper), alignment: "pla" | "mla" | "teacher", order (C,) (only for
"teacher": the labels
in the order in which an image's labels are presented; for the others the order of the labels does
not matter).

Choices where the facts leave something open:
 - features pass without dropout (testing), also in `loss`: compare with dropout 0 or in evaluation
   mode.
 - confidence: c(l) = max over t <= tau of q_t(l), tau = step of the first END (inclusive), T if END
   never comes. It is
   returned as a logit, log c - log(1 - c), computed as s_l - logsumexp of all other scores (exact,
   no clamp).
 - a label counts as emitted only if its first emission is at one of the steps 1..n (the "clean
   version"); later ones are
   treated as not emitted.
 - among equally cheap assignments any may be taken: with random weights there are none.
 - loss: the mean of the cross-entropies of all steps of all images packed: sum over images and t =
   1..n+1, divided by
   sum of (n+1). An image without labels has END alone. `target` must have n + 1 <= T for every
   image. All labels are known.
 - "teacher": step t is fed the (t-1)-th true label instead of the network's own symbol (START at
   first).
"""

from itertools import permutations

import numpy as np


def affine(weights, name, x):
    rows = np.asarray(weights[f"{name}.weight"], float)
    found = np.array([sum(r * v for r, v in zip(row, x, strict=False)) for row in rows])
    return (
        found + np.asarray(weights[f"{name}.bias"], float) if f"{name}.bias" in weights else found
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_sum_exp(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def log_softmax(x):
    return x - log_sum_exp(x)


def softmax(x):
    return np.exp(log_softmax(np.asarray(x, float)))


def lstm_cell(weights, name, x, h, c):
    size = len(h)
    gates = (
        np.asarray(weights[f"{name}.weight_ih"], float) @ x
        + np.asarray(weights[f"{name}.weight_hh"], float) @ h
    )
    for bias in ("bias_ih", "bias_hh"):
        if f"{name}.{bias}" in weights:
            gates = gates + np.asarray(weights[f"{name}.{bias}"], float)
    i, f, g, o = (gates[k * size : (k + 1) * size] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def cells_of(features):
    _width, height, across = features.shape
    return [features[:, y, x].astype(float) for y in range(height) for x in range(across)]


def attended(weights, cells, h):
    own = affine(weights, "attend_state", h)
    energy = []
    for cell in cells:
        bent = np.maximum(affine(weights, "attend_cell", cell) + own, 0)
        energy.append(affine(weights, "attend_score", bent)[0])
    shares = softmax(energy)
    z = sum(share * cell for share, cell in zip(shares, cells, strict=False))
    return sigmoid(affine(weights, "gate", h)) * z


def run(weights, features, steps, fed=None):
    """Of one image: scores s_t (a list of arrays of C+1). `fed`: symbols to be read instead of the
    network's own.
    """
    cells = cells_of(features)
    f = sum(cells) / len(cells)
    h, c = affine(weights, "first_h", f), affine(weights, "first_c", f)
    table = np.asarray(weights["embedding"], float)
    last = len(weights["output.weight"])  # START: C + 1
    scores = []
    for t in range(steps):
        z = attended(weights, cells, h)
        h, c = lstm_cell(weights, "lstm", np.concatenate([table[last], z]), h, c)
        s = affine(weights, "output", h)
        scores.append(s)
        last = int(np.argmax(s)) if fed is None else fed[t]
    return scores


def emitted(scores, end):
    """The symbols before the first END, and the number of steps with it."""
    symbols = []
    for t, s in enumerate(scores):
        best = int(np.argmax(s))
        if best == end:
            return symbols, t + 1
        symbols.append(best)
    return symbols, len(scores)


def emitted_sets(weights, features, settings):
    """(B, C) of 0 and 1: the labels that greedy decoding emits; duplicates count once."""
    end = len(weights["output.weight"]) - 1
    found = np.zeros((len(features), end))
    for b, image in enumerate(features):
        for symbol in emitted(run(weights, image, settings["steps"]), end)[0]:
            found[b, symbol] = 1
    return found


def logits(weights, features, settings):
    """(B, C): the logit of the largest probability that a label has up to the first END."""
    end = len(weights["output.weight"]) - 1
    found = np.zeros((len(features), end))
    for b, image in enumerate(features):
        scores = run(weights, image, settings["steps"])
        _, until = emitted(scores, end)
        for label in range(end):
            values = []
            for s in scores[:until]:
                others = np.delete(s, label)
                values.append(s[label] - log_sum_exp(others))
            found[b, label] = max(values)
    return found


def aligned(scores, labels, alignment):
    """The order in which the true labels are asked for, one for each of the steps 1..n."""
    n = len(labels)
    logs = [log_softmax(s) for s in scores[:n]]
    fixed = {}  # step -> label
    if alignment == "pla":
        for label in labels:
            for t in range(n):
                if int(np.argmax(scores[t])) == label:
                    fixed[t] = label
                    break
    free_steps = [t for t in range(n) if t not in fixed]
    free_labels = [label for label in labels if label not in fixed.values()]
    best, cost = None, np.inf
    for order in permutations(free_labels):
        price = sum(-logs[t][label] for t, label in zip(free_steps, order, strict=False))
        if best is None or price < cost:
            best, cost = order, price
    found = dict(fixed) | dict(zip(free_steps, best, strict=False))
    return [found[t] for t in range(n)]


def loss(weights, features, target, settings):
    """target (B, C) of 0 and 1. Returns one number."""
    end = len(weights["output.weight"]) - 1
    total, count = 0.0, 0
    for image, row in zip(features, target, strict=False):
        labels = [label for label in range(end) if row[label] > 0.5]
        assert len(labels) + 1 <= settings["steps"]
        if settings["alignment"] == "teacher":
            wanted = [int(label) for label in settings["order"] if label in labels]
            scores = run(weights, image, len(labels) + 1, fed=[*wanted, end])
        else:
            scores = run(weights, image, len(labels) + 1)
            wanted = aligned(scores, labels, settings["alignment"])
        for s, symbol in zip(scores, [*wanted, end], strict=False):
            total -= log_softmax(s)[symbol]
            count += 1
    return total / count
