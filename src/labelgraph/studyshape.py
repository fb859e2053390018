"""What the file of a study may say, and --config of it, and what a dataset's entry may say."""

from typing import Any

from labelgraph import layers
from labelgraph.shapes import (
    Shape,
    anything,
    block,
    listed,
    mapped,
    mapping,
    maybe,
    one_of,
    share,
    text,
    whole,
)

REQUIRED = {"title", "note", "origin", "seeds", "selection", "gpu"}  # of a study
COUNTS = one_of("positive", "negative", "ignored")  # what a difficult label may count as
ENTRY = {
    "title": text,
    "raw": text,
    "reader": text,
    "folder": text,
    "options": mapping,
    "parts": block({"train": text, "report": text}, required=["train", "report"]),
    "tune": share,
    "tune_seed": whole(0),
    "difficult": block(dict.fromkeys(("train", "ap", "f1"), COUNTS), required=["train"]),
    "aliases": mapped(text),
    "vectors": maybe(text),
    "fewshot": mapping,
}


def layer(changes: Shape = anything) -> dict[str, Shape]:
    """What a method, a variant or a study may say of a run's settings."""
    blocks = dict.fromkeys(layers.BLOCKS, mapping)
    shots = dict.fromkeys(("model", "train"), mapping) | dict.fromkeys(
        ("learns", "labels", "graph", "departures"), anything
    )
    return blocks | {"title": text, "partial": block(blocks), "shots": block(shots)}


def change(path: str, value: Any) -> None:
    block(layer())(path, value)


def study(parts: dict[str, dict]) -> dict[str, Shape]:
    """`parts`: methods, datasets and figures, as their files have them."""
    own = [*parts["datasets"]]
    return {
        **layer(),
        "note": text,
        "origin": one_of("drawn", "official"),
        "local": mapped(text),
        "seeds": listed(whole(0), least=1),
        "seeds_of": mapped(whole(1), own),
        "selection": one_of("tune", "report"),
        "gpu": whole(0),
        "drawn": mapped(mapping),
        "only": listed(one_of(*own)),
        "boxes": mapped(text),
        "sizes": mapped(whole(1)),
        "widths": mapped(whole(1)),
        "tables": listed(text),
        "figures": mapped(maybe(mapping)),
        "own_table": mapping,
        "methods": mapped(change, parts["methods"]),
        "datasets": mapped(maybe(mapping)),
    }


def check_parts(parts: dict[str, Any]) -> None:
    """The files beside the studies': entries by name."""
    for name, entries in parts.items():
        mapped(mapping)(f"{name}.yaml", entries)
    for name, entry in parts["methods"].items():
        method = {key: value for key, value in entry.items() if key in layer()}
        block(layer())(f"methods.{name}", method)
        mapped(change)(f"methods.{name}.variants", entry.get("variants", {}))
        mapped(change, parts["datasets"])(f"methods.{name}.datasets", entry.get("datasets", {}))


def check_entry(where: str, entry: dict[str, Any]) -> None:
    """Of a dataset, with what the study changes of it."""
    block(ENTRY)(where, entry)
    if entry["parts"]["train"] == entry["parts"]["report"]:
        raise ValueError(f"{where}.parts are both {entry['parts']['train']!r}; expected two")
