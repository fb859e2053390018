"""KSSNet: a graph of labels that occur together, with one of what is known of them laid over it.

Wang et al., "Multi-Label Classification with Label Graph Superimposing", AAAI 2020,
https://arxiv.org/abs/1911.09243. Where only the last features are at hand, one lateral connection
after them takes the place of three inside the encoder.

Shapes: B images, C labels, P positions, D word-vector size, F features of the encoder.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, leaky_relu, normalize, relu

from labelgraph.parts import labelgraph, wordnet
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import full
from labelgraph.parts.positions import positions

SLOPE = 0.2  # of every LeakyReLU
LEAST_RANK = 32


def of_wordnet(names: tuple[str, ...], alike: float) -> Tensor:
    """(C, C): how similar two labels are, if more than `alike` or if one is a kind of the other."""
    similarity = wordnet.similarities(names).nan_to_num(0.0)
    above = wordnet.kinds_of(names)
    return torch.where((similarity > alike) | above | above.T, similarity, 0.0).fill_diagonal_(0)


def of_conceptnet(labels: LabelSpace) -> Tensor:
    if labels.edges is None:
        raise ValueError("kssnet knowledge is conceptnet, and the training got no edges of labels")
    return labels.edges.double()


def superimposed(counts: Tensor, known: Tensor, mix: float, cut: float, share: float) -> Tensor:
    """(C, C), symmetric; its largest eigenvalue is 1. `mix`: the part of what is known."""
    own = torch.eye(len(counts), dtype=torch.double)
    given = labelgraph.conditional(counts).fill_diagonal_(1)
    occurring = labelgraph.symmetric((given + given.T) / 2)
    both = mix * labelgraph.symmetric(known + own) + (1 - mix) * occurring
    kept = torch.where(both < cut, 0.0, both)
    return labelgraph.symmetric(share * kept + (1 - share) * own)


class GraphLayers(nn.Module):
    """Graph convolutions whose weights are products of two narrow ones."""

    def __init__(self, graph: Tensor, words: Tensor, widths: list[int]):
        super().__init__()
        self.register_buffer("graph", graph)  # (C, C)
        self.register_buffer("words", words)  # (C, D), of length 1
        sizes = list(pairwise([words.shape[1], *widths]))
        ranks = [max(LEAST_RANK, (inside + outside) // 8) for inside, outside in sizes]
        both = list(zip(sizes, ranks, strict=True))
        self.narrow = nn.ModuleList(nn.Linear(size[0], rank, bias=False) for size, rank in both)
        self.widen = nn.ModuleList(nn.Linear(rank, size[1]) for size, rank in both)

    def forward(self) -> Tensor:
        """The last layer's labels, (C, F), each number between -1 and 1."""
        x = self.words
        for place, (narrow, widen) in enumerate(zip(self.narrow, self.widen, strict=True)):
            x = widen(self.graph @ narrow(leaky_relu(x, SLOPE) if place else x))
        return torch.tanh(x)


class Lateral(nn.Module):
    """Adds to each position what it has in common with the labels, then a layer on the sum.

    The layer's weights are a product of two narrow ones, as the graph's are.
    """

    def __init__(self, labels: int, features: int, width: int):
        super().__init__()
        self.back = nn.Linear(labels, features, bias=False)
        self.down = nn.Linear(features, width, bias=False)
        self.up = nn.Linear(width, features)
        nn.init.zeros_(self.back.weight)  # features start as the encoder gives them

    def forward(self, found: Tensor, labels: Tensor) -> Tensor:
        """Positions (B, P, F) and labels (C, F) -> positions (B, P, F)."""
        found = found + self.back(found @ labels.T)
        return found + relu(self.up(self.down(found)))


class KSSNet(nn.Module):
    """Scores the mean position by the graph's classifiers, and by plain ones."""

    def __init__(
        self, encoder: nn.Module, graph: GraphLayers, lateral: Lateral | None, dropped: float
    ):
        super().__init__()
        self.encoder, self.graph, self.lateral = encoder, graph, lateral
        self.dropped = dropped
        self.classifier = nn.Linear(encoder.width, len(graph.graph))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        labels = self.graph()  # (C, F)
        found = self.encoder(batch["image"])
        if self.lateral is None:
            pooled = found.mean((2, 3))
        else:
            pooled = self.lateral(positions(found, pooled=False), labels).mean(1)  # (B, F)
        pooled = dropout(pooled, self.dropped, self.training)
        return full(pooled @ labels.T.to(pooled.dtype)) + full(self.classifier(pooled))


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    graph_widths: list[int],
    knowledge: str,
    alike: float,
    mix: float,
    cut: float,
    share: float,
    lateral: bool,
    lateral_width: int,
    dropout: float,
) -> KSSNet:
    """`knowledge`: wordnet, or conceptnet, whose edges are an input of the training."""
    if knowledge not in ("wordnet", "conceptnet"):
        raise ValueError(f"kssnet knowledge is {knowledge!r}; it may be wordnet or conceptnet")
    known = of_wordnet(labels.names, alike) if knowledge == "wordnet" else of_conceptnet(labels)
    dtype = labels.vectors.dtype
    graph = superimposed(labels.counts, known, mix, cut, share).to(dtype)
    layers = GraphLayers(graph, normalize(labels.vectors, dim=1), [*graph_widths, encoder.width])
    count = len(labels.names)
    side = Lateral(count, encoder.width, lateral_width) if lateral else None
    return KSSNet(encoder, layers, side, dropout)
