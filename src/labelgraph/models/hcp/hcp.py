"""HCP: hypotheses of objects share one scorer, and the strongest answer of each label counts.

Wei et al., "HCP: A Flexible CNN Framework for Multi-Label Image Classification", TPAMI 2016,
https://arxiv.org/abs/1406.5726. The scorer learns from whole images first and then goes on with
hypotheses.

Shapes: B images, C labels, F features of the encoder, R boxes, h x w the encoder's grid.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from labelgraph.models.hcp import hypotheses
from labelgraph.parts import shares
from labelgraph.parts.epochs import Epochs
from labelgraph.parts.labelspace import LabelSpace


def cells_inside(boxes: Tensor, height: int, width: int) -> Tensor:
    """The share of each cell in the mean over a box, (B, R, h * w).

    All cells whose centre is inside count alike; if there is none, the nearest to the box's centre.
    """
    rows = (torch.arange(height, device=boxes.device) + 0.5) / height
    columns = (torch.arange(width, device=boxes.device) + 0.5) / width
    left, top, right, bottom = (side[..., None] for side in boxes.unbind(-1))  # (B, R, 1)
    down = (rows >= top) & (rows <= bottom)  # (B, R, h)
    across = (columns >= left) & (columns <= right)  # (B, R, w)
    inside = (down[..., :, None] & across[..., None, :]).flatten(2).to(boxes.dtype)
    far = ((rows - (top + bottom) / 2) ** 2)[..., :, None]
    far = far + ((columns - (left + right) / 2) ** 2)[..., None, :]  # (B, R, h, w)
    nearest = one_hot(far.flatten(2).argmin(-1), height * width).to(boxes.dtype)
    count = inside.sum(-1, keepdim=True)
    return torch.where(count > 0, inside / count.clamp(min=1), nearest)


class HCP(nn.Module):
    """`expected`: how many labels an image shows, on average."""

    def __init__(self, encoder: nn.Module, scorer: nn.Module, expected: Tensor, **settings):
        super().__init__()
        self.encoder, self.scorer, self.epochs = encoder, scorer, Epochs()
        self.start, self.groups = settings["start"], settings["groups"]
        self.register_buffer("expected", expected, persistent=False)
        self.each = {True: settings["each"], False: settings["test_each"]}
        self.limits = settings["least_area"], settings["most_ratio"]

    def start_epoch(self, epoch: int, steps: int, images: Iterator[dict[str, Tensor]]) -> None:
        self.epochs.start(epoch, steps)

    def of_image(self, features: Tensor) -> Tensor:
        """The whole image as the only hypothesis: (B, C)."""
        return self.scorer(features.mean((2, 3)))

    def of_hypotheses(self, features: Tensor, boxes: Tensor) -> Tensor:
        """Each label's strongest score; without a hypothesis, the whole image's: (B, C)."""
        there = hypotheses.admitted(boxes, *self.limits)
        there = hypotheses.chosen(boxes, there, self.groups, self.each[self.training])
        inside = cells_inside(boxes, *features.shape[2:]).to(features.dtype)
        found = self.scorer(inside @ features.flatten(2).mT)  # (B, R, C)
        best = found.masked_fill(~there[..., None], shares.NEVER).amax(1)
        return torch.where(there.any(1, keepdim=True), best, self.of_image(features))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        scores = self.of_hypotheses(self.encoder(batch["image"]), batch["boxes"])
        return shares.as_logits(scores, self.expected)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Of whole images before epoch `start`, then of hypotheses."""
        features = self.encoder(batch["image"])
        if self.epochs.number() < self.start:
            scores = self.of_image(features)
        else:
            scores = self.of_hypotheses(features, batch["boxes"])
        return shares.squares(scores, batch["target"], batch["known"])


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    hidden: int,
    start: int,
    groups: int,
    each: int,
    test_each: int,
    least_area: float,
    most_ratio: float,
) -> HCP:
    count = len(labels.names)
    scorer: nn.Module = nn.Linear(encoder.width, count)
    if hidden:
        layers = nn.Linear(encoder.width, hidden), nn.ReLU(), nn.Linear(hidden, count)
        scorer = nn.Sequential(*layers)
    chosen = {"groups": groups, "each": each, "test_each": test_each}
    limits = {"least_area": least_area, "most_ratio": most_ratio}
    return HCP(encoder, scorer, shares.expected(labels), start=start, **chosen, **limits)
