"""KSSNet in its grid form, literally, from the description alone: numpy and loops, double
precision.

weights: name -> array; L graph layers of widths d_1 ... d_L, d_0 = width of the words, d_L = F
  layers.N.first (d_N, r_N), layers.N.second (r_N, d_{N+1}), layers.N.bias (d_{N+1},)   N = 0 ...
  L-1:
                     Z = A H first second + bias, r_N = max(32, (d_N + d_{N+1}) // 8)
  lateral.weight (F, C)                     1 x 1, C -> F, no bias (settings: lateral)
  block.weight (F, F, k, k), block.bias (F,) optional    k = 1 or 3, zero padding (k - 1) / 2, only
  with
                     `lateral`: the small block that processes what the connection put in
  classifier.weight (C, F), classifier.bias (C,)         the ordinary linear score

graph(counts (C, C) with the diagonal counting each label alone, knowledge (C, C), settings) -> A
(C, C)
logits(weights, features (B, F, h, w), words (C, d_0), A, settings) -> (B, C)
settings: knowledge_share (lambda, 0.8), threshold (0.03), neighbour_share (0.4), lateral (True).

Choices where the description leaves something open
  - Co-occurrence: S_ij = count(i, j) / count(i), 0 for a label that never occurs; then it is made
    symmetric,
    S' = (S + S^T) / 2, and its diagonal is 1. Knowledge: K' = (K + K^T) / 2 without its diagonal,
    plus the
    identity, so that a label without knowledge keeps a degree.
  - N(A) = D^-1/2 A D^-1/2 with the row sums D. Both graphs are normalised before they are mixed.
  - knowledge_share 0 is co-occurrence alone, 1 knowledge alone.
  - Words are scaled to length 1 (a zero vector stays zero).
  - T = tanh(Z) of the LAST layer, before LeakyReLU, in the lateral connection and in the
    classifier.
  - The one lateral connection: x_p <- x_p + lateral . (T x_p); then x <- x + ReLU(block(x)).
  - The dropout before the scores is for training only, so it is not here.
  - The loss is the soft margin: the mean of binary cross-entropies over images and labels.
"""

# ruff: noqa: N803, N806  (capital letters are those of the docstring)

import numpy as np


def normalised(a):
    C = a.shape[0]
    degree = np.array([sum(a[i, j] for j in range(C)) for i in range(C)])
    out = np.zeros_like(a)
    for i in range(C):
        for j in range(C):
            out[i, j] = a[i, j] / np.sqrt(degree[i]) / np.sqrt(degree[j])
    return out


def graph(counts, knowledge, settings):
    counts, knowledge = np.asarray(counts, float), np.asarray(knowledge, float)
    C = counts.shape[0]
    S, K = np.zeros((C, C)), np.zeros((C, C))
    for i in range(C):
        for j in range(C):
            forth = counts[i, j] / counts[i, i] if counts[i, i] else 0.0
            back = counts[j, i] / counts[j, j] if counts[j, j] else 0.0
            S[i, j] = 1.0 if i == j else (forth + back) / 2
            K[i, j] = 1.0 if i == j else (knowledge[i, j] + knowledge[j, i]) / 2
    share = settings.get("knowledge_share", 0.8)
    A = share * normalised(K) + (1 - share) * normalised(S)
    kept = settings.get("neighbour_share", 0.4)
    for i in range(C):
        for j in range(C):
            if A[i, j] < settings.get("threshold", 0.03):
                A[i, j] = 0.0
            A[i, j] = kept * A[i, j] + (1 - kept) * (i == j)
    return normalised(A)


def label_states(weights, words, A):
    """tanh(Z) of the last layer, (C, F)."""
    H = np.array(words, float)
    for c in range(H.shape[0]):
        length = np.sqrt((H[c] ** 2).sum())
        H[c] = H[c] / length if length else H[c]
    number, Z = 0, None
    while f"layers.{number}.first" in weights:
        name = f"layers.{number}"
        message = np.zeros_like(H)
        for i in range(H.shape[0]):
            for j in range(H.shape[0]):
                message[i] += A[i, j] * H[j]
        Z = message @ weights[f"{name}.first"] @ weights[f"{name}.second"] + weights[f"{name}.bias"]
        H = np.where(Z > 0, Z, 0.2 * Z)
        number += 1
    return np.tanh(Z)


def convolution(x, weight, bias):
    """x (B, I, h, w), weight (O, I, k, k), the same size comes out."""
    B, _, h, w = x.shape
    k = weight.shape[2]
    padded = np.pad(x, ((0, 0), (0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    out = np.zeros((B, weight.shape[0], h, w))
    for b in range(B):
        for o in range(weight.shape[0]):
            for i in range(h):
                for j in range(w):
                    window = padded[b, :, i : i + k, j : j + k]
                    out[b, o, i, j] = (window * weight[o]).sum() + (0 if bias is None else bias[o])
    return out


def logits(weights, features, words, A, settings):
    x = np.array(features, float)
    B, F, h, w = x.shape
    T = label_states(weights, words, A)
    if settings.get("lateral", True):
        changed = np.zeros_like(x)
        for b in range(B):
            for i in range(h):
                for j in range(w):
                    likeness = np.array([T[c] @ x[b, :, i, j] for c in range(T.shape[0])])
                    changed[b, :, i, j] = x[b, :, i, j] + weights["lateral.weight"] @ likeness
        x = changed + np.maximum(
            convolution(changed, weights["block.weight"], weights.get("block.bias")), 0
        )
    s = np.zeros((B, T.shape[0]))
    for b in range(B):
        f = np.array([x[b, k].sum() / (h * w) for k in range(F)])
        for c in range(T.shape[0]):
            linear = weights["classifier.weight"][c] @ f + weights["classifier.bias"][c]
            s[b, c] = f @ T[c] + linear
    return s


def loss(weights, features, words, A, target, settings):
    s, total = logits(weights, features, words, A, settings), 0.0
    for b in range(s.shape[0]):
        for c in range(s.shape[1]):
            p = 1 / (1 + np.exp(-s[b, c]))
            total -= np.log(p) if target[b, c] else np.log(1 - p)
    return total / s.size
