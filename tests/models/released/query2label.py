"""Query2Label, literally, from the facts alone (evaluation mode). Double precision.

C labels, F features, D width (F unless reduced), U = 4 D width of the feed-forward networks.

weights
    reduction.weight (D, F), reduction.bias (D,)     only if D != F (a named departure); else absent
    queries (C, D)                                   learned
    encoder.{i}  i = 0 .. settings["encoder_layers"] - 1   (1)
        .attention.query / key / value / output .weight (D, D), .bias (D,)
        .up.weight (U, D), .up.bias; .down.weight (D, U), .down.bias
        .norms.0 / .norms.1 .weight (D,), .bias (D,)
    decoder.{i}  i = 0 .. settings["decoder_layers"] - 1   (2), the same names
    norm.weight (D,), norm.bias (D,)                 after the last decoder layer
    classifier.weight (C, D), classifier.bias (C,)
settings
    heads 4, encoder_layers 1, decoder_layers 2

Positions: 2-D sine codes (see loops.sine_positions), of the map's own size.
Encoder layer: queries and keys x + pos, values x; x <- norm0(x + attention); x <-
norm1(x + FFN(x)), ReLU.
Decoder layer, no self-attention: target t starts at 0; queries t + Q_c, keys x + pos, values x;
t <- norm0(t + attention); t <- norm1(t + FFN(t)). Score: s_c = w_c . norm(t_c) + b_c.

`loss`: asymmetric, minus 2, plus 0, no margin: sum over entries / B / C * 1000.

Choices where the facts leave something open
    * no norm after the encoder (post-norm); the norm that belongs to the removed self-attention is
      removed with it; layer norms with eps 1e-5; the reduction, if any, has a bias;
    * Q_c is a term of the attention's query in every decoder layer, never added to t itself;
    * of the loss, with unknown entries: sum over the known ones, divided by B and by C all
      the same.
"""

import numpy as np
from released import asl
from released.loops import attention, linear, normal, sine_positions


def logits(weights, features, settings):
    images, _, height, across = features.shape
    labels, width = weights["queries"].shape
    rows = sine_positions(height, across, width)
    codes = [code for row in rows for code in row]
    found = np.zeros((images, labels))
    for b in range(images):
        x = [features[b, :, i, j] for i in range(height) for j in range(across)]
        if "reduction.weight" in weights:
            x = [linear(weights["reduction.weight"], weights["reduction.bias"], one) for one in x]
        for i in range(settings["encoder_layers"]):
            placed = [one + code for one, code in zip(x, codes, strict=True)]
            x = layer(weights, f"encoder.{i}", settings["heads"], x, placed, placed, x)
        states = [np.zeros(width) for _ in range(labels)]
        placed = [one + code for one, code in zip(x, codes, strict=True)]
        for i in range(settings["decoder_layers"]):
            asking = [
                state + query for state, query in zip(states, weights["queries"], strict=True)
            ]
            states = layer(weights, f"decoder.{i}", settings["heads"], states, asking, placed, x)
        for c, state in enumerate(states):
            o = normal(weights["norm.weight"], weights["norm.bias"], state)
            found[b, c] = sum(weights["classifier.weight"][c] * o) + weights["classifier.bias"][c]
    return found


def layer(weights, name, heads, states, queries, keys, values):
    def norm(place, x):
        own = f"{name}.norms.{place}"
        return normal(weights[f"{own}.weight"], weights[f"{own}.bias"], x)

    def dense(part, x):
        return linear(weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"], x)

    heard = attention(weights, f"{name}.attention", heads, queries, keys, values)
    changed = []
    for state, answer in zip(states, heard, strict=True):
        x = norm(0, state + answer)
        changed.append(norm(1, x + dense("down", np.maximum(dense("up", x), 0))))
    return changed


def loss(scores, target, known, settings):
    images, labels = scores.shape
    return asl.loss(scores, target, known, settings) / images / labels * 1000
