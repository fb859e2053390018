"""A layer of a transformer, with normalisation after each of its two steps.

Shapes: B images, Q queries, N keys, W width of a token, A heads.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import relu, scaled_dot_product_attention


class Attention(nn.Module):
    """Each query reads the values by its likeness to the keys, in several heads."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        if width % heads:
            raise ValueError(f"width is {width}; its {heads} heads need a multiple of {heads}")
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)  # the softmax would cancel a bias
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        bound = (6 / (4 * width)) ** 0.5  # torch's, for queries, keys and values as one layer
        for layer in (self.query, self.key, self.value):
            nn.init.uniform_(layer.weight, -bound, bound)
        for layer in (self.query, self.value, self.output):
            nn.init.zeros_(layer.bias)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Queries (B, Q, W), keys and values (B, N, W) -> (B, Q, W)."""
        three = (self.query(queries), self.key(keys), self.value(values))
        split = [x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in three]
        dropout = self.dropout if self.training else 0.0
        found = scaled_dot_product_attention(*split, dropout_p=dropout)  # (B, A, Q, W / A)
        return self.output(found.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention, then a feed-forward network."""

    def __init__(
        self,
        width: int,
        heads: int,
        feedforward: int,
        dropout: float,
        bend: Callable[[Tensor], Tensor] = relu,
    ):
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.up = nn.Linear(width, feedforward)
        self.down = nn.Linear(feedforward, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(dropout)
        self.bend = bend

    def forward(self, states: Tensor, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The states (B, Q, W) of the queries after the layer."""
        heard = self.attention(queries, keys, values)
        x = self.norms[0](states + self.dropout(heard))
        step = self.down(self.dropout(self.bend(self.up(x))))
        return self.norms[1](x + self.dropout(step))
