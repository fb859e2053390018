"""One file per method, or a folder with a file of that name where the method has parts of its own.

build(labels, encoder, **settings) -> a module with an `encoder`.
"""

from importlib import import_module
from pkgutil import iter_modules

from torch import nn

from labelgraph.parts.labelspace import LabelSpace


def available() -> list[str]:
    return sorted(found.name for found in iter_modules(__path__))


def build(method: str, labels: LabelSpace, encoder: nn.Module, **settings) -> nn.Module:
    """`settings` is the run's `model` block. The module maps a batch to logits (B, C)."""
    if method not in available():
        raise ValueError(f"no method {method!r}; src/labelgraph/models/ has {available()}")
    found = import_module(f"{__name__}.{method}")
    if hasattr(found, "__path__"):
        found = import_module(f"{found.__name__}.{method}")
    return found.build(labels, encoder, **settings)
