"""ML-Decoder, literally, from the facts alone (evaluation mode). Double precision.

K queries, C labels, F features, D width (768), U width of the feed-forward network (2048).

weights
    reduction.weight (D, F), reduction.bias (D,)            v_p = ReLU(W x_p + b)
    queries (K, D)                                          frozen: a buffer, never a parameter
    attention.query / key / value / output .weight (D, D), .bias (D,)
    norms.0 / norms.1 / norms.2 .weight (D,), .bias (D,)
    up.weight (U, D), up.bias (U,); down.weight (D, U), down.bias (D,)
    groups (K, D, g), bias (C,)                             g = ceil(C / K)
settings
    heads 8

q' = norm0(q + dropout(q)), in evaluation norm0(2 q); x = norm1(q' + attention(q', v, v));
o = norm2(x + down(ReLU(up(x)))). Label c = k g + j: s_c = o_k . groups[k, :, j] + bias_c. Outputs
beyond C are cut. No positions.

`loss`: see asl.py, plus 0, minus 4, margin .05, sum.

Choices where the facts leave something open
    * reduction has a bias; attention and feed-forward have residual connections (post-norm layer,
      as torch's decoder layer without self-attention); layer norms with eps 1e-5.
"""

import numpy as np
from released.loops import attention, linear, normal


def logits(weights, features, settings):
    images, _, height, across = features.shape
    queries, groups, bias = weights["queries"], weights["groups"], weights["bias"]
    per_group, labels = groups.shape[2], len(bias)
    found = np.zeros((images, labels))

    def norm(place, x):
        return normal(weights[f"norms.{place}.weight"], weights[f"norms.{place}.bias"], x)

    def layer(name, x):
        return linear(weights[f"{name}.weight"], weights[f"{name}.bias"], x)

    for b in range(images):
        places = [features[b, :, i, j] for i in range(height) for j in range(across)]
        memory = [np.maximum(layer("reduction", x), 0) for x in places]
        asking = [norm(0, q + q) for q in queries]
        heard = attention(weights, "attention", settings["heads"], asking, memory, memory)
        for k, (query, answer) in enumerate(zip(asking, heard, strict=True)):
            x = norm(1, query + answer)
            o = norm(2, x + layer("down", np.maximum(layer("up", x), 0)))
            for j in range(per_group):
                c = k * per_group + j
                if c < labels:
                    found[b, c] = sum(o * groups[k, :, j]) + bias[c]
    return found
