"""Shared by the references of transformers: everything on single vectors (numpy, double)."""

import math

import numpy as np


def linear(weight, bias, x):
    found = [sum(w * v for w, v in zip(row, x, strict=True)) for row in weight]
    return np.array(found) + (0 if bias is None else bias)


def normal(weight, bias, x, eps=1e-5):
    mean = sum(x) / len(x)
    spread = sum((value - mean) ** 2 for value in x) / len(x)
    return (x - mean) / math.sqrt(spread + eps) * weight + bias


def softmax(values):
    top = max(values)
    powers = [math.exp(value - top) for value in values]
    return [power / sum(powers) for power in powers]


def attention(weights, name, heads, queries, keys, values):
    """Multi-head attention; every query over all keys. Lists of vectors in, a list out.

    {name}.query / key / value / output: .weight (W, W), .bias (W,). Scores are divided by the root
        of
    the width of one head; the heads' results are joined and go through `output`.
    """

    def layer(part, x):
        return linear(weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"], x)

    q = [layer("query", x) for x in queries]
    k = [layer("key", x) for x in keys]
    v = [layer("value", x) for x in values]
    size = len(q[0]) // heads
    found = []
    for one in q:
        joined = []
        for start in range(0, len(one), size):
            part = slice(start, start + size)
            energy = [sum(one[part] * other[part]) / math.sqrt(size) for other in k]
            shares = softmax(energy)
            joined.append(sum(share * value[part] for share, value in zip(shares, v, strict=True)))
        found.append(layer("output", np.concatenate(joined)))
    return found


def sine_positions(height, across, width, eps=1e-6):
    """2-D sine codes, (height, across) vectors of `width`: the first half for rows, the other for
    columns.

    Row i of h is at (i + 1) / (h + eps) * 2 pi, columns alike. With n = width / 2 numbers for each
    axis, number d is sin (d even) or cos (d odd) of place / 10000 ** (2 * (d // 2) / n).
    """
    n = width // 2

    def code(number, of):
        place = (number + 1) / (of + eps) * 2 * math.pi
        angles = [place / 10000 ** (2 * (d // 2) / n) for d in range(n)]
        return [math.cos(a) if d % 2 else math.sin(a) for d, a in enumerate(angles)]

    return [
        [np.array(code(i, height) + code(j, across)) for j in range(across)] for i in range(height)
    ]
