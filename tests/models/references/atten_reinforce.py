"""Atten-Reinforce (RARL), window by window and image by image, in double precision (numpy and plain
loops).

Written from the facts on Atten-Reinforce alone (Chen et al., AAAI 2018), in the grid form, with the
wiring that the notes call defensible. Letters: B images, C labels, F features, h x w cells, k
windows a step (r goes over them), T steps, S size of a crop, X width of a window's vector, H state,
Z width of the layer behind [x ; h].

`weights`:
  region.weight (X, F*S*S), region.bias (X,)  reads a crop as F blocks of S*S cells, row by row
  lstm.weight_ih (4H, X), lstm.weight_hh (4H, H), lstm.bias_ih, lstm.bias_hh (4H,)
      torch's LSTMCell: rows in the order input, forget, cell, output
  hidden.weight (Z, X+H), hidden.bias (Z,)    the first layer of the MLP, relu behind it
  scores.weight (C, Z), scores.bias (C,)
  place.weight (2, H), place.bias (2,)        W of the policy: (x, y); not needed at given places

Places are (x, y) in -1..1 over the map, x to the right, y downwards; -1 and 1 are the map's outer
edges. Windows: (height, width) in cells, centred on the place; as parts of the map sx = width / w,
sy = height / h. Sampling, the usual affine grid: the point (row j, column i) has X_i = sx * x_i +
loc_x, Y_j = sy * y_j + loc_y, x_i = -1 + (2 i + 1)/S, bilinear; beyond the map, the nearest cell.

Equations:
  x_0 = relu(region(G(F, the whole map: sx = sy = 1, place 0)));  h_0, c_0 = LSTM(x_0; 0, 0). No
      scores.
  for t = 1..T:  mu_t = tanh(W h_{t-1});  loc_t = mu_t (test) or ~ N(mu_t, deviation^2 I) (training)
      x_{t,r} = relu(region(G(F, window r at loc_t)))
      h_t, c_t = LSTM(mean_r x_{t,r}; h_{t-1}, c_{t-1})
      a_{t,r} = scores(relu(hidden([x_{t,r} ; h_t])))
  a(l) = max over t and r of a_{t,r}(l)

Loss, Y = the labels that are known and 1, n = |Y|:
  R = |Y among the n largest a of known labels| / n; on equal scores the label with the smaller
      index comes first
  log pi_t = -|loc_t - mu_t|^2 / (2 deviation^2), up to a constant
  policy = -(R - b) * sum_{t=1..T} log pi_t, b the baseline; R - b is a constant to the gradient,
      and so is loc_t, in log pi_t and in the crop
  L_cls = sum over known l of (softmax(a)_l - y_l/n)^2, the softmax over the known labels
  loss = mean L_cls + mean policy; both over the images with n > 0 (0 if none)

Sampling is handed in: `locations` (B, T, 2), the places themselves, or `noise` (B, T, 2), loc_t =
mu_t + deviation * noise_t. Only with `locations` do numerical differences of `parts` give the right
gradient (R is constant nearly everywhere); with `noise` they would go through the sampled places.
Neither: mu_t, the test's places.

`settings`: steps T, crop S, windows ((height, width), ...), deviation, baseline b.

Choices where the facts leave something open: one Gaussian per coordinate pair with a fixed
deviation; x before y; the same crop size for all windows; the mean of the window vectors, not of
the maps; places are cut to -1..1 for the crops, log pi reads them uncut; loc_{T+1} is never drawn,
so that the sum of log pi has T terms, the first from h_0; the reward of the sampled run's own a;
L_cls on that run too. All rewards of a batch are compared with the b before it.
"""

import math

import numpy as np


def affine(weights, name, x):
    rows = np.asarray(weights[f"{name}.weight"], float)
    found = np.array([float(np.sum(row * x)) for row in rows])
    return found + np.asarray(weights[f"{name}.bias"], float)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def lstm_cell(weights, name, x, h, c):
    size = len(h)
    gates = weights[f"{name}.weight_ih"] @ x + weights[f"{name}.bias_ih"]
    gates = gates + weights[f"{name}.weight_hh"] @ h + weights[f"{name}.bias_hh"]
    i, f, g, o = (gates[k * size : (k + 1) * size] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def ticks(count):
    return [-1 + (2 * i + 1) / count for i in range(count)]


def pixel(coordinate, count):
    """The place among `count` cells, 0 = the centre of the first, or the nearest on the map."""
    return min(max(((coordinate + 1) * count - 1) / 2, 0), count - 1)


def sample(image, x, y):
    """Bilinear at column x and row y, which lie on the map."""
    width, height, across = image.shape
    left, top = math.floor(x), math.floor(y)
    found = np.zeros(width)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if row < height and column < across:
                found = found + (1 - abs(x - column)) * (1 - abs(y - row)) * image[:, row, column]
    return found


def vector_of(weights, image, place, window, settings):
    """x (X,); window = (height, width) in cells."""
    width, height, across = image.shape
    count = settings["crop"]
    sy, sx = window[0] / height, window[1] / across
    x0, y0 = (min(max(float(value), -1.0), 1.0) for value in place)
    crop = np.zeros((width, count, count))
    for j, v in enumerate(ticks(count)):
        for i, u in enumerate(ticks(count)):
            crop[:, j, i] = sample(image, pixel(sx * u + x0, across), pixel(sy * v + y0, height))
    return np.maximum(affine(weights, "region", crop.reshape(-1)), 0)


def look(weights, image, settings, locations=None, noise=None):
    """Of one image: (scores (T, k, C), mu (T, 2), the places used (T, 2))."""
    size = weights["lstm.weight_hh"].shape[1]
    whole = vector_of(weights, image, (0.0, 0.0), image.shape[1:], settings)
    h, c = lstm_cell(weights, "lstm", whole, np.zeros(size), np.zeros(size))
    scores, means, places = [], [], []
    for t in range(settings["steps"]):
        mu = None
        if "place.weight" in weights:
            mu = np.tanh(affine(weights, "place", h))
        place = mu if locations is None else locations[t]
        if noise is not None:
            place = mu + settings["deviation"] * noise[t]
        xs = [vector_of(weights, image, place, one, settings) for one in settings["windows"]]
        h, c = lstm_cell(weights, "lstm", sum(xs) / len(xs), h, c)
        row = []
        for x in xs:
            z = np.maximum(affine(weights, "hidden", np.concatenate([x, h])), 0)
            row.append(affine(weights, "scores", z))
        scores.append(row)
        means.append(mu)
        places.append(place)
    return np.array(scores), means, np.array(places)


def log_policy(means, places, settings):
    """sum_t log pi_t"""
    total = 0.0
    for mu, place in zip(means, places, strict=True):
        total -= float(sum((place - mu) ** 2)) / (2 * settings["deviation"] ** 2)
    return total


def reward_of(a, positive, known):
    """|Y among the n largest| / n; None if n = 0."""
    if not positive:
        return None
    ranked = [k for k in range(len(a)) if known[k]]
    ranked.sort(key=lambda label: -a[label])  # stable: the first index wins
    return sum(label in positive for label in ranked[: len(positive)]) / len(positive)


def classification_loss(a, positive, known):
    """None if the image has no label."""
    if not positive:
        return None
    kept = [label for label in range(len(a)) if known[label]]
    p = dict(zip(kept, softmax(np.array([a[label] for label in kept])), strict=True))
    return float(sum((p[k] - (k in positive) / len(positive)) ** 2 for k in kept))


def parts(weights, features, target, known, settings, locations=None, noise=None):
    """Scores (B, C), rewards (B,; None without a label), places (B, T, 2), L_cls and policy.

    target (B, C) of 0 and 1, known (B, C) bool; what stands in target where known is False is not
    read. The policy is None where weights have none.
    """
    scores, rewards, used, classified, policies = [], [], [], [], []
    for b, image in enumerate(features):
        own = None if locations is None else locations[b]
        drawn = None if noise is None else noise[b]
        found, means, places = look(weights, image, settings, own, drawn)
        a = found.max(axis=(0, 1))
        positive = [k for k in range(len(a)) if known[b][k] and target[b][k] > 0.5]
        reward = reward_of(a, positive, known[b])
        scores.append(a)
        rewards.append(reward)
        used.append(places)
        if reward is not None:
            classified.append(classification_loss(a, positive, known[b]))
        if reward is not None and "place.weight" in weights:
            policies.append(-(reward - settings["baseline"]) * log_policy(means, places, settings))
    return {
        "scores": np.array(scores),
        "rewards": rewards,
        "places": np.array(used),
        "classification": sum(classified) / len(classified) if classified else 0.0,
        "policy": sum(policies) / len(policies) if policies else 0.0,
    }


def next_baseline(baseline, rewards, momentum):
    """b after a batch: momentum * b + (1 - momentum) * the batch's mean reward. A batch without
    rewards changes nothing.
    """
    new = [reward for reward in rewards if reward is not None]
    return momentum * baseline + (1 - momentum) * sum(new) / len(new) if new else baseline
