"""TSGCN: two label graphs write the classifiers: one of all images, and one of each image's boxes.

Xu et al., "Joint Input and Output Space Learning for Multi-Label Image Classification", IEEE TMM
2021, https://doi.org/10.1109/TMM.2020.3002185.

Only the abstract was at hand, so nearly everything is our reading of it. The paper has the boxes of
a detector that was trained on other images' boxes; here a label's box is around the largest part of
its own map.

Shapes: B images, C labels, P positions, D word-vector size, F features of the encoder, H hidden.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from labelgraph.parts import components, labelgraph
from labelgraph.parts.firstweights import spread_by_outputs
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full
from labelgraph.parts.positions import grid, mapped
from labelgraph.parts.regions import present

SLOPE = 0.2  # of the LeakyReLU between the layers


def overlap(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes (B, C, 4) -> areas of intersection and of union of each pair, (B, C, C)."""
    one, other = boxes[:, :, None], boxes[:, None]
    sides = torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(
        one[..., :2], other[..., :2]
    )
    shared = sides.clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    return shared, area[:, :, None] + area[:, None] - shared


def nearness(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes (B, C, 4) -> distances of centres and mean diagonals of each pair, (B, C, C)."""
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    distance = (centres[:, :, None] - centres[:, None]).norm(dim=-1)
    diagonal = (boxes[..., 2:] - boxes[..., :2]).norm(dim=-1)  # (B, C)
    return distance, (diagonal[:, :, None] + diagonal[:, None]) / 2


def by_distance(boxes: Tensor) -> Tensor:
    distance, diagonal = nearness(boxes)
    return torch.exp(-distance / diagonal.clamp(min=1e-6))


def by_overlap(boxes: Tensor) -> Tensor:
    shared, union = overlap(boxes)
    return shared / union.clamp(min=1e-12)


EDGES = {"distance": by_distance, "overlap": by_overlap}


def spatial_graph(boxes: Tensor, edges: str) -> Tensor:
    """(B, C, C): labels whose boxes overlap or are near hear each other; absent ones themselves."""
    found = present(boxes)
    distance, diagonal = nearness(boxes)
    near = (overlap(boxes)[0] > 0) | (distance < diagonal)
    near = near & found[:, :, None] & found[:, None]
    own = torch.eye(boxes.shape[1], device=boxes.device)
    matrix = EDGES[edges](boxes) * near * (1 - own) + own
    scale = matrix.sum(-1).rsqrt()
    return scale[:, :, None] * matrix * scale[:, None]


class Stream(nn.Module):
    """Two graph convolutions on the word vectors, whose result is a classifier for each label."""

    def __init__(self, words: int, hidden: int, features: int):
        super().__init__()
        self.hidden = nn.Linear(words, hidden, bias=False)
        self.output = nn.Linear(hidden, features, bias=False)
        spread_by_outputs(self.hidden, self.output)

    def forward(self, graph: Tensor, vectors: Tensor) -> Tensor:
        """Graphs (..., C, C) -> classifiers (..., C, F)."""
        return self.output(graph @ leaky_relu(graph @ self.hidden(vectors), SLOPE))


class TSGCN(nn.Module):
    """Scores each label's own feature by the sum of its two classifiers."""

    def __init__(
        self, encoder: nn.Module, vectors: Tensor, graph: Tensor, hidden: int, edges: str | None
    ):
        super().__init__()
        labels, words = vectors.shape
        self.encoder, self.edges = encoder, edges
        self.register_buffer("vectors", vectors)  # (C, D)
        self.register_buffer("graph", graph)  # (C, C)
        self.maps = nn.Linear(encoder.width, labels, bias=False)
        self.semantic = Stream(words, hidden, encoder.width)
        self.spatial = Stream(words, hidden, encoder.width) if edges else None

    def boxes(self, maps: Tensor) -> Tensor:
        """Maps (B, C, h, w) -> the box around the largest part above a half, (B, C, 4)."""
        cells = maps.detach().flatten(0, 1) > 0  # a probability above a half
        return components.boxes(cells).unflatten(0, maps.shape[:2]).to(self.graph.dtype)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = grid(self.encoder(batch["image"]), pooled=False)
        (maps,) = (full(found) for found in mapped(features, self.maps))  # (B, P, C)
        seen = maps.softmax(1).mT @ full(features.flatten(2).mT)  # (B, C, F)
        classifiers = self.semantic(self.graph, self.vectors)  # (C, F)
        if self.spatial is not None:
            boxes = self.boxes(maps.mT.unflatten(2, features.shape[2:]))
            own = spatial_graph(boxes, self.edges)
            classifiers = classifiers + self.spatial(own, self.vectors)  # (B, C, F)
        return (seen * classifiers).sum(-1)


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    hidden: int,
    threshold: float,
    neighbour_weight: float,
    edges: str,
) -> TSGCN:
    """`edges`: how the spatial graph weights them, or none for no such graph."""
    if edges not in (*EDGES, "none"):
        raise ValueError(f"tsgcn edges is {edges!r}; it may be one of {[*EDGES, 'none']}")
    found = labelgraph.threshold(labels.counts, threshold)
    graph = labelgraph.symmetric(labelgraph.reweighted(found, neighbour_weight))
    kind = None if edges == "none" else edges
    return TSGCN(encoder, labels.vectors, graph.to(labels.vectors.dtype), hidden, kind)
