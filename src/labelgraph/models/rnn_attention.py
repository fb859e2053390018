"""RNN-Attention: a recurrent network looks at one region after the other and scores all labels.

Wang et al., "Multi-label Image Recognition by Recurrently Discovering Attentional Regions", ICCV
2017, https://arxiv.org/abs/1711.02816.

Shapes: B images, C labels, K regions of S x S samples, F features of the encoder, h x w its grid, X
width of a region's vector, H of the state, Z of the layer behind it. A region is scale and shift
along both axes, (sx, sy, tx, ty); the map goes from -1 to 1.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full
from labelgraph.parts.positions import positions

WHOLE = (1.0, 1.0, 0.0, 0.0)
RADIUS = 0.5**0.5  # of the circle of anchors


def weights(scale: Tensor, shift: Tensor, samples: int, size: int) -> Tensor:
    """How much each cell counts for each sample along one axis, (B, S, size); none outside.

    The outer samples of a region lie on its edges, and the map's edges are the centres of its
    outer cells.
    """
    like = {"dtype": scale.dtype, "device": scale.device}
    end = 1.0 if samples > 1 else 0.0
    places = scale[:, None] * torch.linspace(-end, end, samples, **like) + shift[:, None]  # (B, S)
    places = (places + 1) / 2 * (size - 1)  # in cells
    return relu(1 - (places[..., None] - torch.arange(size, **like)).abs())


def region(cells: Tensor, size: tuple[int, int], place: Tensor, samples: int) -> Tensor:
    """Bilinear samples (B, S * S, F) of regions (B, 4); `cells` (B, h * w, F), `size` h and w."""
    across, down, right, below = place.unbind(1)
    rows = weights(down, below, samples, size[0])  # (B, S, h)
    columns = weights(across, right, samples, size[1])  # (B, S, w)
    both = rows[:, :, None, :, None] * columns[:, None, :, None]  # (B, S, S, h, w)
    return both.flatten(3).flatten(1, 2) @ cells


def pooled(found: Tensor, samples: int) -> Tensor:
    """The maxima of 2 x 2 samples, again (B, ., F)."""
    return max_pool2d(found.mT.unflatten(2, (samples, samples)), 2).flatten(2).mT


def anchors(regions: int) -> Tensor:
    """(K - 1, 2): points on a circle, for all regions but the first; for K = 5 on the diagonals."""
    count = max(regions - 1, 1)
    angles = (torch.arange(regions - 1) + 0.5) * 2 * math.pi / count
    return RADIUS * torch.stack([angles.cos(), angles.sin()], 1)


class RNNAttention(nn.Module):
    """The strongest response of each label over all regions but the first, the whole map."""

    def __init__(
        self,
        encoder: nn.Module,
        labels: int,
        regions: int,
        samples: int,
        pooled: bool,
        widths: tuple[int, int, int],
        penalties: dict[str, float],
        threshold: float,
    ):
        super().__init__()
        self.encoder, self.regions, self.samples, self.pooled = encoder, regions, samples, pooled
        self.penalties, self.threshold = penalties, threshold
        vector, state, hidden = widths
        side = samples // 2 if pooled else samples
        self.vector = nn.Linear(encoder.width * side**2, vector)
        self.cell = nn.LSTMCell(vector, state)
        self.hidden = nn.Linear(state, hidden)
        self.classifier = nn.Linear(hidden, labels)
        self.place = nn.Linear(hidden, 4)  # of the next region
        nn.init.zeros_(self.place.weight)
        self.register_buffer("anchors", anchors(regions))
        with torch.no_grad():
            self.place.bias.copy_(torch.tensor(WHOLE))

    def look(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, K, C) and the regions they are from, (B, K, 4)."""
        cells, size = positions(features, pooled=False), features.shape[2:]  # (B, P, F)
        place = features.new_tensor(WHOLE).expand(len(features), -1)
        state, scores, places = None, [], []
        for step in range(self.regions + 1):
            found = region(cells, size, place, self.samples)  # (B, S * S, F)
            if self.pooled:
                found = pooled(found, self.samples)
            state = self.cell(relu(self.vector(found.flatten(1))), state)
            hidden = relu(self.hidden(state[0]))
            if step:
                scores.append(self.classifier(hidden))
                places.append(place)
            place = full(self.place(hidden))
        return full(torch.stack(scores, 1)), torch.stack(places, 1)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C), which are 0 where a label's share in the softmax is the threshold."""
        scores, _ = self.look(self.encoder(batch["image"]))
        return scores.amax(1).log_softmax(1) - math.log(self.threshold)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Squared distance of the softmax from equal shares of the image's labels; penalties.

        Images without a label have no shares.
        """
        scores, places = self.look(self.encoder(batch["image"]))
        known = batch["known"]
        target = batch["target"] * known
        count = target.sum(1, keepdim=True)  # (B, 1)
        away = scores.amax(1).softmax(1) - target / count.clamp(min=1)
        squares = away.square() * known * (count > 0)
        return squares.sum() / (count > 0).sum().clamp(min=1) + self.penalty(places)

    def penalty(self, places: Tensor) -> Tensor:
        """Regions should be small, the right way round, and near their anchors."""
        scale, shift = places.split(2, 2)  # (B, K, 2) each
        given, images = self.penalties, len(places)
        small = relu(scale.abs() - given["largest"]).square().sum()
        upright = relu(given["smallest"] - scale).sum()
        near = (shift[:, 1:] - self.anchors).square().sum() / 2
        found = small + given["anchor"] * near + given["upright"] * upright
        return given["all"] * found / images


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    regions: int,
    samples: int,
    pooled: bool,
    vector: int,
    state: int,
    hidden: int,
    largest: float,
    smallest: float,
    anchor: float,
    upright: float,
    penalty: float,
    threshold: float,
) -> RNNAttention:
    penalties = {"largest": largest, "smallest": smallest}
    penalties |= {"anchor": anchor, "upright": upright, "all": penalty}
    count, widths = len(labels.names), (vector, state, hidden)
    return RNNAttention(encoder, count, regions, samples, pooled, widths, penalties, threshold)
