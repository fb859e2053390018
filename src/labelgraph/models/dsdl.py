"""DSDL: word vectors become a dictionary of image features; the scores are an image's code in it.

Zhou et al., "Deep Semantic Dictionary Learning for Multi-label Image Classification", AAAI 2021,
https://arxiv.org/abs/2012.12509.

Shapes: B images, C labels, D word-vector size, F features of the encoder, H hidden.
"""

import torch
from torch import Tensor, nn
from torch.linalg import cholesky_ex, norm
from torch.nn.functional import cosine_similarity, leaky_relu

from labelgraph.parts.firstweights import spread_by_outputs
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full, soft_margin

SLOPE = 0.2  # of the LeakyReLU between the layers
LEAST = 0.1  # lowest similarity that divides the loss; at or below 0 the loss would change its sign


class DSDL(nn.Module):
    """Encodes the strongest response of every feature by ridge regression on the dictionary."""

    def __init__(
        self, encoder: nn.Module, vectors: Tensor, hidden: int, ridge: float, penalty: float
    ):
        super().__init__()
        self.encoder, self.ridge, self.penalty = encoder, ridge, penalty
        self.register_buffer("vectors", vectors)  # (C, D)
        self.hidden = nn.Linear(vectors.shape[1], hidden, bias=False)
        self.output = nn.Linear(hidden, encoder.width, bias=False)
        spread_by_outputs(self.hidden, self.output)

    def dictionary(self) -> Tensor:
        """One atom per label, (C, F)."""
        return self.output(leaky_relu(self.hidden(self.vectors), SLOPE))

    def words(self, dictionary: Tensor) -> Tensor:
        """Decodes a dictionary with the same weights: word vectors (C, D)."""
        return leaky_relu(dictionary @ self.output.weight, SLOPE) @ self.hidden.weight

    def code(self, features: Tensor, dictionary: Tensor) -> Tensor:
        """(D D^T + ridge I)^-1 D f for each image's f: (B, C)."""
        gram = dictionary @ dictionary.T  # (C, C)
        gram = gram + self.ridge * torch.eye(len(gram), device=gram.device, dtype=gram.dtype)
        factor = cholesky_ex(gram).L  # unlike `cholesky`, does not wait for the device
        return torch.cholesky_solve(dictionary @ features.T, factor).T

    def pooled(self, batch: dict[str, Tensor]) -> Tensor:
        return full(self.encoder(batch["image"]).amax((2, 3)))  # (B, F)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = self.pooled(batch)
        with torch.autocast(features.device.type, enabled=False):  # half precision is not enough
            return self.code(features, self.dictionary())

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Classification and reconstruction, over the similarity of decoded and given words."""
        features = self.pooled(batch)
        with torch.autocast(features.device.type, enabled=False):
            dictionary = self.dictionary()
            code = self.code(features, dictionary)
            classified = soft_margin(code, batch["target"], batch["known"])
            rebuilt = norm(code @ dictionary - features) + self.ridge * norm(code)
            similarity = cosine_similarity(self.words(dictionary), self.vectors).mean()
            return (classified + self.penalty * rebuilt) / similarity.clamp(min=LEAST)


def build(
    labels: LabelSpace, encoder: nn.Module, *, hidden: int, ridge: float, penalty: float
) -> DSDL:
    if ridge <= 0:
        raise ValueError(f"dsdl ridge is {ridge}; it must be above 0, or the code has no solution")
    return DSDL(encoder, labels.vectors, hidden, ridge, penalty)
