"""CMA (single scale, grid form), literally, from the description alone: numpy and loops, double
precision.

weights: name -> array
  asge.0.weight (G, W), asge.0.bias (G,), asge.1.weight (D, G), asge.1.bias (D,)    the MLP on word
  vectors,
                     with any number of layers, ReLU between them
  embedding (C, D)                           instead of asge.*, if the embeddings are fixed already
  transform.weight (D, F), transform.bias (D,) optional       1 x 1 on the map (CMT)
  transform_normalisation.{weight,bias,mean,variance} (D,)
  classifier.weight (C, F), classifier.bias (C,)              v_c and b_c

label_graph(counts) -> A (C, C); embeddings(weights, words (C, W)) -> (C, D)
embedding_loss(embedding, A, settings) -> a number; logits(weights, features, words, settings) ->
(B, C)
loss(weights, features, words, target, share (C,), settings): share is r_c, positives among fit
images

settings: alpha (0.05, relaxation), beta (0.4), epsilon (1e-5, of batch normalisation), training
(batch
statistics), tiny (1e-12: below it, a sum of cosines counts as 0).

Choices where the description leaves something open
  - A_ij = (P(i|j) + P(j|i)) / 2, diagonal 1; P given a label that never occurs is 0.
  - The loss of the embeddings is the plain sum over all ordered pairs and the diagonal, where r_ij
    = 0 if both
    A_ij and the cosine are below alpha.
  - A cosine with a zero vector is 0.
  - z_cp = max(0, cosine); a_cp = z_cp / sum; where the sum is 0 the attention is even: 1 / P.
  - The attended vectors are of the features that came in, not of the transformed ones.
  - The weighted loss is the mean over images of the sum over labels (settings reduction: "labels"),
    or the mean
    over both (reduction: "mean", the default).
"""

# ruff: noqa: N803, N806  (capital letters are those of the docstring)

import numpy as np


def label_graph(counts):
    counts = np.asarray(counts, float)
    C = counts.shape[0]
    A = np.zeros((C, C))
    for i in range(C):
        for j in range(C):
            given_j = counts[i, j] / counts[j, j] if counts[j, j] else 0.0
            given_i = counts[i, j] / counts[i, i] if counts[i, i] else 0.0
            A[i, j] = 1.0 if i == j else (given_i + given_j) / 2
    return A


def embeddings(weights, words):
    if "embedding" in weights:
        return np.asarray(weights["embedding"], float)
    x, number = np.asarray(words, float), 0
    while f"asge.{number}.weight" in weights:
        if number:
            x = np.maximum(x, 0)
        x = x @ weights[f"asge.{number}.weight"].T + weights[f"asge.{number}.bias"]
        number += 1
    return x


def cosine(a, b):
    lengths = np.sqrt((a * a).sum()) * np.sqrt((b * b).sum())
    return (a * b).sum() / lengths if lengths else 0.0


def embedding_loss(embedding, A, settings):
    alpha, total = settings.get("alpha", 0.05), 0.0
    for i in range(A.shape[0]):
        for j in range(A.shape[0]):
            c = cosine(embedding[i], embedding[j])
            if not (A[i, j] < alpha and c < alpha):
                total += (c - A[i, j]) ** 2
    return total


def transformed(weights, features, settings):
    """(B, F, h, w) -> (B, D, h, w)."""
    raw = np.einsum("bfij,df->bdij", np.asarray(features, float), weights["transform.weight"])
    if "transform.bias" in weights:
        raw = raw + weights["transform.bias"][None, :, None, None]
    out, name = np.zeros_like(raw), "transform_normalisation"
    for d in range(raw.shape[1]):
        if settings.get("training"):
            mean, variance = raw[:, d].mean(), raw[:, d].var()
        else:
            mean, variance = weights[f"{name}.mean"][d], weights[f"{name}.variance"][d]
        unit = (raw[:, d] - mean) / np.sqrt(variance + settings.get("epsilon", 1e-5))
        out[:, d] = unit * weights[f"{name}.weight"][d] + weights[f"{name}.bias"][d]
    return np.maximum(out, 0)


def attention(weights, features, words, settings):
    """(B, C, h, w), which sums to 1 for each image and label."""
    mapped, e = transformed(weights, features, settings), embeddings(weights, words)
    B, _, h, w = mapped.shape
    out = np.zeros((B, e.shape[0], h, w))
    for b in range(B):
        for c in range(e.shape[0]):
            for i in range(h):
                for j in range(w):
                    out[b, c, i, j] = max(0.0, cosine(mapped[b, :, i, j], e[c]))
            total = out[b, c].sum()
            even = total <= settings.get("tiny", 1e-12)
            out[b, c] = 1 / (h * w) if even else out[b, c] / total
    return out


def logits(weights, features, words, settings):
    x = np.asarray(features, float)
    a = attention(weights, x, words, settings)
    B, C, h, w = a.shape
    s = np.zeros((B, C))
    for b in range(B):
        for c in range(C):
            attended = np.zeros(x.shape[1])
            for i in range(h):
                for j in range(w):
                    attended += a[b, c, i, j] * x[b, :, i, j]
            s[b, c] = weights["classifier.weight"][c] @ attended + weights["classifier.bias"][c]
    return s


def loss(weights, features, words, target, share, settings):
    s, beta, total = logits(weights, features, words, settings), settings.get("beta", 0.4), 0.0
    for b in range(s.shape[0]):
        for c in range(s.shape[1]):
            p = 1 / (1 + np.exp(-s[b, c]))
            if target[b, c]:
                total -= np.exp(beta * (1 - share[c])) * np.log(p)
            else:
                total -= np.exp(beta * share[c]) * np.log(1 - p)
    return total / (s.shape[0] if settings.get("reduction") == "labels" else s.size)
