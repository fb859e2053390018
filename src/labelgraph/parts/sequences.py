"""What decoders share that name an image's labels one after the other and end with END.

Symbol l < C is a label, symbol C is END. A label's confidence is the highest probability that it
had at a step before END or at the step of END itself, as a logit; labels that were already named
are not excluded from these probabilities.

Shapes: B images, C labels, T steps, N paths of a beam.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

INFINITE = float("inf")


def odds(scores: Tensor) -> Tensor:
    """log(q / (1 - q)) of the softmax q over the last dimension, also where q is nearly 1."""
    highest = scores.argmax(-1, keepdim=True)
    others = scores.scatter(-1, highest, -INFINITE).logsumexp(-1, keepdim=True)
    of_highest = scores.gather(-1, highest) - others
    log = scores.log_softmax(-1)
    # at most a half, except at the highest
    return (log - torch.log1p(-log.exp().clamp(max=0.75))).scatter(-1, highest, of_highest)


def until_end(chosen: Tensor, end: int) -> Tensor:
    """Symbols (B, T) -> bool (B, T): the steps up to the first END and with it."""
    ended = chosen == end
    return (ended.cumsum(1) - ended.long()) == 0


def confidences(scores: Tensor, used: Tensor) -> Tensor:
    """Scores of all symbols (B, T, C + 1) and the steps that count (B, T) -> logits (B, C)."""
    return odds(scores)[..., :-1].masked_fill(~used[..., None], -INFINITE).amax(1)


def named(chosen: Tensor, used: Tensor, labels: int) -> Tensor:
    """(B, C): the step, from 1, at which each label is first named; 0 if it never is."""
    there = (chosen[..., None] == torch.arange(labels, device=chosen.device)) & used[..., None]
    return torch.where(there.any(1), there.byte().argmax(1) + 1, 0)


def ordered(shown: Tensor, rank: Tensor) -> Tensor:
    """The labels of each image by their rank, then END, as often as there is room: (B, C + 1).

    `shown` (B, C) bool; `rank` (C,), 0 comes first.
    """
    labels = len(rank)
    order = torch.where(shown, rank, labels).argsort(dim=1, stable=True)  # (B, C)
    place = torch.arange(labels + 1, device=shown.device)
    order = torch.cat([order, torch.full_like(order[:, :1], labels)], 1)
    return torch.where(place < shown.sum(1, keepdim=True), order, labels)


def by_frequency(counts: Tensor) -> Tensor:
    """(C,) the rank of each label, the most frequent first; `counts` (C, C)."""
    return counts.diagonal().argsort(descending=True, stable=True).argsort()


class Best(NamedTuple):
    """The most probable path of each image."""

    value: Tensor  # (B,) logarithm of its probability
    confidence: Tensor  # (B, C) logits
    named: Tensor  # (B, C) the step at which a label is named, 0 if it never is


def beam(
    read: Callable[[Tensor, Any], tuple[Tensor, Tensor]],
    state: Tensor,
    labels: int,
    paths: int,
    steps: int,
) -> Best:
    """Beam search. No path names a label twice, and probabilities are not rescaled for that.

    `read(symbols, state)`, the last symbols (B, N) and states (B, N, H), gives scores (B, N, C + 1)
    and new states. The first symbol is START, C + 1. `state` (B, H) is the first one.

    Of all paths with one more symbol the N most probable survive; one that ends is a candidate for
    the best. Probabilities only fall, so it does not matter that the search goes on after no live
    path can win. Paths that are alive after the last step are candidates, too.
    """
    images = len(state)
    state = state[:, None].expand(-1, paths, -1)
    symbols = torch.full((images, paths), labels + 1, device=state.device)
    alive = state.new_full((images, paths), -INFINITE)
    alive[:, 0] = 0.0
    seen = symbols.new_zeros(images, paths, labels)
    sure = state.new_full((images, paths, labels), -INFINITE)
    best = Best(alive.new_full((images,), -INFINITE), sure[:, 0], seen[:, 0])
    for step in range(1, steps + 1):
        scores, state = read(symbols, state)
        sure = torch.maximum(sure, odds(scores)[..., :-1])
        further = alive[..., None] + scores.log_softmax(-1)  # (B, N, C + 1)
        repeated = torch.cat([seen > 0, torch.zeros_like(seen[..., :1], dtype=torch.bool)], -1)
        further = further.masked_fill(repeated, -INFINITE).flatten(1)
        place = further.argsort(dim=1, descending=True, stable=True)[:, :paths]  # (B, N)
        alive = further.gather(1, place)
        parent, symbols = place // (labels + 1), place % (labels + 1)
        state, seen, sure = (follow(value, parent) for value in (state, seen, sure))
        ended = symbols == labels
        best = better(best, alive.masked_fill(~ended, -INFINITE), sure, seen)
        alive = alive.masked_fill(ended, -INFINITE)
        column = torch.arange(labels, device=seen.device) == symbols[..., None]
        seen = torch.where(column, step, seen)
    return better(best, alive, sure, seen)


def follow(values: Tensor, parent: Tensor) -> Tensor:
    """What belongs to the paths (B, N, ...) that were extended."""
    return values.gather(1, parent[..., None].expand(-1, -1, values.shape[-1]))


def better(best: Best, value: Tensor, sure: Tensor, seen: Tensor) -> Best:
    """The best so far or, where it is more probable, one of the paths (B, N)."""
    value, place = value.max(1, keepdim=True)
    found = Best(value[:, 0], follow(sure, place)[:, 0], follow(seen, place)[:, 0])
    wins = found.value > best.value  # (B,)
    return Best(
        torch.where(wins, found.value, best.value),
        torch.where(wins[:, None], found.confidence, best.confidence),
        torch.where(wins[:, None], found.named, best.named),
    )
