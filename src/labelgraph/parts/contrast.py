"""Contrastive loss: pulls a label's features from different images together or pushes them apart.

Chen et al., "Structured Semantic Transfer for Multi-Label Recognition with Partial Labels", AAAI
2022, https://arxiv.org/abs/2112.10941, with the released code's choice of pairs.

Shapes: B images, C labels, W width of a label's feature.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from labelgraph.parts.losses import full

RANDOM, HARD = 2, 1  # pairs pushed apart for each pair pulled together


def unit(x: Tensor) -> Tensor:
    """Length 1; 0 stays 0."""
    return normalize(full(x), dim=-1, eps=1e-9)


def pick(values: Tensor, together: int) -> Tensor:
    """Some values at random and the largest ones, in proportion to `together` pairs, if any."""
    if not together:
        return values
    some = values[torch.randperm(len(values))[: RANDOM * together].to(values.device)]
    hard = values.topk(min(HARD * together, len(values))).values
    return torch.cat([some, hard])


def contrastive(seen: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Two yes: 1 - cosine. A yes and a no, or two no: 1 + cosine. The mean over chosen pairs.

    Pairs of images in order, (0, 1), (0, 2) and so on, and the labels within each.
    """
    yes, no = known & (target > 0.5), known & (target <= 0.5)  # (B, C)
    one, other = torch.triu_indices(len(seen), len(seen), 1, device=seen.device)  # (P,) each
    direction = unit(seen).transpose(0, 1)  # (C, B, W)
    cosine = (direction @ direction.mT)[:, one, other].T  # (P, C)
    positive = (1 - cosine)[yes[one] & yes[other]]
    mixed = (1 + cosine)[(yes[one] & no[other]) | (no[one] & yes[other])]
    absent = (1 + cosine)[no[one] & no[other]]
    chosen = torch.cat([positive, *(pick(values, len(positive)) for values in (absent, mixed))])
    return chosen.sum() / max(len(chosen), 1)
