"""CSRA (class-specific residual attention), literally, from the facts alone. Double precision.

weights, for each head k = 0 .. heads-1
    classifier.{k}.weight (C, F)      no bias
settings
    temperatures  one for each head: 1 head [1]; 2 [1, 99]; 4 [1, 2, 4, 99]; 6 [1..5, 99]; 8
                  [1..7, 99]
    share         lambda (.1 VOC, .5 COCO; 0: the unit-norm linear layer)

m_cp = (w_c / |w_c|) . x_p;  s_c = mean_p m_cp + lambda * sum_p softmax_p(T m_cp) m_cp;
T = 99 means max_p m_cp in place of the softmax sum; the heads' logits are SUMMED. x is not
normalised.

`loss`: binary cross-entropy, mean over the known entries.

Choices where the facts leave something open
    * the norm of w_c has no epsilon.
"""

import math

import numpy as np

MAXIMUM = 99


def logits(weights, features, settings):
    images, _width, height, across = features.shape
    heads = len(settings["temperatures"])
    labels = len(weights["classifier.0.weight"])
    found = np.zeros((images, labels))
    for b in range(images):
        places = [features[b, :, i, j] for i in range(height) for j in range(across)]
        for k in range(heads):
            for c in range(labels):
                found[b, c] += head(
                    weights[f"classifier.{k}.weight"][c],
                    places,
                    settings["temperatures"][k],
                    settings["share"],
                )
    return found


def head(row, places, temperature, share):
    length = math.sqrt(sum(value * value for value in row))
    maps = [sum(w / length * x for w, x in zip(row, place, strict=True)) for place in places]
    mean = sum(maps) / len(maps)
    if temperature == MAXIMUM:
        return mean + share * max(maps)
    top = max(temperature * value for value in maps)
    powers = [math.exp(temperature * value - top) for value in maps]
    attended = sum(power / sum(powers) * value for power, value in zip(powers, maps, strict=True))
    return mean + share * attended


def loss(scores, target, known):
    total, count = 0.0, 0
    for b in range(scores.shape[0]):
        for c in range(scores.shape[1]):
            if known[b, c]:
                s = scores[b, c]
                total += max(s, 0) - s * target[b, c] + math.log1p(math.exp(-abs(s)))
                count += 1
    return total / max(count, 1)
