"""ML-ZSL: each label's belief about the image is revised by those of labels that WordNet relates.

Lee et al., "Multi-Label Zero-Shot Learning with Structured Knowledge Graphs", CVPR 2018,
https://arxiv.org/abs/1711.06526.

How much a label listens to another is computed from their word vectors, so a label without images
takes part: it has no known entry, and nothing else is needed.

Shapes: B images, C labels, D word-vector size, F features of the encoder, S numbers of a belief, E
edges, H hidden numbers for each kind of edge.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

from labelgraph.parts import wordnet
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import soft_margin

HYPERNYM, SIMILAR, DISSIMILAR = 1, 2, 3  # kinds of edges; 0 is none


def kinds(names: tuple[str, ...], alike: float, apart: float) -> Tensor:
    """(C, C): WordNet's relation of each pair; a label that it does not have is in none."""
    similarity = wordnet.similarities(names)
    found = SIMILAR * (similarity > alike).long() + DISSIMILAR * (similarity < apart).long()
    above = wordnet.kinds_of(names)
    found[above | above.T] = HYPERNYM
    return found.fill_diagonal_(0)


class Relations(nn.Module):
    """The weight of each edge, by a small network of its kind on both labels' word vectors."""

    def __init__(self, kinds: Tensor, vectors: Tensor, hidden: int):
        super().__init__()
        self.register_buffer("vectors", vectors, persistent=False)  # (C, D)
        receiver, sender = kinds.nonzero().T
        edges = torch.stack([receiver, sender, kinds[receiver, sender] - 1])
        self.register_buffer("edges", edges)  # (3, E)
        self.hidden = nn.Linear(2 * vectors.shape[1], DISSIMILAR * hidden)
        self.output = nn.Linear(hidden, DISSIMILAR)

    def forward(self) -> Tensor:
        """(C, C): entry [i, j] is how much label i listens to label j."""
        halves = self.hidden.weight.chunk(2, 1)
        hears, speaks = (
            linear(self.vectors, half).unflatten(1, (DISSIMILAR, -1)) for half in halves
        )  # (C, 3, H) each
        receiver, sender, kind = self.edges
        bias = self.hidden.bias.view(DISSIMILAR, -1)
        inner = relu(hears[receiver, kind] + speaks[sender, kind] + bias[kind])  # (E, H)
        values = (inner * self.output.weight[kind]).sum(-1) + self.output.bias[kind]
        count = len(self.vectors)
        return values.new_zeros(count, count).index_put((receiver, sender), values)


class Gates(nn.Module):
    """A gated recurrent unit, whose reset gate acts on the state before its layer."""

    def __init__(self, size: int):
        super().__init__()
        self.message = nn.Linear(size, 3 * size)  # to update gate, reset gate, candidate
        self.state = nn.Linear(size, 2 * size, bias=False)  # to both gates
        self.candidate = nn.Linear(size, size, bias=False)

    def forward(self, messages: Tensor, states: Tensor) -> Tensor:
        """(B, C, S) each -> the next states."""
        update, reset, candidate = self.message(messages).chunk(3, -1)
        own_update, own_reset = self.state(states).chunk(2, -1)
        kept = torch.sigmoid(reset + own_reset) * states
        candidate = torch.tanh(candidate + self.candidate(kept))
        return states + torch.sigmoid(update + own_update) * (candidate - states)


class MLZSL(nn.Module):
    """Scores each label's belief after some steps on the graph."""

    def __init__(
        self, encoder: nn.Module, vectors: Tensor, relations: Relations | None, **sizes: int
    ):
        super().__init__()
        self.encoder, self.steps = encoder, sizes["steps"]
        self.register_buffer("vectors", vectors)  # (C, D)
        self.image = nn.Linear(encoder.width, sizes["hidden"])
        self.words = nn.Linear(vectors.shape[1], sizes["hidden"], bias=False)
        self.belief = nn.Linear(sizes["hidden"], sizes["size"])
        self.relations = relations
        self.gates = Gates(sizes["size"]) if self.steps else None
        self.score = nn.Linear(sizes["size"], sizes["score_hidden"])
        self.output = nn.Linear(sizes["score_hidden"], 1)

    def first(self, image: Tensor) -> Tensor:
        """Beliefs from the image and each label's words: (B, C, S)."""
        pooled = self.encoder(image).mean((2, 3))  # (B, F)
        # a layer on both together is the sum of a layer on each
        both = self.image(pooled)[:, None] + self.words(self.vectors)  # (B, C, hidden)
        return torch.tanh(self.belief(relu(both)))

    def beliefs(self, image: Tensor) -> list[Tensor]:
        """After 0 steps, 1 step and so on."""
        found = [self.first(image)]
        graph = self.relations() if self.steps else None
        for _ in range(self.steps):
            found.append(self.gates(torch.tanh(graph @ found[-1]), found[-1]))
        return found

    def scores(self, beliefs: Tensor) -> Tensor:
        """(B, C, S) -> logits (B, C); all labels share the layers."""
        return self.output(relu(self.score(beliefs)))[..., 0]

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return self.scores(self.beliefs(batch["image"])[-1])

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Of every step, the last one counting most."""
        found = self.beliefs(batch["image"])
        judged = found[1:] or found
        total = 0.0
        for left, beliefs in enumerate(reversed(judged), 1):
            total = (
                total + soft_margin(self.scores(beliefs), batch["target"], batch["known"]) / left
            )
        return total


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    size: int,
    steps: int,
    hidden: int,
    relation_hidden: int,
    score_hidden: int,
    alike: float,
    apart: float,
) -> MLZSL:
    relations = None
    if steps:
        graph = kinds(labels.names, alike, apart)
        relations = Relations(graph, labels.vectors, relation_hidden)
    sizes = {"size": size, "steps": steps, "hidden": hidden, "score_hidden": score_hidden}
    return MLZSL(encoder, labels.vectors, relations, **sizes)
