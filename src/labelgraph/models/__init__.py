"""One file per method: build(labels, encoder, **settings) -> a module with an `encoder`."""

from importlib import import_module
from pathlib import Path

from torch import nn

from labelgraph.labelspace import LabelSpace


def available() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def build(method: str, labels: LabelSpace, encoder: nn.Module, **settings) -> nn.Module:
    """`settings` is the run's `model` block. The module maps a batch to logits (B, C)."""
    if method not in available():
        raise ValueError(f"no method {method!r}; src/labelgraph/models/ has {available()}")
    return import_module(f"{__name__}.{method}").build(labels, encoder, **settings)
