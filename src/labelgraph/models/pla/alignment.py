"""Which label is asked for at which step: the order of an image's labels that fits its symbols.

Shapes: B images, C labels, T steps; n labels of an image.
"""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

ALIGNMENTS = ("pla", "mla", "fixed")


def aligned(log: Tensor, asked: Tensor, chosen: Tensor, alignment: str) -> Tensor:
    """The asked labels (B, n) of each image, in another order.

    `log` (B, T, C + 1): of the probabilities; `asked` (B, T): an image's labels, then only END;
    `chosen` (B, T): the symbols that the network has named. With `pla` a label that is named at
    one of the first n steps is asked for at that step, where it is named first; the others, with
    `mla` all, are assigned to the steps that are left so that the sum of -log is least.
    """
    end = log.shape[2] - 1
    steps = torch.arange(asked.shape[1], device=log.device)
    counts = (asked != end).sum(1, keepdim=True)  # (B, 1)
    # [b, t, k]: at step t the k-th label of the image was named
    hits = (chosen[:, :, None] == asked[:, None]) & (steps < counts)[:, :, None]
    hits = hits & (steps < counts)[:, None]
    fixed = hits.any(1) if alignment == "pla" else torch.zeros_like(asked, dtype=torch.bool)
    place = hits.byte().argmax(1)  # (B, T) where the k-th label was named first
    cost = -log.gather(2, asked[:, None].expand(-1, len(steps), -1))  # (B, T, T) step, label
    moved = assigned(*(x.cpu().numpy() for x in (cost.double(), counts[:, 0], fixed, place)))
    return asked.gather(1, torch.from_numpy(moved).to(asked.device))


def assigned(cost: np.ndarray, counts: np.ndarray, fixed: np.ndarray, place: np.ndarray):
    """For each step the column of the label that is asked for then, (B, T)."""
    order = np.tile(np.arange(cost.shape[1]), (len(cost), 1))
    for row, count in enumerate(counts):
        labels = np.flatnonzero(fixed[row, :count])
        order[row, place[row, labels]] = labels
        free = np.flatnonzero(~fixed[row, :count])
        left = np.setdiff1d(np.arange(count), place[row, labels])
        steps, columns = linear_sum_assignment(cost[row][np.ix_(left, free)])
        order[row, left[steps]] = free[columns]
    return order
