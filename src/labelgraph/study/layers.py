"""Layers of settings, one over the other, as a run of a task has them; each mistake is named.

What a layer says for all tasks stands in BLOCKS. In a partial task, its block `partial` comes right
after these; in the second stage of a few-shot task, all blocks `shots` come last.
"""

from functools import reduce
from operator import or_
from typing import Any

from labelgraph.study import checks, stages

BLOCKS = ("encoder", "model", "train", "score")
OF_TASKS = ("partial", "shots")
# block -> what the study calls its sizes, and which settings they stand for
SCALED = {
    "encoder": ("sizes", ("size", "test_size")),
    "model": ("widths", ("widths", "encoder_widths")),
}


def merged(layers: list[dict], task: str, method: str, where: str) -> dict[str, dict]:
    """BLOCKS as the last layers have them, and `shots`; the first layer is the defaults."""
    defaults, parts = layers[0], layers
    if task.startswith("partial"):
        parts = [part for layer in layers for part in (layer, partial(layer, method))]
    found = {name: reduce(or_, (part.get(name, {}) for part in parts)) for name in BLOCKS}
    checks.check(found, where, defaults, method)
    for key, value in found["model"].items():
        checks.kind(f"{where}: model.{key}", value, layers[1].get("model", {}).get(key))
    if not stages.has_shots(task):
        return found
    shots = stages.merge([layer.get("shots", {}) for layer in layers])
    stages.check(shots, where, set(defaults["shots"]))
    found = stages.second(found, shots)
    checks.check(found, f"{where}, with shots", defaults, method)
    return found


def partial(layer: dict[str, Any], method: str) -> dict[str, Any]:
    """What a layer says of partial tasks alone."""
    checks.keys(f"{method}: partial", layer.get("partial", {}), set(BLOCKS))
    return layer.get("partial", {})


def scale(found: dict[str, dict], study: dict[str, Any]) -> None:
    """The papers' sizes and widths become the study's."""
    for block, (name, keys) in SCALED.items():
        found[block] |= smaller(found[block], keys, study.get(name, {}))


def smaller(block: dict[str, Any], keys: tuple[str, ...], sizes: dict[int, int]) -> dict[str, Any]:
    """The papers' numbers under `keys` as the study's `sizes` have them; others stay."""
    found = {}
    for key in keys & block.keys():
        value = block[key]
        many = isinstance(value, list)
        found[key] = (
            [sizes.get(entry, entry) for entry in value] if many else sizes.get(value, value)
        )
    return found
