"""MLIC-KD-WSD, window by window and image by image, in double precision (numpy and plain loops).

Written from the facts on MLIC-KD-WSD alone (Liu et al., ACM MM 2018), in the grid form. Letters: B
images, C labels, F features, h x w cells, m windows (proposals; r goes over them), K1 and K2 widths
of an MLP.

`weights`:
  teacher.fc6.weight (K1, F), teacher.fc7.weight (K2, K1)    the teacher's MLP
  teacher.classify.weight (C, K2)   Mc
  teacher.detect.weight (C, K2)     Md
  student.fc6.weight, student.fc7.weight    the same shapes as the teacher's
  student.scores.weight (C, K2)
  student.inverse_temperature (C,)  1/t, learned
and a bias of each but the last. A function of the student alone needs no weights of the teacher.

Windows: for each of the sizes 1, 3, 5, 7 all positions with stride 1 on a lattice of 7 x 7, row by
row: 49 + 25 + 9 + 1 = 84. A map of other sizes is cut into 7 x 7 equal parts.

Equations:
  x_r = code(crop(F, R_r)), code = relu(fc7 relu(fc6 .)), for the teacher and the student each with
      its own MLP; box scores are 1;  student: a = scores(code(f)), f the mean of the map
  teacher: Mc, Md in R^{m x C};  Sc = softmax over the labels, Sd = softmax over the windows (per
      label);  p_l = sum_r Sc_{rl} Sd_{rl}, no sigmoid behind it
  sharpened teacher: p'^T_l = sum_r softmax_l(Mc_{rl} / tc) softmax_r(Md_{rl} / td)
  softened student:  p'^S_l = sig(a_l / t_l)

Losses; the division by B counts every image, those without labels too:
  teacher_loss   (1/B) sum over images and known l of -y log max(p, e) - (1 - y) log max(1 - p, e),
                 e = 1e-4
  feature_loss   L_f = 1/(2N) sum over windows |x^T_r - x^S_r|^2, N = B m; no labels
  distil_loss    L_p' = (1/B) sum over known l of -p'^T log p'^S - (1 - p'^T) log(1 - p'^S), no
                 factor t^2
  label_loss     L_p = (1/B) sum over known l of BCE(sig(a_l), y_l)
The teacher is constant in the last three. `regions`, of the first three, is regions_of every image.

`settings`: samples, tc, td.

Choices where the facts leave something open: a crop is one number a feature, the mean of samples x
samples bilinear values at the centres of equal parts of the window; they read the whole map, so
that a value near the window's border is also of the cell outside, and beyond the map's outer
centres the nearest cell counts. A relu stands behind each MLP layer, the last included, and L_f is
one term behind it. tc and td are one number each, t is per class, all divide. Unknown labels are
left out of L_p', too. No dropout (evaluation mode).
"""

import math

import numpy as np

LATTICE = 7
FLOOR = 1e-4


def affine(weights, name, x):
    rows = np.asarray(weights[f"{name}.weight"], float)
    found = np.array([sum(a * b for a, b in zip(row, x, strict=True)) for row in rows])
    return found + np.asarray(weights[f"{name}.bias"], float)


def softmax(values):
    top = max(values)
    found = [math.exp(value - top) for value in values]
    return [value / sum(found) for value in found]


def windows_of(height, across):
    """[(top, left, height, width)] in cells of the map."""
    tall, wide = height / LATTICE, across / LATTICE
    return [
        (top * tall, left * wide, size * tall, size * wide)
        for size in (1, 3, 5, 7)
        for top in range(LATTICE - size + 1)
        for left in range(LATTICE - size + 1)
    ]


def between(values, places):
    """Linear between the numbers of the last axis, at places on it."""
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, values.shape[-1] - 1)
    return values[..., low] * (1 - (places - low)) + values[..., high] * (places - low)


def crop_of(image, window, count):
    """(F,)"""
    top, left, tall, wide = window
    parts = (np.arange(count) + 0.5) / count
    y = np.clip(top - 0.5 + parts * tall, 0, image.shape[1] - 1)
    x = np.clip(left - 0.5 + parts * wide, 0, image.shape[2] - 1)
    samples = between(between(image, x).swapaxes(1, 2), y)  # (F, count, count)
    return samples.sum((1, 2)) / count**2


def regions_of(image, settings):
    """The crops of an image (F, h, w): (m, F)."""
    windows = windows_of(*image.shape[1:])
    return np.array([crop_of(image, window, settings["samples"]) for window in windows])


def code_of(weights, who, x):
    """The last code of an MLP; `who` is "teacher" or "student"."""
    x = np.maximum(affine(weights, f"{who}.fc6", x), 0)
    return np.maximum(affine(weights, f"{who}.fc7", x), 0)


def detected(weights, regions, tc, td):
    """sum_r Sc Sd (C,) of one image, Sc from Mc / tc, Sd from Md / td."""
    codes = [code_of(weights, "teacher", x) for x in regions]
    over_classes = [softmax(affine(weights, "teacher.classify", code) / tc) for code in codes]
    detect = [affine(weights, "teacher.detect", code) / td for code in codes]
    found = np.zeros(len(detect[0]))
    for label in range(len(found)):
        over_windows = softmax([row[label] for row in detect])
        for r in range(len(codes)):
            found[label] += over_classes[r][label] * over_windows[r]
    return found


def teacher_probabilities(weights, regions):
    """p (B, C)"""
    return np.array([detected(weights, own, 1, 1) for own in regions])


def logits(weights, features):
    """The student's a (B, C): only the student runs in the test."""
    found = []
    for image in features:
        f = image.sum((1, 2)) / (image.shape[1] * image.shape[2])
        found.append(affine(weights, "student.scores", code_of(weights, "student", f)))
    return np.array(found)


def score_bce(score, target):
    """BCE(sig(score), target), target in [0, 1]."""
    return target * np.logaddexp(0, -score) + (1 - target) * np.logaddexp(0, score)


def teacher_loss(weights, regions, target, known):
    total = 0.0
    for p, row, seen in zip(teacher_probabilities(weights, regions), target, known, strict=True):
        for label in range(len(row)):
            if seen[label]:
                q = p[label] if row[label] else 1 - p[label]
                total -= math.log(max(q, FLOOR))
    return total / len(regions)


def feature_loss(weights, regions):
    """L_f"""
    total, count = 0.0, 0
    for own in regions:
        for x in own:
            apart = code_of(weights, "teacher", x) - code_of(weights, "student", x)
            total += float(sum(apart**2))
            count += 1
    return total / (2 * count)


def distil_loss(weights, features, regions, known, settings):
    """L_p'"""
    total = 0.0
    inverse = weights["student.inverse_temperature"]
    scores = logits(weights, features)
    for b, own in enumerate(regions):
        taught = detected(weights, own, settings["tc"], settings["td"])
        for label in range(len(taught)):
            if known[b][label]:
                total += score_bce(scores[b, label] * inverse[label], taught[label])
    return total / len(regions)


def label_loss(weights, features, target, known):
    """L_p"""
    total = 0.0
    for a, row, seen in zip(logits(weights, features), target, known, strict=True):
        for label in range(len(row)):
            if seen[label]:
                total += score_bce(a[label], row[label])
    return total / len(features)
