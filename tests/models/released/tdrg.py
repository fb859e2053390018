"""TDRG, literally: the grid form with one map, in evaluation mode. Double precision.

C labels, F features, D width of the transformer (512), G width of the graph's own half (512), U
width of the feed-forward network (2048). Two scales: the map X (h, w) through 1x1, and through 3x3
stride 2 without padding, ((h-3)//2+1, (w-3)//2+1); both to D. The stride-16 scale is absent.

weights
    scales.0.weight (D, F, 1, 1), scales.0.bias (D,)
    scales.1.weight (D, F, 3, 3), scales.1.bias (D,)
    encoder.{i}  i = 0 .. settings["layers"] - 1 (3); the SAME encoder for both scales
        .attention.query / key / value / output .weight (D, D), .bias (D,)
        .up.weight (U, D), .up.bias; .down.weight (D, U), .down.bias
        .norms.0 / .norms.1 .weight (D,), .bias (D,)
    structure.weight (C, 2 D), structure.bias (C,)       s^T, from [GMP of scale 0; GMP of scale 1]
    maps.weight (C, F)                                   K, no bias
    transform.weight (G, F), transform.bias (G,)         W
    guidance.weight (D, D), guidance.bias (D,)           W'
    summary.weight (2 D, 2 D), summary.bias (2 D,)       "conv(GAP of the encoded maps)"
    summary_norm.weight, .bias, .running_mean, .running_var (2 D,)    BatchNorm, eps 1e-5
    relations.weight (C, 2 D + G + D), relations.bias (C,)    on [guidance vector; node]
    graph.weight (G + D, G + D), graph.bias (G + D,)     W of the graph step
    semantic.weight (C, G + D), semantic.bias (C,)       s^G: its diagonal
settings
    heads 4, layers 3, attention "positions" (default, the paper) or "batch" (as released),
    positions "sine" or "none": 2-D sine codes as in loops.sine_positions, added to queries and keys

Structure branch. a = scale 0 at its own size (h, w); b = scale 1 brought to (h, w), bilinear,
corners aligned; product a b; a + a b stays, b + a b is brought back to its own size, bilinear,
corners aligned. Shared encoder on each (post-norm, GELU with erf, no dropout). Maximum over
places; joined; linear.
Semantic branch. K_cp = maps_c . x_p; s^K = mean of the round(5 % of hw) largest, at least 1;
m = sigmoid(K).
Node c: [sum_p m_cp W x_p ; W'(sum_p m_cp u_p)], u = encoded scale 0. No gradient goes into the
bracket of W' (neither m nor u). Guidance: g = LeakyReLU(BN(summary [mean of encoded 0; mean of
encoded 1])), whose input gets no gradient. A[:, c] = sigmoid(relations [g; V_c]), (C, C).
Z_c = sum_j A[j, c] V_j; G_c = LeakyReLU(graph(LeakyReLU(Z_c))) + V_c.
s^G_c = semantic_c . G_c + b_c. s = .7 s^T + .3 s^G.
Loss: soft margin (mean BCE over the known) of s, s^T, s^G and s^K, added.

Choices where the facts leave something open
    * W x_p has its bias at every place, so the sum over p carries bias * sum_p m_cp; W' has one
      bias, after the sum; the graph step has a bias; every LeakyReLU has slope .2;
    * no norm after the encoder's last layer; LayerNorm eps 1e-5;
    * position codes, where on, enter queries and keys only, in every layer; each scale has codes of
      its own size;
    * with attention "batch", place p of image b attends over place p of all images.
"""

import math

import numpy as np
from released.loops import attention, linear, normal, sine_positions

MIX = 0.7, 0.3
SLOPE = 0.2


def leaky(x):
    return np.where(x > 0, x, SLOPE * x)


def dense(weights, name, x):
    return linear(weights[f"{name}.weight"], weights.get(f"{name}.bias"), x)


def resized(field, height, across):
    """field (rows, columns, D) -> (height, across, D): bilinear, corners aligned."""
    rows, columns, width = field.shape

    def place(number, of, source):
        at = 0.0 if of == 1 else number * (source - 1) / (of - 1)
        low = min(math.floor(at), source - 1)
        return low, min(low + 1, source - 1), at - low

    found = np.zeros((height, across, width))
    for i in range(height):
        top, bottom, down = place(i, height, rows)
        for j in range(across):
            left, right, aside = place(j, across, columns)
            upper = (1 - aside) * field[top, left] + aside * field[top, right]
            lower = (1 - aside) * field[bottom, left] + aside * field[bottom, right]
            found[i, j] = (1 - down) * upper + down * lower
    return found


def scales(weights, image):
    """Both maps of one image (F, h, w), each (rows, columns, D), exchanged and at their own
    sizes."""
    _, height, across = image.shape
    one, two = weights["scales.0.weight"], weights["scales.1.weight"]
    a = np.zeros((height, across, len(one)))
    for i in range(height):
        for j in range(across):
            a[i, j] = linear(one[:, :, 0, 0], weights["scales.0.bias"], image[:, i, j])
    rows, columns = (height - 3) // 2 + 1, (across - 3) // 2 + 1
    b = np.zeros((rows, columns, len(two)))
    for i in range(rows):
        for j in range(columns):
            b[i, j] = weights["scales.1.bias"]
            for d in range(len(two)):
                for y in range(3):
                    for x in range(3):
                        b[i, j, d] += sum(two[d, :, y, x] * image[:, 2 * i + y, 2 * j + x])
    large = resized(b, height, across)
    product = a * large
    return a + product, resized(large + product, rows, columns)


def encoded(weights, settings, maps):
    """maps: (rows, columns, D) of every image -> the same, after the shared encoder."""
    rows, columns, width = maps[0].shape
    tokens = [[x for row in one for x in row] for one in maps]  # [b][p]
    codes = [np.zeros(width)] * (rows * columns)
    if settings["positions"] == "sine":
        codes = [code for row in sine_positions(rows, columns, width) for code in row]
    for i in range(settings["layers"]):
        name = f"encoder.{i}"
        placed = [[x + code for x, code in zip(one, codes, strict=True)] for one in tokens]
        heard = attended(weights, f"{name}.attention", settings, placed, tokens)
        for b, one in enumerate(tokens):
            for p, x in enumerate(one):
                x = normal(*norm_of(weights, f"{name}.norms.0"), x + heard[b][p])
                hidden = np.array([gelu(v) for v in dense(weights, f"{name}.up", x)])
                x = x + dense(weights, f"{name}.down", hidden)
                tokens[b][p] = normal(*norm_of(weights, f"{name}.norms.1"), x)
    return tokens


def attended(weights, name, settings, placed, tokens):
    """[b][p]: over the positions of an image, or over the images at a position."""
    heads = settings["heads"]
    if settings["attention"] == "positions":
        pairs = zip(placed, tokens, strict=True)
        return [attention(weights, name, heads, asking, asking, one) for asking, one in pairs]
    heard = [[None] * len(one) for one in tokens]
    for p in range(len(tokens[0])):
        asking, values = [one[p] for one in placed], [one[p] for one in tokens]
        for b, answer in enumerate(attention(weights, name, heads, asking, asking, values)):
            heard[b][p] = answer
    return heard


def norm_of(weights, name):
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def gelu(value):
    return value * (1 + math.erf(value / math.sqrt(2))) / 2


def all_scores(weights, features, settings):
    """s, s^T, s^G, s^K, each (B, C)."""
    images, _, height, across = features.shape
    labels = len(weights["maps.weight"])
    pairs = [scales(weights, features[b]) for b in range(images)]
    large = encoded(weights, settings, [pair[0] for pair in pairs])
    small = encoded(weights, settings, [pair[1] for pair in pairs])
    of_t, of_g, of_k = (np.zeros((images, labels)) for _ in range(3))
    for b in range(images):
        tops = [np.max(one[b], axis=0) for one in (large, small)]
        of_t[b] = dense(weights, "structure", np.concatenate(tops))
        cells = [features[b, :, i, j] for i in range(height) for j in range(across)]
        maps = [[sum(row * x) for x in cells] for row in weights["maps.weight"]]
        count = max(1, round(0.05 * len(cells)))
        of_k[b] = [sum(sorted(values)[-count:]) / count for values in maps]
        nodes = []
        for values in maps:
            masks = [1 / (1 + math.exp(-value)) for value in values]
            own = sum(m * dense(weights, "transform", x) for m, x in zip(masks, cells, strict=True))
            guided = sum(m * u for m, u in zip(masks, large[b], strict=True))
            nodes.append(np.concatenate([own, dense(weights, "guidance", guided)]))
        means = [sum(one[b]) / len(one[b]) for one in (large, small)]
        guide = dense(weights, "summary", np.concatenate(means))
        spread = np.sqrt(weights["summary_norm.running_var"] + 1e-5)
        guide = (guide - weights["summary_norm.running_mean"]) / spread
        guide = leaky(guide * weights["summary_norm.weight"] + weights["summary_norm.bias"])
        relations = [dense(weights, "relations", np.concatenate([guide, node])) for node in nodes]
        relations = [1 / (1 + np.exp(-column)) for column in relations]  # [c][j] = A[j, c]
        for c, node in enumerate(nodes):
            mixed = sum(relations[c][j] * other for j, other in enumerate(nodes))
            node = leaky(dense(weights, "graph", leaky(mixed))) + node
            of_g[b, c] = sum(weights["semantic.weight"][c] * node) + weights["semantic.bias"][c]
    return MIX[0] * of_t + MIX[1] * of_g, of_t, of_g, of_k


def logits(weights, features, settings):
    return all_scores(weights, features, settings)[0]


def loss(weights, features, target, known, settings):
    total = 0.0
    for scores in all_scores(weights, features, settings):
        value, count = 0.0, 0
        for b in range(scores.shape[0]):
            for c in range(scores.shape[1]):
                if known[b, c]:
                    s = scores[b, c]
                    value += max(s, 0) - s * target[b, c] + math.log1p(math.exp(-abs(s)))
                    count += 1
        total += value / max(count, 1)
    return total
