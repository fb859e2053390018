"""Views of the inside of a trained model, one file per method: view(model, batch) -> tensors.

A view reads the model and never changes it. It has a file of its own, apart from the method's, so
that a new figure does not train anything again.

    maps       maps (B, C, h, w) where each label is seen, boxes (B, C, 4) around that place
    features   features (B, F) of the whole image
    labels     vectors (B or 1, C, d) of each label; the same for all images, or one for each
    regions    boxes (B, N, 4), before and after (B, N, C) scores of each region, factor (B, N)

Boxes are left, top, right, bottom in fractions of the part of the image that the model reads.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from torch import Tensor, nn

View = Callable[[nn.Module, dict[str, Tensor]], dict[str, Tensor]]


def available() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def find(method: str, view: str) -> View:
    if method not in available():
        raise ValueError(f"nothing can be shown of {method}; inspection/ has {available()}")
    return getattr(import_module(f"{__name__}.{method}"), view)
