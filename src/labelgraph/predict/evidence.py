"""What in a picture speaks for a label: a map over the encoder's grid, and a box around its peak.

A position's share in a score is its features times the score's gradient by them. For a linear
layer on pooled features this is the class activation map, exactly; for the graph methods it is the
first-order answer of the whole network, label graph included.

Shapes: B pictures, C labels, F features of the encoder, h x w its grid.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from labelgraph.parts import components

MOST = 5  # labels of a picture that are explained
HIGH = 0.5  # share of the map's peak: what is above belongs to the box


@dataclass(frozen=True)
class Evidence:
    heat: np.ndarray  # (h, w) float32 from 0 to 1: how much each position speaks for the label
    box: tuple[float, float, float, float]  # left, top, right, bottom, in shares of what is seen


def explain(
    model: nn.Module, batch: dict[str, Tensor], wanted: list[list[int]]
) -> list[dict[int, Evidence]]:
    """For each picture the evidence of its `wanted` columns; none where nothing speaks for one."""
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
    """What the encoder gave, as the leaf that gradients reach, and the scores (B, C)."""
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
    """The box holds the cells above HIGH that hang together with the peak."""
    names = components.named((heat >= HIGH)[None])[0]  # (h, w) the part that each is in
    part = names == names.flatten()[heat.argmax()]
    (box,) = components.boxes(part[None]).tolist()
    return Evidence(heat.numpy(), tuple(box))
