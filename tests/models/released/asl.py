"""ASL (asymmetric loss), literally, from the facts alone. Double precision, loops over entries.

It is a loss; the network is any head (grid form: no departure). Here `logits` is the linear layer
on averaged features.

weights of `logits`
    classifier.weight (C, F), classifier.bias (C,)
settings
    plus    exponent of a yes, gamma+   (COCO script 0)
    minus   exponent of a no, gamma-    (COCO script 4)
    margin  m                           (.05; 0 switches the shift off)
    detached  only for `gradient`: the focusing factors get no gradient (the script's flag)

p = sigmoid(s); p_m = max(p - m, 0), computed as 1 - min(1 - p + m, 1);
entry = -y (1-p)^plus log p - (1-y) p_m^minus log(1 - p_m); SUM over batch and labels.

Choices where the facts leave something open
    * unknown entries are left out of the sum;
    * logs are clamped below: log(max(x, 1e-8)), of p and of min(1 - p + m, 1);
    * 0 ** 0 is 1 (an exponent of 0 switches focusing off).
"""

import math

import numpy as np

LEAST = 1e-8


def logits(weights, features):
    images, width, height, across = features.shape
    found = np.zeros((images, len(weights["classifier.weight"])))
    for b in range(images):
        mean = np.zeros(width)
        for row in range(height):
            for column in range(across):
                mean += features[b, :, row, column] / (height * across)
        for c in range(found.shape[1]):
            found[b, c] = weights["classifier.bias"][c]
            for f in range(width):
                found[b, c] += weights["classifier.weight"][c, f] * mean[f]
    return found


def entry(s, y, settings):
    """The loss of one entry."""
    p = 1 / (1 + math.exp(-s))
    absent = min(1 - p + settings["margin"], 1.0)  # 1 - p_m
    if y:
        return -((1 - p) ** settings["plus"]) * math.log(max(p, LEAST))
    return -((1 - absent) ** settings["minus"]) * math.log(max(absent, LEAST))


def loss(scores, target, known, settings):
    total = 0.0
    for b in range(scores.shape[0]):
        for c in range(scores.shape[1]):
            if known[b, c]:
                total += entry(scores[b, c], target[b, c], settings)
    return total


def slope(s, y, settings):
    """d entry / d s, by hand."""
    plus, minus, margin = settings["plus"], settings["minus"], settings["margin"]
    p = 1 / (1 + math.exp(-s))
    of_p = p * (1 - p)  # dp/ds
    if y:
        factor, log = (1 - p) ** plus, math.log(max(p, LEAST))
        found = -factor * (1 / p if p > LEAST else 0.0)
        if not settings["detached"] and plus:
            found += plus * (1 - p) ** (plus - 1) * log
        return found * of_p
    if 1 - p + margin >= 1:  # p <= margin: this no counts nothing
        return 0.0
    above = p - margin
    factor, log = above**minus, math.log(max(1 - above, LEAST))
    found = factor * (1 / (1 - above) if 1 - above > LEAST else 0.0)
    if not settings["detached"] and minus:
        found -= minus * above ** (minus - 1) * log
    return found * of_p


def gradient(scores, target, known, settings):
    """Of the loss, with respect to the scores (B, C)."""
    found = np.zeros(scores.shape)
    for b in range(scores.shape[0]):
        for c in range(scores.shape[1]):
            if known[b, c]:
                found[b, c] = slope(scores[b, c], target[b, c], settings)
    return found
