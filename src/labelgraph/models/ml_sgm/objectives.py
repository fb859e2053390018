"""The three objectives of ML-SGM: all labels known, some unknown, or few examples.

Shapes: logits, target, known: (B, C).
"""

from torch import Tensor, nn

from labelgraph.parts import losses

OBJECTIVES = ("weighted", "partial", "asymmetric")


class Objective(nn.Module):
    """`rate` (C,): a label's frequency. `proportion`: alpha, theta, mu; `focus`: +, -, m."""

    def __init__(
        self, name: str, rate: Tensor, beta: float, proportion: list[float], focus: list[float]
    ):
        super().__init__()
        if name not in OBJECTIVES:
            raise ValueError(f"the objective is {name!r}; it may be one of {OBJECTIVES}")
        self.register_buffer("rate", rate)
        self.name, self.beta, self.proportion, self.focus = name, beta, proportion, focus

    def forward(self, logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
        entries = logits, target, known
        if self.name == "weighted":
            return losses.weighted(*entries, self.rate, self.beta)
        if self.name == "partial":
            return losses.partial(*entries, *self.proportion)
        return losses.asymmetric(*entries, *self.focus)
