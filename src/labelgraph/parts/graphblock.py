"""One convolution module of the graph matching network: messages to nodes, updates of edges.

Equation numbers are ML-SGM's (TCSVT 2023). Edges are stored as the hidden values of the function
that made them, see perceptrons.py; `inner` is that function's last layer, or None.

Shapes: B images, M instances, N neighbours of an instance, C labels, d and H widths.
"""

from torch import Tensor, nn

from labelgraph.parts.perceptrons import (
    EdgeChange,
    Message,
    Update,
    changed,
)
from labelgraph.parts.products import linear

Near = tuple[Tensor, Tensor]  # picks (B, M, N, M) and weights (B, M, N) of the neighbours


def of_neighbours(nodes: Tensor, picks: Tensor) -> Tensor:
    """(B, M, H) -> (B, M, N, H)."""
    return (picks.flatten(1, 2) @ nodes).unflatten(1, picks.shape[1:3])


class Block(nn.Module):
    """`parts` names the edges that exist; after the last module only matching edges are read."""

    def __init__(self, size: int, hidden: int, width: int, parts: set[str], last: bool):
        super().__init__()
        self.changes = parts & {"matching"} if last else parts  # kinds of edges that are updated
        for kind in sorted(self.changes):
            setattr(self, f"change_{kind}", EdgeChange(size, hidden, width))
        for kind in ("instances", "labels"):
            if kind in parts:
                setattr(self, f"among_{kind}", Message(size, size, hidden, width))
            if "matching" in parts:
                sender = size if kind == "instances" else width  # labels hear updated instances
                setattr(self, f"across_{kind}", Message(size, sender, hidden, width))
            received = [width] * ((kind in parts) + ("matching" in parts))
            if received or kind == "instances":
                setattr(self, f"update_{kind}", Update([size, *received], width))

    def inner(self, kind: str) -> nn.Linear:
        """The layer that turns the stored hidden values into edges."""
        return getattr(self, f"change_{kind}").update.second

    def from_neighbours(self, inner, edges: Tensor, instances: Tensor, near: Near) -> Tensor:
        """The first half of eq. 6, (B, M, H)."""
        message, (picks, weights) = self.among_instances, near
        senders = of_neighbours(message.senders(instances), picks)  # (B, M, N, H)
        hidden = (linear(edges, *message.merged(inner)) + senders).relu_()
        mean = (weights[:, :, None] @ hidden).squeeze(2)  # (B, M, H)
        return message.finish(mean, weights.sum(-1, keepdim=True))

    def from_labels(self, inner, edges: Tensor, labels: Tensor) -> Tensor:
        """The second half of eq. 6: all labels, (B, M, H)."""
        message = self.across_instances
        hidden = linear(edges, *message.merged(inner)) + message.senders(labels)[:, None]
        return message.finish(hidden.relu_().mean(2))

    def from_instances(self, inner, edges: Tensor, instances: Tensor, share: Tensor) -> Tensor:
        """The second half of eq. 8: the present instances after eq. 7, (B, C, H).

        `share` (B, M) sums to 1.
        """
        message = self.across_labels
        hidden = linear(edges, *message.merged(inner)) + message.senders(instances)[:, :, None]
        mean = share[:, None] @ hidden.relu_().flatten(2)  # (B, 1, C * H)
        mean = mean.view(len(hidden), *hidden.shape[2:])
        return message.finish(mean, share.sum(1)[:, None, None])

    def change(self, inner, kind: str, edges: Tensor, one: Tensor, other: Tensor, picks) -> Tensor:
        """Eq. 10 and 13; eq. 11 is computed where its edges are read."""
        layer = getattr(self, f"change_{kind}")
        one, other = layer.ends(one, other)
        other = of_neighbours(other, picks) if kind == "instances" else other[:, None]
        return changed(edges, one[:, :, None], other, layer.merged(inner))
