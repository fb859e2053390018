"""Helpers that the views of several methods share."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from labelgraph.parts import components


@contextmanager
def outputs(module: nn.Module) -> Iterator[list[Tensor]]:
    """Collects the outputs of `module` while the block runs."""
    found: list[Tensor] = []
    handle = module.register_forward_hook(lambda _, __, output: found.append(output))
    try:
        yield found
    finally:
        handle.remove()


def linear_maps(features: Tensor, classifiers: Tensor) -> Tensor:
    """Class activation maps (B, C, h, w): each position against each label's classifier."""
    maps = classifiers @ features.flatten(2)  # (C, F) and (B, F, h * w)
    return maps.unflatten(2, features.shape[2:])


def located(maps: Tensor, share: float) -> dict[str, Tensor]:
    """Maps clamped at 0, and the box around the largest part above `share` of the maximum."""
    high = maps > share * maps.amax((2, 3), keepdim=True)
    boxes = components.boxes(high.flatten(0, 1)).unflatten(0, maps.shape[:2])
    return {"maps": maps, "boxes": boxes.float()}


def label_nodes(model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The label nodes of a matching network after its last module, (B or 1, C, d)."""
    last = getattr(model.network, "blocks", [None])[-1]
    if not hasattr(last, "update_labels"):
        raise ValueError("this variant has no label nodes; show one with edges of labels")
    with outputs(last.update_labels) as found:
        model(batch)
    return {"vectors": found[0]}
