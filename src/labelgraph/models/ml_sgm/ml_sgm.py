"""ML-SGM: class activation maps give instances, which are matched with the labels, edge by edge.

Wu, Feng and Wang, "Semantic-Aware Graph Matching Mechanism for Multi-Label Image Recognition",
IEEE TCSVT 2023. Equation numbers are that paper's. The matching, eq. 3 to 14, is GM-MLIC's too:
parts/matching.py. The model of the released code is a different one: released.py.

Shapes: B images, M instances, the whole image first; K of activation maps, C labels, F features.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from labelgraph.models.ml_sgm.instances import (
    SCALES,
    Cells,
    Found,
    Whole,
    with_whole,
)
from labelgraph.models.ml_sgm.objectives import Objective
from labelgraph.models.ml_sgm.released import CellMatching
from labelgraph.parts import components, matching, regions
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.positions import mapped

INSTANCES = ("activation", "cells", "image", "released")
# What is reported: the paper's scores, those of its first stage, or the sum of both.
OUTPUTS = ("matching", "maps", "sum")


class Activation(nn.Module):
    """The labels whose activation map is strong anywhere, at most `limit`, each with its region."""

    def __init__(self, features: int, labels: int, gamma: float, activated: float, limit: int):
        super().__init__()
        self.classify = nn.Linear(features, labels)
        self.gamma, self.activated, self.limit = gamma, activated, min(limit, labels)

    def forward(self, features: Tensor) -> Found:
        cells = features.flatten(2)  # (B, F, h * w)
        maps = mapped(features, self.classify)[0].mT  # (B, C, h * w)
        logits = maps.amax(2)  # (B, C)
        order = logits.detach().argsort(dim=1, descending=True, stable=True)[
            :, : self.limit
        ]  # (B, K)
        maps = maps.gather(1, order[..., None].expand(-1, -1, maps.shape[2])).sigmoid()
        present = logits.detach().gather(1, order).sigmoid() > self.gamma  # (B, K)
        high = maps.detach() > self.activated * maps.detach().amax(2, keepdim=True)
        boxes = components.boxes(high.flatten(0, 1).unflatten(1, features.shape[2:]))
        boxes = boxes.to(features.dtype).unflatten(0, order.shape)  # (B, K, 4)
        sums = maps @ cells.mT  # (B, K, F) eq. 1
        return with_whole(features, Found(sums, maps.sum(2), boxes, present, logits))


class MLSGM(nn.Module):
    """`find` gives instances, `network` their scores; a label has its best instance's."""

    def __init__(
        self, encoder, find, network, objective, reduced, scale, neighbours, maps_weight, output
    ):
        super().__init__()
        self.output = output
        self.encoder, self.find, self.network = encoder, find, network
        self.reduce = nn.Linear(encoder.width, reduced)
        self.objective, self.scale = objective, SCALES[scale]
        self.neighbours, self.maps_weight = neighbours, maps_weight

    def scores(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Logits (B, C), and those of the activation maps, if there are any."""
        features = self.encoder(batch["image"])  # (B, F, h, w)
        found = self.find(features)
        # Eq. 1 sums reduced features; reducing the sums gives the same with fewer products.
        x = linear(found.sums, self.reduce.weight) + found.areas[..., None] * self.reduce.bias
        near = regions.nearest(found.boxes, found.present, self.neighbours)
        corner, opposite = found.boxes.split(2, -1)
        coordinates = torch.cat([corner, opposite - corner], -1)  # (B, M, 4) x, y, w, h
        scores = self.network(self.scale(x), coordinates, near, found.present)  # (B, M, C)
        return matching.best(scores, found.present), found.logits

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        logits, of_maps = self.scores(batch)
        if self.output == "matching":
            return logits
        return of_maps if self.output == "maps" else logits + of_maps

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Eq. 16, 17 or 21, with the minus sign that is missing there; it trains the maps too."""
        logits, of_maps = self.scores(batch)
        loss = self.objective(logits, batch["target"], batch["known"])
        if of_maps is None:
            return loss
        return loss + self.maps_weight * self.objective(of_maps, batch["target"], batch["known"])


def check_output(output: str, instances: str) -> None:
    if output not in OUTPUTS or (output != "matching" and instances != "activation"):
        raise ValueError(
            f"ml_sgm output is {output!r}; it may be one of {OUTPUTS}, and without activation maps"
            " only matching"
        )


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    instances: str,
    cells: int,
    gamma: float,
    activated: float,
    limit: int,
    maps_weight: float,
    reduced: int,
    scale: str,
    neighbours: int,
    edges: list[str],
    encoder_widths: list[int],
    hidden: int,
    widths: list[int],
    decoder_width: int,
    objective: str,
    beta: float,
    proportion: list[float],
    focus: list[float],
    output: str,
) -> nn.Module:
    check_output(output, instances)
    if instances == "released":
        sizes = encoder_widths, len(widths), decoder_width
        return CellMatching(encoder, labels.vectors, reduced, *sizes)
    if instances == "activation":
        find = Activation(encoder.width, len(labels.names), gamma, activated, limit)
        matching.start_at_rates(find.classify, labels.positive_rate)
    elif instances in INSTANCES:
        find = Cells(cells) if instances == "cells" else Whole()
    else:
        raise ValueError(f"ml_sgm instances is {instances!r}; it may be one of {INSTANCES}")
    sizes = encoder_widths, hidden, widths, decoder_width
    network = matching.build(reduced, labels.vectors, edges, *sizes)
    matching.start_at_rates(network.last(), labels.positive_rate)
    aim = Objective(objective, labels.positive_rate, beta, proportion, focus)
    return MLSGM(encoder, find, network, aim, reduced, scale, neighbours, maps_weight, output)
