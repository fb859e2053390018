"""The released code of DSDL in plain loops (FT-ZHOU-ZZZ/DSDL: voc2012/models.py, voc2012/loss.py).

Zhou et al., "Deep Semantic Dictionary Learning for Multi-label Image Classification", AAAI 2021.
Written from that code alone, before anything in src/labelgraph was read. Its folders coco/ and
voc2007/ have a network and a loss of their own, which were not available.

Shapes: B images, C labels, D word-vector size, H hidden size, F features, h x w positions.

- Neither layer of the dictionary has a bias. LeakyReLU 0.2 stands between them, none after.
- The decoder uses the same two matrices transposed, in reverse order: the same LeakyReLU between
  them, no bias, and no activation after the last product.
- The code is inverse(D D' + ridge * I) D f, one label-by-label system for all images. It is
  differentiated through everything, the inverse included.
- The scores ARE the codes: no sigmoid, no bias. The evaluation threshold is code >= 0.
- Both norms of the loss are Frobenius norms of the whole batch matrix, (B, F) and (B, C): not
  squared, not averaged. They grow with sqrt(B), so a smaller last batch weighs them less.
- One command-line number, lambd, is both the ridge of the code and the factor of the code's norm.
- The divisor is the mean over labels of cosine(word vector, reconstructed word vector). Nothing
  guards it: no clamp, no absolute value. A small mean makes the loss large. A negative mean makes
  it negative, and the descent then increases the soft-margin part. The word vectors get no
  gradient, but the divisor sends one to both matrices. With first weights at the released sizes
  and Gaussian vectors the mean is 0.75, so training starts far from zero.
- Each cosine has an epsilon of 1e-8 in its denominator. Where exactly it enters depends on the
  version of torch; it matters only for norms near 1e-8. A zero word vector gives cosine 0.
- The released pooling is MaxPool2d(14, 14) on a 14 x 14 map: the maximum over all positions.

Ridge and beta: COCO script 0.1, 1e-6; both VOC scripts 10, 1e-4; defaults 0.01, 0.01. The scripts
only evaluate; that training used the same numbers is likely but not stated.
"""

from dataclasses import dataclass

import torch
from released.shared import soft_margin
from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    labels: int  # C
    words: int  # D
    hidden: int  # H
    features: int  # F


RELEASED = Sizes(labels=80, words=300, hidden=1024, features=2048)
RIDGE_AND_BETA = {"coco": (0.1, 1e-6), "voc2007": (10.0, 1e-4), "default": (0.01, 0.01)}
SLOPE = 0.2  # LeakyReLU
EPSILON = 1e-8  # of the cosine


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    return {
        # the repository stores both as (inputs, outputs)
        "first.weight": (sizes.hidden, sizes.words),
        "second.weight": (sizes.features, sizes.hidden),
    }


def first_weights(sizes: Sizes) -> dict[str, str]:
    return {
        "first.weight": "uniform ±1/sqrt(outputs)",  # outputs = hidden
        "second.weight": "uniform ±1/sqrt(outputs)",  # outputs = features
    }


def buffers(vectors: Tensor) -> dict[str, Tensor]:
    return {"vectors": vectors}  # (C, D)


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, SLOPE * x)


def dictionary(weights: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
    """(C, F): one atom per label."""
    atoms = []
    for word in buffers["vectors"]:
        hidden = leaky(weights["first.weight"] @ word)  # (H,)
        atoms.append(weights["second.weight"] @ hidden)  # (F,)
    return torch.stack(atoms)


def reconstructed_words(weights: dict[str, Tensor], atoms: Tensor) -> Tensor:
    """(C, D): the tied decoder."""
    words = []
    for atom in atoms:
        hidden = leaky(weights["second.weight"].T @ atom)  # (H,)
        words.append(weights["first.weight"].T @ hidden)  # (D,)
    return torch.stack(words)


def pooled(features: Tensor) -> Tensor:
    """(B, F, h, w) -> (B, F): the maximum over all positions."""
    rows = []
    for image in features:
        rows.append(image.reshape(image.shape[0], -1).max(1).values)
    return torch.stack(rows)


def codes(atoms: Tensor, x: Tensor, ridge: float) -> Tensor:
    """(B, C): the ridge regression of each image's features on the atoms."""
    count = len(atoms)
    gram = atoms @ atoms.T + ridge * torch.eye(count, dtype=atoms.dtype)  # (C, C)
    solve = torch.inverse(gram)
    rows = []
    for image in x:
        products = torch.stack([atoms[label] @ image for label in range(count)])  # (C,)
        rows.append(solve @ products)
    return torch.stack(rows)


def logits(
    weights: dict[str, Tensor],
    buffers: dict[str, Tensor],
    features: Tensor,
    ridge: float,
    training: bool = False,
) -> Tensor:
    """(B, C). Training and test are the same calculation."""
    return codes(dictionary(weights, buffers), pooled(features), ridge)


def mean_cosine(words: Tensor, rebuilt: Tensor) -> Tensor:
    total = words.new_zeros(())
    for word, copy in zip(words, rebuilt, strict=True):
        lengths = word.norm().clamp(min=EPSILON) * copy.norm().clamp(min=EPSILON)
        total = total + (word @ copy) / lengths
    return total / len(words)


def loss_terms(
    weights: dict[str, Tensor],
    buffers: dict[str, Tensor],
    features: Tensor,
    target: Tensor,  # (B, C): archive codes -1, 0, +1 become 0, 1, 1 as in ML-GCN
    ridge: float,
) -> dict[str, Tensor]:
    atoms = dictionary(weights, buffers)
    x = pooled(features)  # (B, F)
    scores = codes(atoms, x, ridge)  # (B, C)
    missed = torch.stack([scores[image] @ atoms - x[image] for image in range(len(x))])  # (B, F)
    return {
        "soft_margin": soft_margin(scores, target),
        "reconstruction": missed.flatten().norm(),  # over images and features together
        "size": scores.flatten().norm(),  # over images and labels together
        "cosine": mean_cosine(buffers["vectors"], reconstructed_words(weights, atoms)),
    }


def loss(
    weights: dict[str, Tensor],
    buffers: dict[str, Tensor],
    features: Tensor,
    target: Tensor,
    ridge: float,
    beta: float,
    penalty: float | None = None,  # the released code has one number for both
) -> Tensor:
    terms = loss_terms(weights, buffers, features, target, ridge)
    factor = ridge if penalty is None else penalty
    fit = terms["reconstruction"] + factor * terms["size"]
    return (terms["soft_margin"] + beta * fit) / terms["cosine"]
