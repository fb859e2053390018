"""Evidence for a label in an image: a map over the encoder's grid, and a box around its peak.

A position's contribution to a score is its features times the score's gradient with respect to
them. For a linear layer on pooled features this is exactly the class activation map; for the graph
methods it is a first-order approximation of the whole network, label graph included.

Shapes: B images, C labels, F features of the encoder, h x w its grid.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from labelgraph.parts import components

MOST = 5  # labels of an image that are explained
HIGH = 0.5  # fraction of the map's peak: cells above it belong to the box


@dataclass(frozen=True)
class Evidence:
    heat: np.ndarray  # (h, w) float32 from 0 to 1: how much each position supports the label
    box: tuple[float, float, float, float]  # left, top, right, bottom, fractions of the view


def explain(
    model: nn.Module, batch: dict[str, Tensor], wanted: list[list[int]]
) -> list[dict[int, Evidence]]:
    """For each image the evidence for its `wanted` columns; none if no position supports one."""
    found: list[dict[int, Evidence]] = [{} for _ in wanted]
    columns = sorted({column for some in wanted for column in some})
    if not columns:
        return found
    features, scores = forward(model, batch)
    for column in columns:
        (gradient,) = torch.autograd.grad(scores[:, column].sum(), features, retain_graph=True)
        maps = (features * gradient).sum(1).detach().clamp(min=0).float().cpu()  # (B, h, w)
        for row, some in enumerate(wanted):
            if column in some and maps[row].max() > 0:
                found[row][column] = evidence(maps[row] / maps[row].max())
    return found


def forward(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The encoder's output, as the leaf for gradients, and the scores (B, C)."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, arguments: tuple, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_(True))
        return kept[-1]

    handle = model.encoder.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            scores = model({name: value.clone() for name, value in batch.items()})
    finally:
        handle.remove()
    return kept[0], scores


def evidence(heat: Tensor) -> Evidence:
    """The box encloses the cells above HIGH that are connected to the peak."""
    names = components.named((heat >= HIGH)[None])[0]  # (h, w) the part of each cell
    part = names == names.flatten()[heat.argmax()]
    (box,) = components.boxes(part[None]).tolist()
    return Evidence(heat.numpy(), tuple(box))
