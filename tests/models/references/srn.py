"""SRN, literally, from the description alone (grid form): numpy and loops, double precision.

weights: name -> array
  classifier.weight (C, F), classifier.bias (C,)        main branch, on the mean of the cells
  attention.0.weight (M, F, 1, 1), attention.0.bias (M,)    1 x 1, then ReLU
  attention.1.weight (M, M, 3, 3), attention.1.bias (M,)    3 x 3, zero padding 1, then ReLU
  attention.2.weight (C, M, 1, 1), attention.2.bias (C,)    1 x 1: Z
  confidence.weight (C, F, 1, 1), confidence.bias (C,)      1 x 1: S
  relation.0.weight (R, C, 1, 1), relation.1.weight (R, R, 1, 1)    1 x 1 convolutions on U
  relation.2.weight (R * K, 1, h, w)                     one large kernel of the size of the map, R
                                                         groups with K filters each, no padding
  relation.N.bias, optional (0 if missing)
  normalisation.N.{weight,bias,mean,variance}, N = 0, 1, 2, all optional: batch normalisation after
                                                         relation.N, before its ReLU
  regularised.weight (C, R * K), regularised.bias (C,)   a_sr

settings: alpha (0.5), epsilon (1e-5), training (batch statistics instead of the running ones).

Choices where the description leaves something open
  - a_cls is one linear layer on the mean of the cells (no residual block).
  - Each of the three convolutions of f_sr is followed by batch normalisation, then ReLU, as in both
    re-implementations. Without normalisation.N in the weights that normalisation is left out.
  - 4 filters to a group: output channel r * K + k of the large convolution reads input channel r.
  - The average is of logits: alpha a_cls + (1 - alpha) a_sr.
  - A binary cross-entropy is the mean over its entries; stage 4 adds two of them.
"""

# ruff: noqa: N806, E741, C901  (capital letters are those of the docstring)

import numpy as np


def softmax_over_cells(z):
    out = np.zeros_like(z)
    for b in range(z.shape[0]):
        for label in range(z.shape[1]):
            top = z[b, label].max()
            e = np.exp(z[b, label] - top)
            out[b, label] = e / e.sum()
    return out


def convolution(x, weight, bias, padding):
    """x (B, I, h, w), weight (O, I, k, l)."""
    B, _, h, w = x.shape
    O, _, k, l = weight.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    H, W = h + 2 * padding - k + 1, w + 2 * padding - l + 1
    out = np.zeros((B, O, H, W))
    for b in range(B):
        for o in range(O):
            for i in range(H):
                for j in range(W):
                    window = padded[b, :, i : i + k, j : j + l]
                    out[b, o, i, j] = (window * weight[o]).sum() + (0 if bias is None else bias[o])
    return out


def large_convolution(u, weight, bias, filters):
    """u (B, R, h, w), weight (R * K, 1, h, w) -> (B, R * K)."""
    B, R, h, w = u.shape
    out = np.zeros((B, R * filters))
    for b in range(B):
        for r in range(R):
            for k in range(filters):
                o, total = r * filters + k, 0.0
                for i in range(h):
                    for j in range(w):
                        total += u[b, r, i, j] * weight[o, 0, i, j]
                out[b, o] = total + (0 if bias is None else bias[o])
    return out


def normalised(x, weights, number, settings):
    """x (B, O, ...): over everything but the channel."""
    name = f"normalisation.{number}"
    if f"{name}.weight" not in weights:
        return x
    out = np.zeros_like(x)
    for o in range(x.shape[1]):
        if settings.get("training"):
            mean, variance = x[:, o].mean(), x[:, o].var()
        else:
            mean, variance = weights[f"{name}.mean"][o], weights[f"{name}.variance"][o]
        unit = (x[:, o] - mean) / np.sqrt(variance + settings.get("epsilon", 1e-5))
        out[:, o] = unit * weights[f"{name}.weight"][o] + weights[f"{name}.bias"][o]
    return out


def branches(weights, features, settings):
    """a_cls, a_att, a_sr, and the maps A, S, U."""
    x = np.asarray(features, float)
    B, F, h, w = x.shape
    C = weights["classifier.weight"].shape[0]
    mean = np.zeros((B, F))
    for b in range(B):
        for f in range(F):
            mean[b, f] = x[b, f].sum() / (h * w)
    main = np.zeros((B, C))
    for b in range(B):
        for c in range(C):
            main[b, c] = mean[b] @ weights["classifier.weight"][c] + weights["classifier.bias"][c]
    y = np.maximum(convolution(x, weights["attention.0.weight"], weights["attention.0.bias"], 0), 0)
    y = np.maximum(convolution(y, weights["attention.1.weight"], weights["attention.1.bias"], 1), 0)
    A = softmax_over_cells(
        convolution(y, weights["attention.2.weight"], weights["attention.2.bias"], 0)
    )
    S = convolution(x, weights["confidence.weight"], weights["confidence.bias"], 0)
    attended = np.zeros((B, C))
    for b in range(B):
        for c in range(C):
            attended[b, c] = (A[b, c] * S[b, c]).sum()
    U = A / (1 + np.exp(-S))
    r = U
    for number in (0, 1):
        name = f"relation.{number}"
        r = convolution(r, weights[f"{name}.weight"], weights.get(f"{name}.bias"), 0)
        r = np.maximum(normalised(r, weights, number, settings), 0)
    large = weights["relation.2.weight"]
    r = large_convolution(r, large, weights.get("relation.2.bias"), large.shape[0] // r.shape[1])
    r = np.maximum(normalised(r, weights, 2, settings), 0)
    related = np.zeros((B, C))
    for b in range(B):
        for c in range(C):
            related[b, c] = r[b] @ weights["regularised.weight"][c] + weights["regularised.bias"][c]
    return main, attended, related, (A, S, U)


def logits(weights, features, settings):
    main, _, related, _ = branches(weights, features, settings)
    alpha = settings.get("alpha", 0.5)
    return alpha * main + (1 - alpha) * related


def cross_entropy(a, target):
    total = 0.0
    for b in range(a.shape[0]):
        for c in range(a.shape[1]):
            p = 1 / (1 + np.exp(-a[b, c]))
            total -= np.log(p) if target[b, c] else np.log(1 - p)
    return total / a.size


def loss(weights, features, target, settings):
    """settings["stage"]: 1 to 4."""
    main, attended, related, _ = branches(weights, features, settings)
    stage = settings.get("stage", 4)
    if stage == 1:
        return cross_entropy(main, target)
    if stage == 2:
        return cross_entropy(attended, target)
    if stage == 3:
        return cross_entropy(related, target)
    return cross_entropy(logits(weights, features, settings), target) + cross_entropy(
        attended, target
    )
