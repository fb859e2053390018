"""CNN-RNN, step by step and image by image, in double precision (numpy and plain loops).

Written from the facts on CNN-RNN alone (Wang et al., CVPR 2016). Letters: B images, C labels, F
features, H state, D width
of the joint space (small: D < C is intended), N beams, T steps.

Symbols: 0..C-1 labels, C END; row C+1 of the table is START, which is only read, never scored.

`weights` (no biases: the cell is printed without; a `joint_image.bias` or `joint_state.bias` (D,)
is added if it is given):
  embedding (C+2, D)                               one table for input and output (tied)
  input_gate.state (H, H), input_gate.word (H, D)      A_i, B_i
  forget_gate.state (H, H), forget_gate.word (H, D)    A_f, B_f
  output_gate.state (H, H), output_gate.word (H, D)    A_o, B_o
  candidate.state (H, H), candidate.word (H, D)        A_x, B_x
  joint_state.weight (D, H)                        P_o
  joint_image.weight (D, F)                        P_I

The cell has ONE state r and no bias:  g = phi_g(A_g r_{t-1} + B_g e) for i, f, o;  x = relu(A_x
r_{t-1} + B_x e);
r_t = f * r_{t-1} + i * x;  out_t = r_t * o_t.  Gates read the state r_{t-1}, not the output.
v_t = psi(P_o out_t + P_I I), I the mean over all cells;  s_t = E v_t over the labels and END;  q_t
= softmax(s_t).

`settings`: steps (T, the most symbols that are emitted, END included), beam (N), order (C,) labels
by decreasing frequency,
gates: "logistic" | "relu", psi: "identity" | "relu" | "tanh".

Choices where the facts leave something open:
 - gates logistic (the defensible reading); "relu" is the literal one. psi is not given by the
   paper; `settings` says which.
 - START is a row of its own; r_0 = 0. No dropout here: compare in evaluation mode.
 - emitted labels are masked in the search (a path never repeats a label); probabilities are NOT
   renormalised after masking:
   a path's probability is the product of the unmasked q_t of its symbols.
 - each live path is extended by its N most probable symbols among END and the labels not on it; of
   all these extensions
   the N most probable survive, those that end in END among them; the latter move to the finished
   pool, so that fewer than
   N paths may be live. The search stops when every live path is less probable than every finished
   one, or none is live,
   or after T steps; what is still live then counts as finished. The most probable finished path
   wins.
   (As probabilities only fall, a search that goes on to T steps finds the same winner, but for
   paths cut at T.)
 - confidence: along the winning path, c(l) = max over its steps of q_t(l), the step of END
   included, nothing masked;
   returned as a logit, s_l - logsumexp of all other scores.
 - loss: teacher forcing in frequency order, END appended; per image the SUM over its n+1 steps; the
   mean over images.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def log_sum_exp(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


PSI = {"identity": lambda x: x, "relu": relu, "tanh": np.tanh}


def product(matrix, x):
    return np.array(
        [sum(a * b for a, b in zip(row, x, strict=False)) for row in np.asarray(matrix, float)]
    )


def step(weights, settings, image, r, symbol):
    """(next state, scores over labels and END) after reading a symbol."""
    table = np.asarray(weights["embedding"], float)
    e = table[symbol]
    phi = {"logistic": sigmoid, "relu": relu}[settings["gates"]]

    def before(name):
        return product(weights[f"{name}.state"], r) + product(weights[f"{name}.word"], e)

    i, f, o = (phi(before(name)) for name in ("input_gate", "forget_gate", "output_gate"))
    x = relu(before("candidate"))
    r = f * r + i * x
    out = r * o
    v = product(weights["joint_state.weight"], out) + product(weights["joint_image.weight"], image)
    for name in ("joint_state.bias", "joint_image.bias"):
        if name in weights:
            v = v + np.asarray(weights[name], float)
    v = PSI[settings["psi"]](v)
    return r, product(table[:-1], v)


def pooled(features):
    width, height, across = features.shape
    return np.array(
        [sum(features[k, y, x] for y in range(height) for x in range(across)) for k in range(width)]
    ) / (height * across)


def sizes(weights):
    end = len(weights["embedding"]) - 2
    return end, end + 1, len(weights["candidate.state"])  # END, START, H


def search(weights, image, settings):
    """The most probable path: its symbols (END, if it has one, is the last) and the scores of each
    of its steps.
    """
    end, start, width = sizes(weights)
    live = [(0.0, [], np.zeros(width), [])]  # log probability, symbols, state, scores
    finished = []
    for _ in range(settings["steps"]):
        longer = []
        for log, path, r, seen in live:
            r, s = step(weights, settings, image, r, path[-1] if path else start)
            logs = s - log_sum_exp(s)
            allowed = [symbol for symbol in range(end + 1) if symbol not in path]
            allowed.sort(key=lambda symbol: -logs[symbol])
            for symbol in allowed[: settings["beam"]]:
                longer.append((log + logs[symbol], [*path, symbol], r, [*seen, s]))
        longer.sort(key=lambda one: -one[0])
        longer = longer[: settings["beam"]]
        finished += [one for one in longer if one[1][-1] == end]
        live = [one for one in longer if one[1][-1] != end]
        if not live or (finished and max(one[0] for one in live) < min(one[0] for one in finished)):
            live = []
            break
    best = max(finished + live, key=lambda one: one[0])
    return best[1], best[3]


def emitted_sets(weights, features, settings):
    end = sizes(weights)[0]
    found = np.zeros((len(features), end))
    for b, image in enumerate(features):
        for symbol in search(weights, pooled(image.astype(float)), settings)[0]:
            if symbol != end:
                found[b, symbol] = 1
    return found


def logits(weights, features, settings):
    """(B, C)"""
    end = sizes(weights)[0]
    found = np.zeros((len(features), end))
    for b, image in enumerate(features):
        _, scores = search(weights, pooled(image.astype(float)), settings)
        for label in range(end):
            found[b, label] = max(s[label] - log_sum_exp(np.delete(s, label)) for s in scores)
    return found


def loss(weights, features, target, settings):
    """target (B, C) of 0 and 1."""
    end, start, width = sizes(weights)
    total = 0.0
    for image, row in zip(features, target, strict=False):
        image = pooled(image.astype(float))
        wanted = [int(label) for label in settings["order"] if row[int(label)] > 0.5] + [end]
        r, symbol = np.zeros(width), start
        for next_symbol in wanted:
            r, s = step(weights, settings, image, r, symbol)
            total += log_sum_exp(s) - s[next_symbol]
            symbol = next_symbol
    return total / len(features)
