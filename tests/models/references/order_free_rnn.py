"""Order-Free RNN, step by step and image by image, in double precision (numpy and plain loops).

Written from the facts on Order-Free RNN alone (Chen et al., AAAI 2018). Letters: B images, C
labels, F features, h x w cells (u goes over them), A width of the attention, H state.

Symbols: 0..C-1 labels; under R1 also END = C (the notes write 0 for END).

`weights` (every bias is optional and counts as 0 if absent):
  preliminary.weight (C, F) [.bias (C,)]              W_v, b_v
  attention_cell.weight (A, F) [.bias (A,)]           W_1
  attention_state.weight (A, H) [.bias (A,)]          W_2
  attention.weight (1, A) or (A,)                     w
  lstm.weight_ih (4H, P+F), lstm.weight_hh (4H, H) [lstm.bias_ih, lstm.bias_hh (4H,)]
      torch's LSTMCell: rows in the order input, forget, cell, output; the input is [p ; z]
  prediction.weight (O, H) [.bias (O,)]               W_p, b_p
  O = C under R2, C+1 under R1 (row C is END). P = C; C+1 under R1 with feed = "all".

Equations, t = 1, 2, ...:
  f = mean_u F_u;  v = sig(W_v f + b_v);  p_0 = v;  h_0 = c_0 = 0
  e_{t,u} = w . tanh(W_1 F_u + W_2 h_{t-1});  alpha_t = softmax_u(e_t);  z_t = sum_u alpha_{t,u} F_u
  h_t, c_t = LSTM([p_{t-1}; z_t]; h_{t-1}, c_{t-1});  s_t = W_p h_t + b_p
  R2: p_t = sig(s_t) over C labels.      R1: p_t = softmax(s_t) over C labels and END.
Training: Q_1 = the labels that are known and 1; l_t = the first argmax of p_t over Q_t;
  Q_{t+1} = Q_t without l_t; steps t = 1..n+1 with n = |Q_1|, so the last one has the empty pool (an
  image without labels has this step alone). Per image:
  R2: L = sum_t BCE(p_t, 1[Q_t]) + g BCE(v, y)
  R1: L = sum_{t<=n} -log p_t(l_t) - log p_{n+1}(END) + g BCE(v, y)
  and the loss is the mean of L over ALL images. What is fed on is p_t itself, never a one-hot.

Decoding, a beam of b paths: every live path takes a step; its candidates are the labels that are
not on it.
  R2: it stops if its best candidate has p < threshold (p = threshold goes on), or if no label is
      left, or after `steps` steps (with the default a path of all C labels takes no further one
      and tau = C). Its score is the product of the p of its labels.
  R1: END is one more candidate; a path stops by choosing it, and its p counts in the product; also
      after `steps` steps.
  Of all extensions of all live paths the b best are kept. The best stopped path wins. On equal
  scores the earlier parent wins, then the smaller symbol (END is the largest), and among stopped
  paths the one that stopped first, then the one that stood earlier in the beam.

Confidence (rule 0.4): c(l) = max over t = 1..tau of p_t(l) on the winning path, nothing masked; tau
is the step at which the path stops, included: under R2 the step whose best candidate was too small,
under R1 the step that chose END. `logits` gives log(c / (1 - c)): R2 max_t s_t(l); R1 max_t of s_l
minus the log-sum-exp of the other C scores.

`settings` (all have a value in DEFAULTS):
  reading "R2" | "R1"
  feed "labels" | "all"            R1 only. p_0 = v has C numbers, p_t has C+1: "labels" feeds the
                                   first C of p_t (not renormalised), "all" feeds C+1, p_0 = [v; 0]
  over_labels "sum" | "known" | "all"   BCE of a vector: the sum over its known labels; or that,
                                   divided by the number of known labels (0 if none); or by C
  over_steps "sum" | "mean"        "mean" divides an image's sequence part by its number of steps
  emitted_target "negative" | "ignored"  R2: l_1..l_{t-1} have target 0 in step t, or no loss
  emitted_softmax "kept" | "removed"     R1, loss alone: are l_1..l_{t-1} in the normaliser?
  unknown_softmax "removed" | "kept"     R1, loss alone: are unknown labels in the normaliser?
  preliminary_weight g (1.0)
  train_steps None | int           no training step beyond this many
  beam b (1), threshold (0.5), steps None (C under R2, C+1 under R1) | int
  candidates "all" | "above"       R2: may a path that goes on take a label below the threshold?
  stopped "pool" | "slots"         "pool": stopped paths leave the beam, all are remembered, and b
                                   extensions are kept beside them (R1: an extension by END is one
                                   of the b of its own step); "slots": after each step the b best of
                                   stopped and live paths are kept and the others forgotten
  length "product" | "mean"        "mean" compares log score / number of factors (an empty path: 0)
                                   in the final choice alone
  preliminary_counts False | True  is p_0 = v one of the steps of rule 0.4? (a softmax and a sigmoid
                                   are then compared under R1)

Choices where the facts leave something open: h_0 = c_0 = 0, v enters only as p_0 (the caption's "v
initiates the LSTM" could also mean the state); no bias in the attention; the raw map is read (no
mapping layer); sum over steps as printed, mean over images; an unknown label is in no pool, in no
BCE and, under R1, not in the loss's normaliser ("kept" would push it down as if negative); what is
fed on is the unmasked p. END stays the last target of an image with unknown labels. No stop of the
beam before every path has stopped: scores only fall, so that an earlier stop finds the same winner.
"""

import numpy as np

DEFAULTS = {
    "reading": "R2",
    "feed": "labels",
    "over_labels": "sum",
    "over_steps": "sum",
    "emitted_target": "negative",
    "emitted_softmax": "kept",
    "unknown_softmax": "removed",
    "preliminary_weight": 1.0,
    "train_steps": None,
    "beam": 1,
    "threshold": 0.5,
    "steps": None,
    "candidates": "all",
    "stopped": "pool",
    "length": "product",
    "preliminary_counts": False,
}


def affine(weights, name, x):
    matrix = np.asarray(weights[f"{name}.weight"], float)
    found = np.array([sum(a * b for a, b in zip(row, x, strict=True)) for row in matrix])
    if f"{name}.bias" in weights:
        found = found + np.asarray(weights[f"{name}.bias"], float)
    return found


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_sum_exp(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def softmax(x):
    return np.exp(x - log_sum_exp(x))


def binary_cross_entropy(score, target):
    """Of one logit: -target log sig(score) - (1 - target) log(1 - sig(score))."""
    return target * np.logaddexp(0, -score) + (1 - target) * np.logaddexp(0, score)


def lstm_cell(weights, name, x, h, c):
    size = len(h)
    gates = np.asarray(weights[f"{name}.weight_ih"], float) @ x
    gates = gates + np.asarray(weights[f"{name}.weight_hh"], float) @ h
    for bias in ("bias_ih", "bias_hh"):
        if f"{name}.{bias}" in weights:
            gates = gates + np.asarray(weights[f"{name}.{bias}"], float)
    i, f, g, o = (gates[k * size : (k + 1) * size] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def cells_of(image):
    """The h*w vectors of a map (F, h, w), row by row."""
    _, height, across = image.shape
    return [image[:, y, x].astype(float) for y in range(height) for x in range(across)]


def attend(weights, cells, h):
    """(alpha, z)"""
    w = np.asarray(weights["attention.weight"], float).reshape(-1)
    from_state = affine(weights, "attention_state", h)
    energies = np.array(
        [np.sum(w * np.tanh(affine(weights, "attention_cell", x) + from_state)) for x in cells]
    )
    alpha = softmax(energies)
    return alpha, sum(a * x for a, x in zip(alpha, cells, strict=True))


def step(weights, cells, p, h, c):
    """(s_t, h_t, c_t)"""
    _, z = attend(weights, cells, h)
    h, c = lstm_cell(weights, "lstm", np.concatenate([p, z]), h, c)
    return affine(weights, "prediction", h), h, c


def probabilities(s, settings):
    return sigmoid(s) if settings["reading"] == "R2" else softmax(s)


def fed(p, labels, settings):
    """What the next step reads of p_t (R1: C+1 numbers, R2: C) or of v (C numbers)."""
    if settings["reading"] == "R1" and settings["feed"] == "all":
        return p if len(p) == labels + 1 else np.append(p, 0.0)
    return p[:labels]


def begin(weights, image):
    """(cells, preliminary scores (C,), h_0, c_0)"""
    cells = cells_of(image)
    width = np.asarray(weights["lstm.weight_hh"]).shape[1]
    scores = affine(weights, "preliminary", sum(cells) / len(cells))
    return cells, scores, np.zeros(width), np.zeros(width)


def over_labels(terms, counted, settings):
    """The BCE of one vector from the terms of its labels."""
    total = sum(float(term) for term, counts in zip(terms, counted, strict=True) if counts)
    if settings["over_labels"] == "known":
        return total / sum(counted) if any(counted) else 0.0
    if settings["over_labels"] == "all":
        return total / len(terms)
    return total


def training_steps(weights, image, positive, settings):
    """The steps of one image: [(s_t, p_t, the pool Q_t (a list), l_t or None)]; `positive`: the
    labels of Q_1.
    """
    settings = {**DEFAULTS, **settings}
    cells, scores, h, c = begin(weights, image)
    labels = len(scores)
    p, pool, found = sigmoid(scores), sorted(positive), []
    while settings["train_steps"] is None or len(found) < settings["train_steps"]:
        s, h, c = step(weights, cells, fed(p, labels, settings), h, c)
        p = probabilities(s, settings)
        if not pool:
            found.append((s, p, [], None))
            break
        chosen = pool[0]
        for label in pool:
            if p[label] > p[chosen]:
                chosen = label
        found.append((s, p, list(pool), chosen))
        pool = [label for label in pool if label != chosen]
    return found


def pool_loss(s, pool, emitted, known, settings):
    """R2, one step: BCE(p_t, 1[Q_t])."""
    ignored = emitted if settings["emitted_target"] == "ignored" else []
    counted = [known[label] and label not in ignored for label in range(len(known))]
    wanted = [1.0 if label in pool else 0.0 for label in range(len(known))]
    terms = [binary_cross_entropy(score, y) for score, y in zip(s, wanted, strict=True)]
    return over_labels(terms, counted, settings)


def symbol_loss(s, chosen, emitted, known, settings):
    """R1, one step: -log p_t(l_t), or -log p_t(END) if chosen is None."""
    end = len(known)
    left_out = [*emitted] if settings["emitted_softmax"] == "removed" else []
    if settings["unknown_softmax"] == "removed":
        left_out += [label for label in range(end) if not known[label]]
    kept = np.array([s[symbol] for symbol in range(end + 1) if symbol not in left_out])
    return float(log_sum_exp(kept) - s[end if chosen is None else chosen])


def image_losses(weights, image, target, known, settings):
    """Of one image: (sequence part, BCE(v, y))."""
    settings = {**DEFAULTS, **settings}
    known = [bool(value) for value in known]
    positive = [label for label in range(len(known)) if known[label] and target[label] > 0.5]
    wanted = [1.0 if label in positive else 0.0 for label in range(len(known))]
    _, scores, _, _ = begin(weights, image)
    terms = [binary_cross_entropy(score, y) for score, y in zip(scores, wanted, strict=True)]
    preliminary = over_labels(terms, known, settings)

    steps = training_steps(weights, image, positive, settings)
    emitted, sequence = [], 0.0
    for s, _, pool, chosen in steps:
        if settings["reading"] == "R2":
            sequence += pool_loss(s, pool, emitted, known, settings)
        else:
            sequence += symbol_loss(s, chosen, emitted, known, settings)
        if chosen is not None:
            emitted.append(chosen)
    if settings["over_steps"] == "mean" and steps:
        sequence /= len(steps)
    return sequence, preliminary


def loss(weights, features, target, known, settings):
    """target (B, C) of 0 and 1, known (B, C) bool; what stands in target where known is False is
    not read.
    """
    settings = {**DEFAULTS, **settings}
    total = 0.0
    for image, row, seen in zip(features, target, known, strict=True):
        sequence, preliminary = image_losses(weights, image, row, seen, settings)
        total += sequence + settings["preliminary_weight"] * preliminary
    return total / len(features)


def extensions(weights, cells, path, labels, settings):
    """A live path's successors: it stopped as it is, or one path for each candidate. A path is
    (log score, symbols, s of its steps, p to feed, h, c, has it stopped).
    """
    log, symbols, seen, p, h, c, _ = path
    second = settings["reading"] == "R2"
    s, h, c = step(weights, cells, fed(p, labels, settings), h, c)
    p = probabilities(s, settings)
    logs = -np.logaddexp(0, -s) if second else s - log_sum_exp(s)
    seen = [*seen, s]
    candidates = [label for label in range(labels) if label not in symbols]
    if not second:
        candidates.append(labels)
    elif not candidates or max(p[label] for label in candidates) < settings["threshold"]:
        return [(log, symbols, seen, p, h, c, True)]
    elif settings["candidates"] == "above":
        candidates = [label for label in candidates if p[label] >= settings["threshold"]]
    return [(log + float(logs[k]), [*symbols, k], seen, p, h, c, k == labels) for k in candidates]


def best_of(paths, count):
    return sorted(paths, key=lambda path: -path[0])[:count]  # a stable sort


def search(weights, image, settings):
    """The winning path of one image: (labels in the order of emission without END, log score, the
    scores s_1..s_tau as a list, v's scores).
    """
    settings = {**DEFAULTS, **settings}
    cells, preliminary, h, c = begin(weights, image)
    labels = len(preliminary)
    second, slots = settings["reading"] == "R2", settings["stopped"] == "slots"
    most = labels if second else labels + 1
    limit = most if settings["steps"] is None else settings["steps"]
    beam = [(0.0, [], [], sigmoid(preliminary), h, c, False)]
    pool = []
    for _ in range(limit):
        longer = []
        for path in beam:
            new = [path] if path[6] else extensions(weights, cells, path, labels, settings)
            longer += new
        if second and not slots:  # to stop is not an extension: it takes no place among the b
            pool += [path for path in longer if path[6]]
            longer = [path for path in longer if not path[6]]
        beam = best_of(longer, settings["beam"])
        if not slots:
            pool += [path for path in beam if path[6]]
            beam = [path for path in beam if not path[6]]
        if all(path[6] for path in beam):
            break

    def value(path):
        if settings["length"] == "mean" and path[1]:
            return path[0] / len(path[1])
        return path[0]

    best = max(pool + beam, key=value)  # the first of equals
    return [k for k in best[1] if k != labels], best[0], best[2], preliminary


def decode(weights, features, settings):
    """Per image: (labels in the order of emission, log score, scores (tau, C or C+1))."""
    found = []
    for image in features:
        path, log, scores, _ = search(weights, image, settings)
        found.append((path, log, np.array(scores)))
    return found


def logits(weights, features, settings):
    """(B, C)"""
    settings = {**DEFAULTS, **settings}
    found = []
    for image in features:
        _, _, scores, preliminary = search(weights, image, settings)
        labels = len(preliminary)
        row = []
        for label in range(labels):
            if settings["reading"] == "R2":
                values = [s[label] for s in scores]
            else:
                values = [s[label] - log_sum_exp(np.delete(s, label)) for s in scores]
            if settings["preliminary_counts"]:
                values.append(preliminary[label])
            row.append(max(values))
        found.append(row)
    return np.array(found)
