"""SARB, semantic-aware representation blending (Pu et al., AAAI 2022), literally.

From HCPLab-SYSU/HCP-MLR-PL: model/SARB.py (class SARB), loss/SARB.py, SARB.py (the version that
still imports it, commit 8ad53e2), scripts/SARB.sh; see trunk.py for the rest of it. The code needs
R = O.

- Blending happens on the label features BEFORE the graph network; graph network, output layer and
  classifier then run again on the whole blended set (C, R), so blended labels also change the
  messages that all other labels get. The trunk's batch norm runs once.
- Instance blending pairs image m with image B - 1 - m; the middle image of an odd batch blends with
  itself, i.e. not at all. Entries that are not blended keep their target, and keep counting.
- The gradient reaches alpha and beta through the features AND through the targets 1 - alpha and
  1 - beta.
- alpha and beta are overwritten by their value cut to [0, 1] at the start of a blending step,
  before use; the gradient is that of the number itself, also at 0 and 1.
- Prototype blending draws ONE prototype number per batch, the same for all labels and images.
  f = beta f + (1 - beta) prototype.
- The blended label of an image is the unknown label with the largest of C uniform draws. An image
  without any unknown label blends label 0 although it is known, and its target becomes 1 - beta
  (on the CPU; argmax over equal zeros is unspecified on a GPU).
- A blended entry whose target is exactly 0 (alpha or beta at 1) does not count.
- Each of the three known-label losses is a mean over its own counted entries; all weigh 1.

Letters as in trunk.py; K prototypes per label.
"""

from dataclasses import dataclass

import torch
from released.trunk import attend, contrast_loss, ramp, read_out, reduce, trunk_weights
from torch.nn.functional import logsigmoid

BLEND_FROM_EPOCH = 5
CONTRAST_WEIGHT = 0.05


@dataclass(frozen=True)
class Sizes:
    labels: int = 80
    words: int = 300
    features: int = 2048
    reduced: int = 1024
    hidden: int = 512
    output: int = 1024
    prototypes: int = 10


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    return trunk_weights(sizes) | {"blend.alpha": (), "blend.beta": ()}


def forward(weights, buffers, features, training=False) -> dict[str, torch.Tensor]:
    """features (B, F, h, w) -> logits (B, C), label_features (B, C, R)."""
    positions = reduce(weights, buffers, features, training)
    words, graph = buffers["word_vectors"], buffers["graph"]
    label_features = [attend(weights, words, image) for image in positions]
    return {
        "logits": torch.stack([read_out(weights, graph, image) for image in label_features]),
        "label_features": torch.stack(label_features),
    }


def kept_in_range(share):
    """The value cut to [0, 1], with the gradient of the number itself."""
    return share + (share.clamp(0, 1) - share).detach()


def blend_instances(label_features, targets, alpha):
    """-> blended features (B, C, R) and targets (B, C)."""
    alpha = kept_in_range(alpha)
    features, new_targets = [], []
    for image, values in enumerate(targets.tolist()):
        partner = len(targets) - 1 - image
        others = targets[partner].tolist()
        for label, value in enumerate(values):
            own, other = label_features[image, label], label_features[partner, label]
            if value == 0 and others[label] == 1:
                features.append(alpha * own + (1 - alpha) * other)
                new_targets.append(1 - alpha)
            else:
                features.append(own)
                new_targets.append(alpha.new_tensor(value))
    features = torch.stack(features).view(label_features.shape)
    return features, torch.stack(new_targets).view(targets.shape)


def blended_labels(targets, draws) -> list[int]:
    """The label each image blends: draws (B, C) are uniform in [0, 1)."""
    chosen = []
    for values, numbers in zip(targets.tolist(), draws.tolist(), strict=True):
        best, label = 0.0, 0
        for place, value in enumerate(values):
            if value == 0 and numbers[place] > best:
                best, label = numbers[place], place
        chosen.append(label)
    return chosen


def blend_prototypes(label_features, targets, prototypes, beta, prototype, chosen):
    """`prototype` is the batch's one prototype number, `chosen` one label per image."""
    beta = kept_in_range(beta)
    features, new_targets = [], []
    for image, values in enumerate(targets.tolist()):
        for label, value in enumerate(values):
            own = label_features[image, label]
            if label == chosen[image]:
                features.append(beta * own + (1 - beta) * prototypes[label, prototype])
                new_targets.append(1 - beta)
            else:
                features.append(own)
                new_targets.append(beta.new_tensor(value))
    features = torch.stack(features).view(label_features.shape)
    return features, torch.stack(new_targets).view(targets.shape)


def blended(weights, buffers, label_features, targets, prototype, chosen):
    """Both blends read out: {name: (logits, targets)}."""
    instances = blend_instances(label_features, targets, weights["blend.alpha"])
    prototypes, beta = buffers["prototypes"], weights["blend.beta"]
    known = blend_prototypes(label_features, targets, prototypes, beta, prototype, chosen)
    results = {}
    for name, (features, new_targets) in (("instance", instances), ("prototype", known)):
        scores = torch.stack([read_out(weights, buffers["graph"], image) for image in features])
        results[name] = (scores, new_targets)
    return results


def known_loss(logits, targets):
    """Mean cross-entropy over all entries with a target other than 0; targets may be fractions."""
    terms = []
    for image in range(len(targets)):
        for label in range(targets.shape[1]):
            score, y = logits[image, label], targets[image, label]
            if y > 0:
                terms.append(-y * logsigmoid(score) - (1 - y) * logsigmoid(-score))
            elif y < 0:
                terms.append(y * logsigmoid(-score) - (1 + y) * logsigmoid(score))
    return torch.stack(terms).mean() if terms else logits.sum() * 0


def loss_terms(outputs, blends, targets, epoch, batch, batches, absent_order=(), mixed_order=()):
    """The weighted terms. `outputs` of `forward`, `blends` of `blended` (None before epoch 5)."""
    features = outputs["label_features"]
    contrast = contrast_loss(features, targets, absent_order, mixed_order)
    terms = {
        "known": known_loss(outputs["logits"], targets),
        "contrast": CONTRAST_WEIGHT * ramp(epoch, batch, batches) * contrast,
    }
    if epoch >= BLEND_FROM_EPOCH:
        terms["instance"] = known_loss(*blends["instance"])
        terms["prototype"] = known_loss(*blends["prototype"])
    return terms


def loss(outputs, blends, targets, epoch, batch, batches, absent_order=(), mixed_order=()):
    """Sum of the terms."""
    orders = (absent_order, mixed_order)
    return sum(loss_terms(outputs, blends, targets, epoch, batch, batches, *orders).values())
