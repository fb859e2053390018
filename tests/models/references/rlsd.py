"""RLSD without learned regions, region by region and image by image, in double precision (numpy and
plain loops).

Written from the facts on RLSD alone (Zhang et al., IEEE TMM 2018), in the grid form. Letters: B
images, C labels, F features, h x w cells, m regions, S size of a crop, X width of a region's code,
D width of what the LSTM reads, H state.

Symbols: 0..C-1 labels, END = C (the notes write 0 for END).

`weights` (every bias is optional and counts as 0 if absent):
  region.weight (X, F*S*S) [.bias (X,)]       fc; reads a crop as F blocks of S*S cells, row by row
  project.weight (D, X) [.bias (D,)]          optional; if absent X = D and the code itself is read
  embedding (C, D)                            E; C+1 rows with start = True (row C is START)
  lstm.weight_ih (4H, D), lstm.weight_hh (4H, H) [lstm.bias_ih, lstm.bias_hh (4H,)]
      torch's LSTMCell: rows in the order input, forget, cell, output
  symbols.weight (C+1, H) [.bias (C+1,)]      W; row C is END

Regions: for each (size, stride) of `windows` all positions top = 0, stride, 2 stride, ... with
top + size <= h, and left in the same way, row by row; "full" is the whole map. A size larger than
the map gives none. On 7 x 7 the default gives 9 + 9 + 1 = 19.

Equations:
  x_r = fc(crop(F, R_r)), relu behind it if region_relu
  q_{r,t} = softmax(s_{r,t}),  s_{r,t} = W LSTM(u_t),  u_0 = x_r, u_t = E(l_{t-1}) for t >= 1, the
      state before t = 0 is zero. The step t = 0 already names the first symbol.
  free run: l_t = the first argmax of q_{r,t} over END and the labels not yet emitted by this region
      (masked in the choice alone, q is not renormalised), until END or `steps` steps
  rho_r(l) = max over t = 0..tau_r of q_{r,t}(l), tau_r the step that chose END, included (the last
      step if none did);  rho(l) = max_r rho_r(l). A region that has finished adds nothing more.
`logits` gives log(rho / (1 - rho)) = max over r and t of s(l) minus the log-sum-exp of the others.

Losses, settings["loss"]; Y = the labels that are known and 1, n = |Y|:
  "sequence_whole"   stage 1, "the same as CNN-RNN": teacher forcing of the whole-map region alone
  "sequence_regions" the other reading: the same labels for every region, the mean over the regions
      of a sequence: the labels of Y in `order` (frequent first), then END; -log q at each, summed
      over its n+1 steps; the mean over ALL images (one without labels has the END step alone)
  "bce"              stage 2 on rho: -log rho(l) for l in Y, -log(1 - rho(l)) for the other known
      labels; the mean over ALL images
  "squared_softmax", "squared_l1"   stage 2: sum over the known l of (g_l - y_l / n)^2, g = softmax
      of rho itself, or rho / sum(rho); both normalised over the known labels. Images with n = 0 are
      left out (0/0); the mean over the others, 0 if there are none.
The regions of stage 2 run freely, as in the test; no label is given to a region.

`settings` (all have a value in DEFAULTS; `order` has None there):
  order (C,)             labels by decreasing frequency; the sequence losses alone
  loss                   one of the five names above
  windows                ((3, 2), (5, 1), "full")
  crop S (3)             S x S points of a window, bilinear
  points "cells" | "corners" | "mean"   cells: the centres of S x S equal parts of the window, whose
                         edges are the outer edges of its cells (torch's align_corners False);
                         corners: from the centre of the first cell to that of the last (True; the
                         middle if S = 1); mean: the mean of the window's cells (S must be 1)
  border "window" | "map" | "zeros"   a point between the last cell's centre and the edge (only with
                         "cells" and S > size) is clamped to the window's cells, or reads the map
                         outside the window and is clamped to the map, or reads zeros beyond the map
  region_relu True       relu behind `region`
  start False            True: the code is read first without naming a symbol, then START (row C)
  repeat False           True: a label may be emitted again
  steps 10               the most symbols of a free run, END included
  train_steps None       an int cuts the sequences of the sequence losses
  over_labels "sum" | "known" | "all"   "bce": the sum over known labels; that by their number; by C
  unknown_softmax "removed" | "kept"    the sequence losses: are unknown labels in the normaliser?

Choices where the facts leave something open: greedy runs, no beam (none is named for RLSD); the
whole-map region of stage 1 goes through the same crop and fc as any other, which is "x = f" only
with S = 1 and "mean"; END is no label and has no part in rho; a sequence's loss is a sum over its
steps; an unknown label is in no sequence, in no BCE, in no sum of squares and no normaliser of a
loss, though a region may emit it in its free run. Not here: a learned objectness.
"""

import math

import numpy as np

DEFAULTS = {
    "order": None,
    "loss": "bce",
    "windows": ((3, 2), (5, 1), "full"),
    "crop": 3,
    "points": "cells",
    "border": "window",
    "region_relu": True,
    "start": False,
    "repeat": False,
    "steps": 10,
    "train_steps": None,
    "over_labels": "sum",
    "unknown_softmax": "removed",
}


def filled(settings):
    """All settings; a name that does not exist is refused."""
    if not set(settings) <= set(DEFAULTS):
        raise KeyError(f"no such settings: {sorted(set(settings) - set(DEFAULTS))}")
    return {**DEFAULTS, **settings}


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


def regions(height, across, settings):
    """[(top, left, height, width)] in cells."""
    settings = filled(settings)
    found = []
    for window in settings["windows"]:
        if window == "full":
            found.append((0, 0, height, across))
            continue
        size, stride = window
        for top in range(0, height - size + 1, stride):
            for left in range(0, across - size + 1, stride):
                found.append((top, left, size, size))
    return found


def ticks(first, size, settings):
    """Where the S points of a side lie, 0 = the centre of the map's first cell."""
    count = settings["crop"]
    if settings["points"] == "cells":
        return [first - 0.5 + (k + 0.5) * size / count for k in range(count)]
    if count == 1:
        return [first + (size - 1) / 2]
    return [first + k * (size - 1) / (count - 1) for k in range(count)]


def sample(image, x, y):
    """Bilinear at column x and row y; every neighbour outside the map is zero."""
    width, height, across = image.shape
    left, top = math.floor(x), math.floor(y)
    found = np.zeros(width)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < height and 0 <= column < across:
                found = found + (1 - abs(x - column)) * (1 - abs(y - row)) * image[:, row, column]
    return found


def crop_of(image, window, settings):
    """(F, S, S)"""
    settings = filled(settings)
    image = image.astype(float)
    width, height, across = image.shape
    top, left, tall, wide = window
    if settings["points"] == "mean":
        inside = [image[:, top + j, left + i] for j in range(tall) for i in range(wide)]
        return (sum(inside) / len(inside)).reshape(width, 1, 1)
    size = settings["crop"]
    found = np.zeros((width, size, size))
    for j, y in enumerate(ticks(top, tall, settings)):
        for i, x in enumerate(ticks(left, wide, settings)):
            if settings["border"] == "window":
                x = min(max(x, left), left + wide - 1)
                y = min(max(y, top), top + tall - 1)
            elif settings["border"] == "map":
                x, y = min(max(x, 0), across - 1), min(max(y, 0), height - 1)
            found[:, j, i] = sample(image, x, y)
    return found


def code_of(weights, image, window, settings):
    """x_r as the LSTM reads it (D,)."""
    code = affine(weights, "region", crop_of(image, window, settings).reshape(-1))
    if settings["region_relu"]:
        code = np.maximum(code, 0)
    return affine(weights, "project", code) if "project.weight" in weights else code


def begin(weights, image, window, settings):
    """(s_0, h, c): what the first step that names a symbol gives."""
    size = np.asarray(weights["lstm.weight_hh"]).shape[1]
    code = code_of(weights, image, window, settings)
    h, c = lstm_cell(weights, "lstm", code, np.zeros(size), np.zeros(size))
    if settings["start"]:
        h, c = lstm_cell(weights, "lstm", np.asarray(weights["embedding"], float)[-1], h, c)
    return affine(weights, "symbols", h), h, c


def step(weights, symbol, h, c):
    h, c = lstm_cell(weights, "lstm", np.asarray(weights["embedding"], float)[symbol], h, c)
    return affine(weights, "symbols", h), h, c


def run(weights, image, window, settings):
    """A region's free run: (the emitted symbols, END among them if it came, [s_0..s_tau])."""
    settings = filled(settings)
    s, h, c = begin(weights, image, window, settings)
    end = len(s) - 1
    path, seen = [], []
    while True:
        seen.append(s)
        chosen = None
        for symbol in range(end + 1):
            if symbol in path and not settings["repeat"]:
                continue
            if chosen is None or s[symbol] > s[chosen]:
                chosen = symbol
        path.append(chosen)
        if chosen == end or len(path) == settings["steps"]:
            return path, seen
        s, h, c = step(weights, chosen, h, c)


def decode(weights, features, settings):
    """Per image and region the labels in the order of emission, without END; and the step count:
    [[(labels, tau + 1), ...], ...].
    """
    found = []
    for image in features:
        row = []
        for window in regions(*image.shape[1:], settings):
            path, seen = run(weights, image, window, settings)
            row.append(([k for k in path if k != len(seen[0]) - 1], len(seen)))
        found.append(row)
    return found


def region_logits(weights, image, settings):
    """Of one image: log(rho_r / (1 - rho_r)), (m, C)."""
    found = []
    for window in regions(*image.shape[1:], settings):
        _, seen = run(weights, image, window, settings)
        found.append(
            [
                max(s[label] - log_sum_exp(np.delete(s, label)) for s in seen)
                for label in range(len(seen[0]) - 1)
            ]
        )
    return np.array(found)


def logits(weights, features, settings):
    """(B, C)"""
    return np.array([region_logits(weights, image, settings).max(axis=0) for image in features])


def sequence_loss(weights, image, window, positive, known, settings):
    """Teacher forcing of one region; `positive` in the order of training."""
    s, h, c = begin(weights, image, window, settings)
    end = len(s) - 1
    kept = list(range(end + 1))
    if settings["unknown_softmax"] == "removed":
        kept = [symbol for symbol in kept if symbol == end or known[symbol]]
    total = 0.0
    for t, wanted in enumerate([*positive, end][: settings["train_steps"]]):
        if t > 0:
            s, h, c = step(weights, positive[t - 1], h, c)
        total += float(log_sum_exp(s[kept]) - s[wanted])
    return total


def sequence_losses(weights, image, positive, known, settings):
    """The mean over the regions that are trained; `positive` in any order."""
    in_order = [int(label) for label in settings["order"] if int(label) in positive]
    windows = [(0, 0, *image.shape[1:])]
    if settings["loss"] == "sequence_regions":
        windows = regions(*image.shape[1:], settings)
    found = [sequence_loss(weights, image, one, in_order, known, settings) for one in windows]
    return sum(found) / len(found)


def fused_bce(scores, positive, known, settings):
    """On log(rho / (1 - rho)) (C,)."""
    total = 0.0
    for label, score in enumerate(scores):
        if known[label]:
            total += float(np.logaddexp(0, -score if label in positive else score))
    if settings["over_labels"] == "known":
        return total / sum(known) if any(known) else 0.0
    return total / len(scores) if settings["over_labels"] == "all" else total


def fused_squared(scores, positive, known, settings):
    labels = [label for label in range(len(scores)) if known[label]]
    rho = np.array([sigmoid(scores[label]) for label in labels])
    share = softmax(rho) if settings["loss"] == "squared_softmax" else rho / sum(rho)
    wanted = [1 / len(positive) if label in positive else 0.0 for label in labels]
    return float(sum((g - y) ** 2 for g, y in zip(share, wanted, strict=True)))


def loss(weights, features, target, known, settings):
    """target (B, C) of 0 and 1, known (B, C) bool; what stands in target where known is False is
    not read.
    """
    settings = filled(settings)
    found = []
    for image, row, seen in zip(features, target, known, strict=True):
        seen = [bool(value) for value in seen]
        positive = [label for label in range(len(row)) if seen[label] and row[label] > 0.5]
        if settings["loss"].startswith("sequence"):
            found.append(sequence_losses(weights, image, positive, seen, settings))
            continue
        if settings["loss"] != "bce" and not positive:
            continue
        scores = region_logits(weights, image, settings).max(axis=0)
        one = fused_bce if settings["loss"] == "bce" else fused_squared
        found.append(one(scores, positive, seen, settings))
    return sum(found) / len(found) if found else 0.0
