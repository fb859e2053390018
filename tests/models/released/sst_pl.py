"""SST, structured semantic transfer for partial labels (Chen et al., AAAI 2022), literally.

From HCPLab-SYSU/HCP-MLR-PL: model/SST.py, loss/SST.py, SST.py, scripts/SST.sh; see trunk.py for
the rest of it.

- Pairs: ONE linear map R -> H serves every label and both ends. A pair (i, j), i < j, is
  [end i, end j]; then linear, ReLU, linear, and a weight row and a bias of the pair's own. Pairs
  are ordered (0,1), (0,2), ..., (1,2), ...
- Pair scores, queue, cross-image labels and contrastive loss all read the label features BEFORE
  the graph network.
- The batch's own positives enter the queue before the cross-image labels are made (so a positive
  image of the batch counts for another image of the same batch); they stand in front, in batch
  order, the oldest fall out. Zero entries count in the mean, with cosine 0. The queue fills from
  epoch 0 on and carries no gradient.
- Pseudo labels carry no gradient (thresholded). A mean equal to the margin counts as present.
- The pair loss lets the gradient through its focusing weight; it is the mean over B x E.
- The known-label loss is the mean over all counted entries of the batch, 0 when there are none.
- Ramp in epoch 0: batch number (from 0) / batches, for the pair loss and the contrastive loss.
- The margin falls after every epoch from 5 on: epoch 5 has 0.95, 6 has 0.925, ..., 13 and on 0.75.

Letters as in trunk.py; E = C(C-1)/2 label pairs, Q queue length.
"""

from dataclasses import dataclass

import torch
from released.trunk import (
    COSINE_EPS,
    attend,
    contrast_loss,
    linear,
    linear_shapes,
    ramp,
    read_out,
    reduce,
    trunk_weights,
)
from torch.nn.functional import logsigmoid

PSEUDO_FROM_EPOCH = 5
PAIR_WEIGHT = 10.0
CONTRAST_WEIGHT = 0.05


@dataclass(frozen=True)
class Sizes:
    labels: int = 80
    words: int = 300
    features: int = 2048
    reduced: int = 1024
    hidden: int = 512
    output: int = 1024

    @property
    def pairs(self) -> int:
        return self.labels * (self.labels - 1) // 2


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    s = sizes
    shapes = trunk_weights(s)
    shapes |= linear_shapes("pair.end", s.reduced, s.hidden)
    shapes |= linear_shapes("pair.first", 2 * s.hidden, s.output)
    shapes |= linear_shapes("pair.second", s.output, s.output)
    shapes |= {"pair.classifier.weight": (s.pairs, s.output), "pair.classifier.bias": (s.pairs,)}
    return shapes


def empty_queue(sizes: Sizes, length: int, dtype=torch.double):
    """The last positive features of each label (C, Q, R), zeros at first."""
    return torch.zeros(sizes.labels, length, sizes.reduced, dtype=dtype)


def label_pairs(labels: int) -> list[tuple[int, int]]:
    return [(first, second) for first in range(labels) for second in range(first + 1, labels)]


def pair_scores(weights, label_features):
    """One image: (C, R) -> co-occurrence logits of all pairs (E,)."""
    ends = linear(label_features, weights, "pair.end")  # (C, H)
    rows = [torch.cat([ends[i], ends[j]]) for i, j in label_pairs(len(ends))]
    rows = linear(torch.stack(rows), weights, "pair.first").clamp(min=0)
    rows = linear(rows, weights, "pair.second")  # (E, O)
    return (rows * weights["pair.classifier.weight"]).sum(1) + weights["pair.classifier.bias"]


def forward(weights, buffers, features, training=False) -> dict[str, torch.Tensor]:
    """features (B, F, h, w) -> logits (B, C), pair_logits (B, E), label_features (B, C, R)."""
    positions = reduce(weights, buffers, features, training)
    words, graph = buffers["word_vectors"], buffers["graph"]
    label_features = [attend(weights, words, image) for image in positions]
    return {
        "logits": torch.stack([read_out(weights, graph, image) for image in label_features]),
        "pair_logits": torch.stack([pair_scores(weights, image) for image in label_features]),
        "label_features": torch.stack(label_features),
    }


def push_queue(queue, label_features, targets):
    """The queue with this batch's known positives in front: (C, Q, R), without gradient."""
    filled, values = [], targets.tolist()
    for label in range(queue.shape[0]):
        new = [image for image in range(len(values)) if values[image][label] == 1]
        new = label_features[new, label].detach()  # in batch order
        filled.append(torch.cat([new, queue[label]])[: queue.shape[1]])
    return torch.stack(filled)


def intra_targets(pair_logits, targets, margin):
    """Targets with the pseudo positives of the image's own known positives: (B, C)."""
    labels = targets.shape[1]
    place = {pair: index for index, pair in enumerate(label_pairs(labels))}
    filled = targets.clone()
    for image, values in enumerate(targets.tolist()):
        probabilities = torch.sigmoid(pair_logits[image]).tolist()
        present = [label for label in range(labels) if values[label] == 1]
        for label in range(labels):
            if values[label] != 0 or not present:
                continue
            total = 0.0
            for other in present:
                pair = (min(label, other), max(label, other))
                total = total + probabilities[place[pair]]
            filled[image, label] = 1 if total / len(present) >= margin else 0
    return filled


def cross_targets(label_features, targets, queue, margin):
    """Targets with the pseudo positives of the queue: (B, C); queue already holds the batch."""
    filled = targets.clone()
    for image, values in enumerate(targets.tolist()):
        for label, value in enumerate(values):
            if value != 0:
                continue
            feature = label_features[image, label].detach()
            dots = queue[label] @ feature  # (Q,)
            lengths = queue[label].norm(dim=1) * feature.norm()
            mean = (dots / lengths.clamp(min=COSINE_EPS)).mean()
            filled[image, label] = 1 if mean >= margin else 0
    return filled


def known_loss(logits, targets):
    """Mean over all entries with a target other than 0. Margins never matter for +1 and -1."""
    terms = []
    for image, values in enumerate(targets.tolist()):
        for label, value in enumerate(values):
            if value == 1:
                terms.append(-logsigmoid(logits[image, label]))
            elif value == -1:
                terms.append(-logsigmoid(-logits[image, label]))
    return torch.stack(terms).mean() if terms else logits.sum() * 0


def pair_loss(pair_logits, targets, clip=0.05, eps=1e-8):
    """Asymmetric loss with exponents 1 (both known present) and 2 (every other pair)."""
    total = 0
    for image, values in enumerate(targets.tolist()):
        y = [float(values[i] == 1 and values[j] == 1) for i, j in label_pairs(len(values))]
        y = torch.tensor(y, dtype=pair_logits.dtype)
        p = torch.sigmoid(pair_logits[image])
        absent = (1 - p + clip).clamp(max=1)
        entropy = -y * p.clamp(min=eps).log() - (1 - y) * absent.clamp(min=eps).log()
        weight = y * (1 - p) + (1 - y) * (1 - absent) ** 2
        total = total + (entropy * weight).sum()
    return total / pair_logits.numel()


def margin(epoch: int, start=0.95, fall=0.025, least=0.75) -> float:
    """Lowered once after every epoch from PSEUDO_FROM_EPOCH on."""
    value = start
    for _ in range(PSEUDO_FROM_EPOCH, epoch):
        value = max(least, value - fall)
    return value


def loss_terms(outputs, targets, queue, epoch, batch, batches, absent_order=(), mixed_order=()):
    """The five weighted terms. `outputs` of `forward`; `queue` already holds this batch."""
    rising = ramp(epoch, batch, batches)
    pair = pair_loss(outputs["pair_logits"], targets)
    features = outputs["label_features"]
    contrast = contrast_loss(features, targets, absent_order, mixed_order)
    terms = {
        "known": known_loss(outputs["logits"], targets),
        "pair": PAIR_WEIGHT * rising * pair,
        "contrast": CONTRAST_WEIGHT * rising * contrast,
    }
    if epoch >= PSEUDO_FROM_EPOCH:
        intra = intra_targets(outputs["pair_logits"], targets, margin(epoch))
        cross = cross_targets(features, targets, queue, margin(epoch))
        terms["intra"] = known_loss(outputs["logits"], intra)
        terms["cross"] = known_loss(outputs["logits"], cross)
    return terms


def loss(outputs, targets, queue, epoch, batch, batches, absent_order=(), mixed_order=()):
    """Sum of the terms. Push the batch into the queue first: `push_queue`."""
    orders = (absent_order, mixed_order)
    return sum(loss_terms(outputs, targets, queue, epoch, batch, batches, *orders).values())
