"""Atten-Reinforce: windows at places that the network chooses one after the other, by reward.

Chen et al., "Recurrent Attentional Reinforcement Learning for Multi-label Image Recognition",
AAAI 2018, https://arxiv.org/abs/1712.07465. At each step some windows of several sizes and shapes
are cut out around a place, scored, and read by an LSTM that chooses the next place. The strongest
score of each label counts.

Shapes: B images, C labels, F features of the encoder, k windows, T steps, W width of a code.
"""

import torch
from torch import Tensor, nn

from labelgraph.parts import shares
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.windows import crops

WHOLE = (0.0, 0.0, 1.0, 1.0)
FIXED = ((0, 0), (-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5))  # x, y from -1 to 1
PLACES = ("chosen", "fixed")
MEMORY = 0.9  # how much of the usual reward a step keeps


def shapes(sizes: list[float], ratios: list[float]) -> Tensor:
    """Half the width and height of each window, as shares of the image: (k, 2)."""
    ways = [(size * ratio**0.5 / 2, size / ratio**0.5 / 2) for size in sizes for ratio in ratios]
    return torch.tensor(ways)


def reward(scores: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """The share of an image's n labels among its n strongest known ones, (B,); 0 without any."""
    target = target * known
    count = target.sum(1)
    order = scores.masked_fill(~known, shares.NEVER).argsort(dim=1, descending=True, stable=True)
    first = torch.arange(scores.shape[1], device=scores.device) < count[:, None]
    return (target.gather(1, order) * first).sum(1) / count.clamp(min=1)


class AttenReinforce(nn.Module):
    """`deviation`: of the places that are tried in training, around the one that is proposed."""

    def __init__(self, encoder: nn.Module, labels: LabelSpace, width: int, **settings):
        super().__init__()
        self.encoder, self.steps = encoder, settings["steps"]
        self.points, self.samples = settings["points"], settings["samples"]
        self.deviation, self.chooses = settings["deviation"], settings["places"] == "chosen"
        numbers = encoder.width * self.points**2
        self.code = nn.Sequential(nn.Linear(numbers, width), nn.ReLU())
        self.memory = nn.LSTMCell(width, width)
        self.scorer = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU())
        self.classifier = nn.Linear(width, len(labels.names))
        if self.chooses:
            self.place = nn.Linear(width, 2)
        chosen = shapes(settings["sizes"], settings["ratios"])
        self.register_buffer("shapes", chosen, persistent=False)  # (k, 2)
        self.register_buffer("expected", shares.expected(labels), persistent=False)
        self.register_buffer("usual", torch.zeros(()))  # reward

    def read(self, features: Tensor, boxes: Tensor) -> Tensor:
        """The codes of boxes (R, 4) or (B, R, 4): (B, R, W)."""
        return self.code(crops(features, boxes, self.points, self.samples).flatten(2))

    def seen(self, features: Tensor, place: Tensor) -> Tensor:
        """The codes of the windows around places (B, 2) from -1 to 1: (B, k, W)."""
        centre = ((place.clamp(-1, 1) + 1) / 2)[:, None]  # (B, 1, 2)
        boxes = torch.cat([centre - self.shapes, centre + self.shapes], -1)  # (B, k, 4)
        return self.read(features, boxes)

    def next_place(self, hidden: Tensor, step: int) -> tuple[Tensor, Tensor | float]:
        """Where to look (B, 2), and the logarithm of its density up to a constant (B,)."""
        if not self.chooses:
            fixed = hidden.new_tensor(FIXED[step % len(FIXED)])
            return fixed.expand(len(hidden), 2), 0.0
        proposed = torch.tanh(self.place(hidden.detach()))  # the reward teaches places alone
        place = proposed.detach()
        if self.training:
            place = place + self.deviation * torch.randn_like(place)
        return place, -((place - proposed) / self.deviation).square().sum(1) / 2

    def look(self, features: Tensor) -> tuple[Tensor, Tensor | float]:
        """Scores (B, C), and the logarithm of the density of all places."""
        whole = features.new_tensor([WHOLE])  # shows where to look first; it has no scores
        state = self.memory(self.read(features, whole)[:, 0])
        scores, density = [], 0.0
        for step in range(self.steps):
            place, chance = self.next_place(state[0], step)
            density = density + chance
            codes = self.seen(features, place)  # (B, k, W)
            state = self.memory(codes.mean(1), state)
            both = torch.cat([codes, state[0][:, None].expand_as(codes)], -1)
            scores.append(self.classifier(self.scorer(both)).amax(1))  # (B, C)
        return torch.stack(scores).amax(0), density

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return shares.as_logits(self.look(self.encoder(batch["image"]))[0], self.expected)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Of the scores, and of places that were rewarded less than usual."""
        scores, density = self.look(self.encoder(batch["image"]))
        target, known = batch["target"], batch["known"]
        shown = (target * known).sum(1) > 0  # without a label nothing can be rewarded
        found = reward(scores.detach(), target, known)
        better = (found - self.usual) * shown
        if self.training:
            count = shown.sum()
            mean = torch.where(count > 0, (found * shown).sum() / count.clamp(min=1), self.usual)
            self.usual.mul_(MEMORY).add_((1 - MEMORY) * mean)
        guided = (better * density).sum() / shown.sum().clamp(min=1)
        return shares.squares(scores, target, known) - guided


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    steps: int,
    points: int,
    samples: int,
    sizes: list[float],
    ratios: list[float],
    deviation: float,
    places: str,
) -> AttenReinforce:
    if places not in PLACES:
        raise ValueError(f"atten_reinforce places is {places!r}; it may be one of {PLACES}")
    cut = {"points": points, "samples": samples, "sizes": sizes, "ratios": ratios}
    policy = {"steps": steps, "deviation": deviation, "places": places}
    return AttenReinforce(encoder, labels, width, **policy, **cut)
