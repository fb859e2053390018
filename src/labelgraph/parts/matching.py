"""Graph matching: which instance of an image belongs to which label.

GM-MLIC (IJCAI 2021), eq. 3 to 13, is ML-SGM (TCSVT 2023), eq. 4 to 14; numbers below are ML-SGM's.
Instances receive messages from their neighbours in the image, labels from all other labels, and
instances and labels from each other. Instances are updated first, then labels, then the edges.

Every function of the papers is a perceptron of two layers. A layer over joined inputs is a sum of
one product for each input, so what an edge takes from its two ends is computed once per node
and added by broadcasting. The second layer of one function and the first of the next, with nothing
between them, are one matrix: edges are stored as the hidden values of the function that made them.

Shapes: B images, M instances, N neighbours of an instance, C labels, F features, D word-vector
size, d and H widths.
"""

import torch
from torch import Tensor, nn

from labelgraph.parts.graphblock import Block, Near, of_neighbours
from labelgraph.parts.perceptrons import (
    Encoder,
    Perceptron,
    by_rows,
    changed,
    merge,
)
from labelgraph.parts.products import linear, through

KINDS = ("instances", "labels", "matching")  # of edges
LEAST = 0.01  # lowest initial score of a label, as a probability


class Matching(nn.Module):
    """`parts` names the kinds of edges; without edges to labels, labels are one linear layer."""

    def __init__(
        self,
        features: int,
        words: Tensor,
        parts: set[str],
        encoder_widths: list[int],
        hidden: int,
        widths: list[int],
        decoder_width: int,
    ):
        super().__init__()
        self.register_buffer("words", words)  # (C, D)
        sizes = {
            "instance": [features],
            "label": [words.shape[1]],
            "instances": [4, 4],
            "labels": [words.shape[1]] * 2,
            "matching": [features, words.shape[1]],
        }
        self.worded = bool(parts & {"labels", "matching"})
        there = parts | {"instance"} | ({"label"} if self.worded else set())
        self.encode = nn.ModuleDict(
            {kind: Encoder(size, encoder_widths) for kind, size in sizes.items() if kind in there}
        )
        steps = zip([encoder_widths[-1], *widths], widths, strict=False)
        self.blocks = nn.ModuleList(
            Block(size, hidden, width, parts, last=place == len(widths) - 1)
            for place, (size, width) in enumerate(steps)
        )
        ends = [widths[-1]] * (1 if "matching" in parts else 2)
        worded = Perceptron(ends, decoder_width, 1)
        self.decode = worded if self.worded else nn.Linear(widths[-1], len(words))

    def forward(self, x: Tensor, coordinates: Tensor, near: Near, present: Tensor) -> Tensor:
        """Instances (B, M, F) with edge coordinates (B, M, 4) -> scores before eq. 15, (B, M, C).

        `present` is (B, M); absent instances send no messages, and their scores are meaningless.
        """
        instances = self.encode["instance"](x)  # (B, M, d)
        labels = self.encode["label"](self.words)[None] if self.worded else None  # (1, C, d)
        edges = self.encoded(x, coordinates, near[0])
        share = present.to(x.dtype) / present.sum(1, keepdim=True).clamp(min=1)  # (B, M)
        inner, changes = dict.fromkeys(KINDS), []  # changes: what label nodes add to their edges
        for block in self.blocks:
            across = inner["matching"], edges.get("matching")
            received = []
            if "instances" in edges:
                state = inner["instances"], edges["instances"]
                received.append(block.from_neighbours(*state, instances, near))
            if "matching" in edges:
                received.append(block.from_labels(*across, labels))
            instances = block.update_instances(instances, *received)  # (B, M, H) eq. 7
            if self.worded:
                received = self.heard_by_labels(block, edges, labels, changes)
                if "matching" in edges:
                    received.append(block.from_instances(*across, instances, share))
                labels = block.update_labels(labels, *received)  # (B or 1, C, H) eq. 9
            ends = {"instances": instances, "matching": labels}
            for kind in sorted(ends.keys() & block.changes):
                values = edges[kind], instances, ends[kind], near[0]
                edges[kind] = block.change(inner[kind], kind, *values)
                inner[kind] = block.inner(kind)
            if "labels" in block.changes:
                changes.append((block.change_labels, block.change_labels.ends(labels, labels)))
        return self.decoded(edges, instances, labels)

    def encoded(self, x: Tensor, coordinates: Tensor, picks: Tensor) -> dict[str, Tensor]:
        """Eq. 2 to 5. Edges between labels do not depend on the image yet: one set for all."""
        words, edges = self.words, {}
        if "instances" in self.encode:
            ends = coordinates[:, :, None], of_neighbours(coordinates, picks)
            edges["instances"] = self.encode["instances"](*ends)  # (B, M, N, d)
        if "labels" in self.encode:
            encode = self.encode["labels"]
            edges["labels"] = by_rows(  # (C, C, d)
                lambda rows: encode(words[rows, None], words[None]),
                len(words),
                3 * len(words) * encode.first.out_features,
                0,
            )
        if "matching" in self.encode:
            edges["matching"] = self.encode["matching"](x[:, :, None], words)  # (B, M, C, d)
        return edges

    def heard_by_labels(self, block: Block, edges: dict, labels: Tensor, changes: list) -> list:
        """From other labels, if there are edges between them."""
        if "labels" not in edges:
            return []
        return [self.from_labels(block, edges["labels"], labels, changes)]

    def from_labels(self, block: Block, edges: Tensor, labels: Tensor, changes: list) -> Tensor:
        """The first half of eq. 8: all labels but itself, (B, C, H).

        The edges between all labels of an image are too many to store, and nothing else reads them:
        they are computed row by row from their encoding through the modules so far, eq. 11.
        """
        count, inner, steps = len(edges), None, []
        for layer, ends in changes:
            steps.append((ends, layer.merged(inner)))
            inner = layer.update.second
        message = block.among_labels
        merged, senders = message.merged(inner), message.senders(labels)  # senders (B, C, H)
        alone = torch.eye(count, device=labels.device, dtype=labels.dtype)
        apart = (1 - alone) / max(count - 1, 1)  # (C, C)

        def rows(chosen: slice) -> Tensor:
            hidden = edges[chosen]  # (r, C, d)
            for (one, other), weights in steps:
                hidden = changed(hidden, one[:, chosen, None], other[:, None], weights)
            hidden = (linear(hidden, *merged) + senders[:, None]).relu_()  # (B, r, C, H)
            return (apart[chosen, None].to(hidden.dtype) @ hidden).squeeze(-2)  # (B, r, H)

        numbers = senders.shape[-1] + sum(2 * one.shape[-1] for (one, _), _ in steps)
        mean = by_rows(rows, count, len(senders) * count * numbers, 1)
        return message.finish(mean, apart.sum(1, keepdim=True))

    def last(self) -> nn.Linear:
        return self.decode.second if self.worded else self.decode

    def decoded(self, edges: dict, instances: Tensor, labels: Tensor | None) -> Tensor:
        """Eq. 14, before its sigmoid; without matching edges, from both nodes side by side."""
        if not self.worded:
            return self.decode(instances)
        first = self.decode.first
        if "matching" in edges:
            inner = self.blocks[-1].inner("matching")
            hidden = linear(edges["matching"], *merge(first.weight, first.bias, inner))
        else:
            one, other = self.decode.input_weights()
            hidden = linear(instances, one)[:, :, None] + linear(labels, other, first.bias)[:, None]
        return through(self.decode.second, hidden.relu_()).squeeze(-1)  # (B, M, C)


def best(scores: Tensor, present: Tensor) -> Tensor:
    """The maximum over the present instances, eq. 15: (B, M, C) -> (B, C)."""
    return scores.masked_fill(~present[..., None], -torch.inf).amax(1)


@torch.no_grad()
def start_at_rates(layer: nn.Linear, rate: Tensor) -> None:
    """Sets a last layer's bias so that scores start at the labels' rates (C,), not at one half.

    A single score for all labels starts at their mean. Learning the bias would take hundreds of
    steps, in which the maximum over instances learns nothing else.
    """
    rate = rate if len(layer.bias) == len(rate) else rate.mean()
    layer.bias.copy_(rate.clamp(LEAST, 1 - LEAST).logit())


class Alone(nn.Linear):
    """Instances without any edges: a linear layer scores each."""

    def last(self) -> nn.Linear:
        return self

    def forward(self, x: Tensor, *_: Tensor) -> Tensor:
        return super().forward(x)


def build(
    features: int,
    words: Tensor,
    edges: list[str],
    encoder_widths: list[int],
    hidden: int,
    widths: list[int],
    decoder_width: int,
) -> nn.Module:
    """`edges` is a list of KINDS; the module scores instances against labels, (B, M, C)."""
    if unknown := set(edges) - set(KINDS):
        raise ValueError(f"edges has {sorted(unknown)}; known are {KINDS}")
    if not edges:
        return Alone(features, len(words))
    words = words / words.std()  # the scale of other inputs, for equally fast learning
    return Matching(features, words, set(edges), encoder_widths, hidden, widths, decoder_width)
