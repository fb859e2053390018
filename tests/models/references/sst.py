"""SST of Tables II to IV (spatial and semantic transformers), literally: numpy, double precision.

P cells in reading order (row by row), D width of the cells' tokens, E width of the labels' tokens.
weights: name -> array
  reduction.weight (D, F), reduction.bias (D,)     1 x 1 on the map; both optional: without, D = F
  positions (P, D)                                 learned, added once, before the first layer
  spatial.N.*                                      N = 0, 1, ...: a layer of its own weights
  spatial_classifier.weight (C, D), .bias (C,)     s1, on the mean of the cells of U
  maps.weight (C, D), maps.bias (C,) optional      1 x 1 on U
  maps_normalisation.{weight,bias,mean,variance} (C,)
  tokens.weight (E, P)                             L: a label's map -> its token (tokens: labels)
  labels (C, E)                                    l_c, added to it (tokens: labels)
  semantic.*                                       ONE layer, applied settings["semantic_layers"]
  times
  semantic_classifier.weight (C, E), .bias (C,)    tokens: labels: v_c and b_c, s2_c = v_c . V_c +
  b_c
  semantic_classifier.weight (C, C), .bias (C,)    tokens: positions: a linear layer on the mean of
  the cells
a layer `x` of width W has
  x.query (I, W), x.key (I, W), x.value (I, W), x.output (W, I)     no biases; I = heads x head
  width
  x.attention_norm.{weight,bias} (W,)
  x.widen.weight (G, W), x.widen.bias (G,), x.narrow.weight (W, G), x.narrow.bias (W,)
  x.feedforward_norm.{weight,bias} (W,)

settings: heads (8), semantic_layers (2), tokens ("labels" or "positions"), order ("sequential" or
"parallel"), epsilon (1e-5, of both kinds of normalisation), training (batch statistics in maps).

Choices where the description leaves something open
  - Post-norm layers: x <- LN(x + attention(x)); x <- LN(x + FFN(x)), FFN with biases and ReLU, no
    dropout.
    Attention's projections have no biases; scores are divided by the root of the head width.
  - Heads lie one after the other in the inner width: head k has the rows k I/heads ... (k+1)
    I/heads - 1.
  - sequential: class maps are of U, the output of the spatial transformer. parallel: they are of
    its input without positions (the reduced map).
  - maps: convolution, batch normalisation, ReLU. Statistics are over images and cells.
  - tokens "positions": the cells are the tokens, of width C (the class maps), without positions.
  - The score is s1 + s2, and the loss the soft margin of it alone: the mean of binary
    cross-entropies over images and labels.
"""

# ruff: noqa: N806, C901  (capital letters are those of the docstring)

import numpy as np


def layer_norm(x, weight, bias, epsilon):
    """x (T, W), token by token."""
    out = np.zeros_like(x)
    for t in range(x.shape[0]):
        centred = x[t] - x[t].sum() / x.shape[1]
        variance = (centred**2).sum() / x.shape[1]
        out[t] = centred / np.sqrt(variance + epsilon) * weight + bias
    return out


def attention(x, weights, name, heads):
    """x (T, W)."""
    T = x.shape[0]
    query, key, value = (x @ weights[f"{name}.{part}"].T for part in ("query", "key", "value"))
    inner = query.shape[1]
    width = inner // heads
    joined = np.zeros((T, inner))
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        for t in range(T):
            scores = np.array([query[t, own] @ key[s, own] / np.sqrt(width) for s in range(T)])
            e = np.exp(scores - scores.max())
            share = e / e.sum()
            for s in range(T):
                joined[t, own] += share[s] * value[s, own]
    return joined @ weights[f"{name}.output"].T


def layer(x, weights, name, settings):
    epsilon = settings.get("epsilon", 1e-5)
    x = x + attention(x, weights, name, settings.get("heads", 8))
    norm = f"{name}.attention_norm"
    x = layer_norm(x, weights[f"{norm}.weight"], weights[f"{norm}.bias"], epsilon)
    wide = np.maximum(x @ weights[f"{name}.widen.weight"].T + weights[f"{name}.widen.bias"], 0)
    x = x + wide @ weights[f"{name}.narrow.weight"].T + weights[f"{name}.narrow.bias"]
    norm = f"{name}.feedforward_norm"
    return layer_norm(x, weights[f"{norm}.weight"], weights[f"{norm}.bias"], epsilon)


def class_maps(tokens, weights, settings):
    """(B, P, D) -> (B, C, P)."""
    raw = np.einsum("bpd,cd->bcp", tokens, weights["maps.weight"])
    if "maps.bias" in weights:
        raw = raw + weights["maps.bias"][None, :, None]
    out = np.zeros_like(raw)
    name = "maps_normalisation"
    for c in range(raw.shape[1]):
        if settings.get("training"):
            mean, variance = raw[:, c].mean(), raw[:, c].var()
        else:
            mean, variance = weights[f"{name}.mean"][c], weights[f"{name}.variance"][c]
        unit = (raw[:, c] - mean) / np.sqrt(variance + settings.get("epsilon", 1e-5))
        out[:, c] = unit * weights[f"{name}.weight"][c] + weights[f"{name}.bias"][c]
    return np.maximum(out, 0)


def branches(weights, features, settings):
    """s1 and s2, each (B, C)."""
    x = np.asarray(features, float)
    B, F, h, w = x.shape
    cells = np.zeros((B, h * w, F))
    for b in range(B):
        for i in range(h):
            for j in range(w):
                cells[b, i * w + j] = x[b, :, i, j]
    if "reduction.weight" in weights:
        cells = cells @ weights["reduction.weight"].T + weights["reduction.bias"]
    U = np.zeros_like(cells)
    for b in range(B):
        token = cells[b] + weights["positions"]
        number = 0
        while f"spatial.{number}.query" in weights:
            token = layer(token, weights, f"spatial.{number}", settings)
            number += 1
        U[b] = token
    name = "spatial_classifier"
    s1 = U.mean(1) @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    parallel = settings.get("order", "sequential") == "parallel"
    M = class_maps(cells if parallel else U, weights, settings)
    C = M.shape[1]
    s2, name = np.zeros((B, C)), "semantic_classifier"
    for b in range(B):
        if settings.get("tokens", "labels") == "labels":
            token = np.zeros_like(weights["labels"], float)
            for c in range(C):
                token[c] = weights["tokens.weight"] @ M[b, c] + weights["labels"][c]
        else:
            token = M[b].T  # (P, C)
        for _ in range(settings.get("semantic_layers", 2)):
            token = layer(token, weights, "semantic", settings)
        if settings.get("tokens", "labels") == "labels":
            for c in range(C):
                s2[b, c] = weights[f"{name}.weight"][c] @ token[c] + weights[f"{name}.bias"][c]
        else:
            s2[b] = weights[f"{name}.weight"] @ token.mean(0) + weights[f"{name}.bias"]
    return s1, s2


def logits(weights, features, settings):
    s1, s2 = branches(weights, features, settings)
    return s1 + s2


def loss(weights, features, target, settings):
    a, total = logits(weights, features, settings), 0.0
    for b in range(a.shape[0]):
        for c in range(a.shape[1]):
            p = 1 / (1 + np.exp(-a[b, c]))
            total -= np.log(p) if target[b, c] else np.log(1 - p)
    return total / a.size
