"""The released code of C-Tran in plain loops (QData/C-Tran: models/CTran.py, models/utils.py,
models/transformer_layers.py, run_epoch.py, dataloaders/data_utils.py).

Lanchantin et al., "General Multi-label Image Classification with Transformers", CVPR 2021. Written
from that code alone, before anything in src/labelgraph was read. It names torch 1.8.0.

Shapes: B images, C labels, F features (the width of every token), P = h x w positions,
T = P + C tokens, N heads.

- Tokens: the P positions first, row by row, then the C labels in label order.
- A label token is label_embedding[c] + state_embedding[state]; state 0 unknown, 1 no, 2 yes.
- The state table has padding_idx 0, which keeps the gradient of row 0 at zero, but the whole table
  is then overwritten with uniform numbers. So an unknown label adds a fixed random vector, the
  same for every label, that never changes: Adam runs without weight decay.
- The first LayerNorm runs once over all T tokens, before the first layer. It is the only one
  outside the layers: each layer is post-norm and nothing normalises after the third.
- Every LayerNorm has weight, bias and eps 1e-5. Attention has biases everywhere.
- The hidden width of the feed-forward part is F itself (2048), ReLU.
- Dropout 0.1 acts at four places of a layer: attention weights, after attention, after the ReLU,
  after the second linear. None on the tokens, although the model owns such a module.
- The read-out is one linear F -> C on every label token; label c keeps entry c only, with bias c.
- Without label-mask training no state is added at all, and the loss counts all labels.
- The loss is a sum over images and labels; it is divided by nothing. At test with no known label
  every label counts. The log and the plateau schedule divide it by the number of images.
- Known labels in training: their number is uniform over the integers 0 ... floor(0.75 C), both
  ends included; which ones is a uniform draw without replacement, per image.
- The position encoding cannot be switched on: the flag makes a tensor that is then called.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    labels: int  # C
    features: int  # F
    heads: int = 4  # N
    layers: int = 3


RELEASED = Sizes(labels=80, features=2048, heads=4, layers=3)
DROPOUT = 0.1
NORM_EPSILON = 1e-5
MOST_KNOWN = 0.75  # of the labels, in training
UNKNOWN, NO, YES = -1, 0, 1  # codes of `states`


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    width = sizes.features
    shapes = {
        "label_embedding.weight": (sizes.labels, width),
        "state_embedding.weight": (3, width),  # rows: unknown, no, yes
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    for layer in range(sizes.layers):
        name = f"layers.{layer}"
        shapes[f"{name}.attention.in.weight"] = (3 * width, width)  # query, key, value
        shapes[f"{name}.attention.in.bias"] = (3 * width,)
        shapes[f"{name}.attention.out.weight"] = (width, width)
        shapes[f"{name}.attention.out.bias"] = (width,)
        shapes[f"{name}.norm1.weight"] = (width,)
        shapes[f"{name}.norm1.bias"] = (width,)
        shapes[f"{name}.first.weight"] = (width, width)
        shapes[f"{name}.first.bias"] = (width,)
        shapes[f"{name}.second.weight"] = (width, width)
        shapes[f"{name}.second.bias"] = (width,)
        shapes[f"{name}.norm2.weight"] = (width,)
        shapes[f"{name}.norm2.bias"] = (width,)
    shapes["classifier.weight"] = (sizes.labels, width)
    shapes["classifier.bias"] = (sizes.labels,)
    return shapes


def first_weights(sizes: Sizes) -> dict[str, str]:
    """The repository draws these itself, over torch's defaults."""
    rules = {}
    for name in weights(sizes):
        if "norm" in name:
            rules[name] = "1" if name.endswith("weight") else "0"
        elif name.endswith("attention.in.weight"):
            # untouched by the repository: torch's MultiheadAttention on the stacked (3F, F)
            rules[name] = "xavier uniform: ±sqrt(6 / (inputs + outputs)) = ±sqrt(6 / (4 F))"
        elif name.endswith("attention.in.bias"):
            rules[name] = "0"
        else:  # embeddings (all rows, the unknown state too), linear weights and linear biases
            rules[name] = "uniform ±1/sqrt(F)"
    return rules


def buffers() -> dict[str, Tensor]:
    """Neither word vectors nor counts."""
    return {}


def normalised(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    """All tokens of one image (T, F), each by its own mean and variance."""
    mean = x.mean(1, keepdim=True)  # (T, 1)
    variance = ((x - mean) ** 2).mean(1, keepdim=True)  # biased
    x = (x - mean) / torch.sqrt(variance + NORM_EPSILON)
    return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def dropped(x: Tensor, keep: Tensor | None) -> Tensor:
    """`keep` is 1 where an entry survives; what survives is scaled up."""
    return x if keep is None else x * keep / (1 - DROPOUT)


def attention(
    x: Tensor, weights: dict[str, Tensor], name: str, heads: int, keep: Tensor | None
) -> Tensor:
    """(T, F) -> (T, F) for one image; `keep` (N, T, T)."""
    width = x.shape[1]
    part = width // heads
    all_three = linear(x, weights, f"{name}.attention.in")  # (T, 3F)
    query, key, value = all_three[:, :width], all_three[:, width:-width], all_three[:, -width:]
    outputs = []
    for head in range(heads):
        own = slice(head * part, (head + 1) * part)
        match = query[:, own] @ key[:, own].T / math.sqrt(part)  # (T listening, T heard)
        share = torch.softmax(match, 1)  # each row adds up to 1
        share = dropped(share, None if keep is None else keep[head])
        outputs.append(share @ value[:, own])  # (T, part)
    return linear(torch.cat(outputs, 1), weights, f"{name}.attention.out")


def encoder_layer(
    x: Tensor, weights: dict[str, Tensor], name: str, heads: int, keep: dict[str, Tensor]
) -> Tensor:
    """(T, F) -> (T, F), post-norm."""
    heard = attention(x, weights, name, heads, keep.get("attention"))
    x = normalised(x + dropped(heard, keep.get("heard")), weights, f"{name}.norm1")
    hidden = linear(x, weights, f"{name}.first")
    hidden = torch.where(hidden > 0, hidden, torch.zeros_like(hidden))
    thought = linear(dropped(hidden, keep.get("hidden")), weights, f"{name}.second")
    return normalised(x + dropped(thought, keep.get("thought")), weights, f"{name}.norm2")


def label_tokens(weights: dict[str, Tensor], states: Tensor | None) -> Tensor:
    """(C, F) of one image; `states` (C,) with -1 unknown, 0 no, 1 yes, or None: no state added."""
    labels = weights["label_embedding.weight"]
    if states is None:
        return labels
    table = weights["state_embedding.weight"]
    row_of = {
        UNKNOWN: table[0].detach(),  # the padding row gets no gradient
        NO: table[1],
        YES: table[2],
    }
    return torch.stack([labels[c] + row_of[int(states[c])] for c in range(len(labels))])


def logits(
    weights: dict[str, Tensor],
    buffers: dict[str, Tensor],  # empty
    features: Tensor,  # (B, F, h, w), no pooling and no reduction before
    states: Tensor | None,  # (B, C), or None: trained without label masks
    heads: int = RELEASED.heads,
    training: bool = False,
    keep: list[list[dict[str, Tensor]]] | None = None,  # [image][layer] -> dropout draws
) -> Tensor:
    """(B, C). `keep` holds 0/1 under attention (N, T, T), heard, hidden, thought (T, F).

    Without `keep` nothing is dropped, in training too.
    """
    layers = sum(name.endswith("norm1.weight") for name in weights)
    count = len(weights["label_embedding.weight"])
    scores = []
    for image in range(len(features)):
        width = features.shape[1]
        positions = features[image].reshape(width, -1).T  # (P, F), row by row
        labels = label_tokens(weights, None if states is None else states[image])
        x = normalised(torch.cat([positions, labels]), weights, "norm")  # (T, F)
        for layer in range(layers):
            draws = keep[image][layer] if training and keep is not None else {}
            x = encoder_layer(x, weights, f"layers.{layer}", heads, draws)
        own = x[len(x) - count :]  # (C, F)
        read = [
            weights["classifier.weight"][c] @ own[c] + weights["classifier.bias"][c]
            for c in range(count)
        ]
        scores.append(torch.stack(read))
    return torch.stack(scores)


def states_from(target: Tensor, known: Tensor) -> Tensor:
    """(B, C): the true label (0 or 1) where `known`, -1 elsewhere."""
    return torch.where(known.bool(), target, torch.full_like(target, UNKNOWN))


def known_in_training(labels: int, number: int, order: list[int]) -> Tensor:
    """(C,) for one image: `number` is a draw from 0 ... floor(0.75 C), `order` a permutation.

    The repository draws the C - number unknown labels; the first of `order` are those.
    """
    assert 0 <= number <= int(labels * MOST_KNOWN)
    known = torch.ones(labels, dtype=torch.bool)
    for label in order[: labels - number]:
        known[label] = False
    return known


def loss(scores: Tensor, target: Tensor, known: Tensor | None) -> Tensor:
    """The sum of the binary cross-entropy over unknown entries; over all entries without masks."""
    total = scores.new_zeros(())
    for image in range(scores.shape[0]):
        for label in range(scores.shape[1]):
            if known is not None and known[image, label]:
                continue
            score, yes = scores[image, label], target[image, label]
            no_loss = torch.nn.functional.softplus(score, threshold=1000)
            yes_loss = torch.nn.functional.softplus(-score, threshold=1000)
            total = total + yes * yes_loss + (1 - yes) * no_loss
    return total
