"""RNN-Attention (RDAR), region by region and image by image, in double precision (numpy and plain
loops).

Written from the facts on the recurrent spatial-transformer network alone (Wang et al., ICCV 2017),
in the grid form: regions
of size x size cells, sampled from the h x w map, no extra pooling. Letters: B images, C labels, F
features, S size, X width of
a region's vector, H state, Z width of the layer behind it, K regions that are scored.

`weights` (biases are optional and count as 0 if absent):
  region.weight (X, F*S*S) [region.bias (X,)]     reads the region as F blocks of S*S cells, row by
      row
  lstm.weight_ih (4H, X), lstm.weight_hh (4H, H) [lstm.bias_ih, lstm.bias_hh (4H,)]   torch's
      LSTMCell: i, f, g, o
  hidden.weight (Z, H) [hidden.bias (Z,)]         z_k = relu(W h_k + b)
  scores.weight (C, Z) [scores.bias (C,)]         a_k = W_a z_k + b_a
  place.weight (4, Z) [place.bias (4,)]           (sx, sy, tx, ty) of the NEXT region; first values:
      weight 0, bias (1, 1, 0, 0)

`settings`: regions (K; 5 in the paper), size (S), region_relu (bool: relu behind `region`; True is
VGG's fc6),
align_corners (bool), anchors (K-1, 2) (cx, cy) of the regions 2..K in the coordinates -1..1,
anchor_weight (l1 = 0.01),
positive_weight (l2 = 0.1), place_weight (g = 0.1), largest (0.5), smallest (0.1).

Sampling: cell (row j, column i) of a region has the coordinate X_i = sx * x_i + tx, Y_j = sy * y_j
+ ty, where x_i goes over the
S columns of -1..1 (align_corners: -1 and 1 are the centres of the outer cells, x_i = -1 + 2
i/(S-1), 0 if S = 1; otherwise the
outer edges, x_i = -1 + (2 i + 1)/S), and is read from the map by bilinear interpolation; outside
the map is zero.

k = 0 is the whole map (sx = sy = 1, tx = ty = 0): it gives h_0, and from it the place of region 1,
but no scores. Regions
1..K give scores; a(l) = max_k a_k(l). The state before k = 0 is zero.

Loss (one number): L_cls + g * (L_S + l1 * L_A + l2 * L_P), each the mean over images of
  L_cls = sum_l (softmax(a)_l - y_l / n)^2;    only over images with a label (the mean is over these
      alone; 0 if there are none)
  L_S = sum_{k=1..K} max(|sx_k| - largest, 0)^2 + max(|sy_k| - largest, 0)^2
  L_P = sum_{k=1..K} max(smallest - sx_k, 0) + max(smallest - sy_k, 0)
  L_A = sum_{k=2..K} 0.5 * ((tx_k - cx_k)^2 + (ty_k - cy_k)^2)      the first region has no anchor
(L_S, L_P and L_A over all images of the batch.) All labels are known.

Choices: the four numbers of a place in the order sx, sy, tx, ty; region_relu; anchors are given, on
a circle of radius
sqrt(2)/2 at the angles 45, 135, 225, 315 degrees for K = 5, i.e. (.5, .5), (-.5, .5), (-.5, -.5),
(.5, -.5) with y downwards;
`largest`/`smallest` as printed.
"""

import math

import numpy as np


def affine(weights, name, x):
    found = np.array(
        [float(np.sum(np.asarray(row, float) * x)) for row in weights[f"{name}.weight"]]
    )
    return (
        found + np.asarray(weights[f"{name}.bias"], float) if f"{name}.bias" in weights else found
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def lstm_cell(weights, name, x, h, c):
    size = len(h)
    gates = (
        np.asarray(weights[f"{name}.weight_ih"], float) @ x
        + np.asarray(weights[f"{name}.weight_hh"], float) @ h
    )
    for bias in ("bias_ih", "bias_hh"):
        if f"{name}.{bias}" in weights:
            gates = gates + np.asarray(weights[f"{name}.{bias}"], float)
    i, f, g, o = (gates[k * size : (k + 1) * size] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def ticks(count, align_corners):
    if not align_corners:
        return [-1 + (2 * i + 1) / count for i in range(count)]
    return [0.0] if count == 1 else [-1 + 2 * i / (count - 1) for i in range(count)]


def pixel(coordinate, count, align_corners):
    """The place among `count` cells, 0 = the centre of the first."""
    if align_corners:
        return (coordinate + 1) / 2 * (count - 1)
    return ((coordinate + 1) * count - 1) / 2


def sample(features, x, y):
    """Bilinear at the pixel (x, y); every neighbour outside the map is zero."""
    width, height, across = features.shape
    left, top = math.floor(x), math.floor(y)
    found = np.zeros(width)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < height and 0 <= column < across:
                share = (1 - abs(x - column)) * (1 - abs(y - row))
                found = found + share * features[:, row, column]
    return found


def region_of(features, place, settings):
    """(F, S, S)"""
    sx, sy, tx, ty = place
    width, height, across = features.shape
    size, corners = settings["size"], settings["align_corners"]
    found = np.zeros((width, size, size))
    for j, y in enumerate(ticks(size, corners)):
        for i, x in enumerate(ticks(size, corners)):
            column = pixel(sx * x + tx, across, corners)
            row = pixel(sy * y + ty, height, corners)
            found[:, j, i] = sample(features, column, row)
    return found


def look(weights, features, settings):
    """Of one image: scores a_1..a_K and places M_1..M_K."""
    hidden = np.asarray(weights["lstm.weight_hh"]).shape[1]
    h, c = np.zeros(hidden), np.zeros(hidden)
    place = np.array([1.0, 1.0, 0.0, 0.0])
    scores, places = [], []
    for k in range(settings["regions"] + 1):
        x = affine(weights, "region", region_of(features, place, settings).reshape(-1))
        if settings["region_relu"]:
            x = np.maximum(x, 0)
        h, c = lstm_cell(weights, "lstm", x, h, c)
        z = np.maximum(affine(weights, "hidden", h), 0)
        if k > 0:
            scores.append(affine(weights, "scores", z))
            places.append(place)
        place = affine(weights, "place", z)
    return scores, places


def logits(weights, features, settings):
    """(B, C)"""
    return np.array(
        [np.max(look(weights, image.astype(float), settings)[0], axis=0) for image in features]
    )


def loss(weights, features, target, settings):
    """target (B, C) of 0 and 1."""
    large, small = settings["largest"], settings["smallest"]
    of_labels, of_places = [], []
    for image, row in zip(features, target, strict=False):
        scores, places = look(weights, image.astype(float), settings)
        a = np.max(scores, axis=0)
        n = sum(row)
        if n > 0:
            p = softmax(a)
            of_labels.append(sum((p[k] - row[k] / n) ** 2 for k in range(len(row))))
        scale = sum(max(abs(v) - large, 0) ** 2 for place in places for v in place[:2])
        positive = sum(max(small - v, 0) for place in places for v in place[:2])
        anchor = sum(
            0.5 * ((place[2] - cx) ** 2 + (place[3] - cy) ** 2)
            for place, (cx, cy) in zip(places[1:], settings["anchors"], strict=True)
        )
        of_places.append(
            scale + settings["anchor_weight"] * anchor + settings["positive_weight"] * positive
        )
    classified = sum(of_labels) / len(of_labels) if of_labels else 0.0
    return classified + settings["place_weight"] * sum(of_places) / len(of_places)
