"""CMA: positions and labels meet in one space, whose cosines are each label's attention.

You et al., "Cross-Modality Attention with Semantic Graph Embedding for Multi-Label Classification",
AAAI 2020, https://arxiv.org/abs/1912.07872, on one scale.

Label embeddings come first: their cosines follow how often labels occur together. Then they rest.

Shapes: B images, C labels, P positions, D word-vector size, F features of the encoder, W width of
the common space.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, normalize, relu

from labelgraph.parts import labelgraph
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full, weighted
from labelgraph.parts.positions import grid, mapped

SLOPE = 0.2  # of the LeakyReLU between the layers of the embedding


def together(counts: Tensor) -> Tensor:
    """(C, C): the mean of P(i | j) and P(j | i), with a diagonal of 1."""
    given = labelgraph.conditional(counts)
    return ((given + given.T) / 2).fill_diagonal_(1)


def disagreement(embeddings: Tensor, graph: Tensor, least: float) -> Tensor:
    """Squared differences of cosine and graph, summed over pairs that are not both weak."""
    unit = normalize(embeddings, dim=1)
    cosine = unit @ unit.T
    strong = (graph >= least) | (cosine >= least)
    return ((cosine - graph).square() * strong).sum()


def embedded(
    vectors: Tensor, graph: Tensor, width: int, least: float, steps: int, rate: float
) -> Tensor:
    """Two layers on the word vectors, learned without images: directions (C, W)."""
    first, last = (
        nn.Linear(inside, width, device=vectors.device, dtype=vectors.dtype)
        for inside in (vectors.shape[1], width)
    )
    optimizer = torch.optim.Adam([*first.parameters(), *last.parameters()], rate)
    for _ in range(steps):
        optimizer.zero_grad()
        disagreement(last(leaky_relu(first(vectors), SLOPE)), graph, least).backward()
        optimizer.step()
    return normalize(last(leaky_relu(first(vectors), SLOPE)).detach(), dim=1)


class CMA(nn.Module):
    """Scores each label at the positions whose direction is like its embedding's."""

    def __init__(
        self, encoder: nn.Module, labels: LabelSpace, width: int, beta: float, **embedding: float
    ):
        super().__init__()
        self.encoder, self.embedding, self.beta = encoder, embedding, beta
        count, dtype = len(labels.names), labels.vectors.dtype
        self.register_buffer("vectors", labels.vectors)  # (C, D)
        self.register_buffer("graph", together(labels.counts).to(dtype))  # (C, C)
        self.register_buffer("rate", labels.positive_rate)  # (C,)
        self.register_buffer("embeddings", torch.zeros(count, width, dtype=dtype))  # (C, W)
        self.transform = nn.Linear(encoder.width, width, bias=False)  # the normalisation has a bias
        self.norm = nn.BatchNorm2d(width)
        self.classifier = nn.Linear(encoder.width, count)

    def start_epoch(self, epoch: int, steps: int, images: Iterator[dict[str, Tensor]]) -> None:
        """Before the first epoch, the embeddings learn."""
        if self.embeddings.any():
            return
        width = self.embeddings.shape[1]
        with torch.enable_grad(), torch.autocast(self.vectors.device.type, enabled=False):
            found = embedded(self.vectors, self.graph, width, **self.embedding)
        self.embeddings.copy_(found)

    def shares(self, features: Tensor) -> Tensor:
        """Features (B, F, h, w) -> attention (B, P, C), whose sum over positions is 1."""
        (found,) = mapped(features, self.transform)  # (B, P, W)
        found = self.norm(found.mT.unflatten(2, features.shape[2:])).flatten(2).mT
        cosine = relu(normalize(relu(full(found)), dim=2) @ self.embeddings.T)  # (B, P, C)
        total = cosine.sum(1, keepdim=True)
        return torch.where(total > 0, cosine / total.clamp(min=1e-12), 1 / cosine.shape[1])

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = grid(self.encoder(batch["image"]), pooled=False)
        # the score of a weighted mean of positions is the weighted mean of their scores
        scores = mapped(features, self.classifier)[0]  # (B, P, C)
        return (self.shares(features) * full(scores)).sum(1)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        logits = self(batch)
        return weighted(logits, batch["target"], batch["known"], self.rate, self.beta)


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    width: int,
    beta: float,
    least: float,
    embed_steps: int,
    embed_rate: float,
) -> CMA:
    embedding = {"least": least, "steps": embed_steps, "rate": embed_rate}
    return CMA(encoder, labels, width, beta, **embedding)
