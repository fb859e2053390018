"""What the file of a study may say, and --config of it, and what a dataset's entry may say."""

from typing import Any

from labelgraph.study import layers
from labelgraph.study.shapes import (
    Shape,
    anything,
    block,
    either,
    flag,
    inside,
    letters,
    listed,
    mapped,
    mapping,
    maybe,
    one_of,
    share,
    shown,
    text,
    whole,
)

REQUIRED = {"title", "note", "origin", "seeds", "selection", "gpu", "processes"}  # of a study
COUNTS = one_of("positive", "negative", "ignored")  # what a difficult label may count as
WHOLE = ("title", "raw", "reader", "options", "parts", "tune", "tune_seed", "difficult", "aliases")
ENTRY = {
    "title": shown,
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
    "fewshot": block(
        {
            "novel": anything,  # protocols/settings.py looks at it
            "base_images": one_of("hidden", "removed"),
            "shot_base_labels": one_of("hidden", "shown"),
            "pool": one_of("shown", "all"),
            "episodes": whole(0),
            "files": anything,
            "order": maybe(text),
        }
    ),
}
DRAW = maybe(block({"share": inside, "seed": whole(0)}, required=["share", "seed"]))
OPTIONS = {  # of the readers of one's own data
    "annotations": either(text, mapped(text)),
    "boxes": flag,
    "crowd": one_of("keep", "drop"),
    "draw": DRAW,
    "empty_images": one_of("keep", "drop"),
    "ending": letters,
    "file": text,
    "folder": letters,
    "group": maybe(text),
    "image": text,
    "images": letters,
    "labels": maybe(either(text, listed(text, least=1))),
    "names": maybe(listed(text, least=1)),
    "none": maybe(text),
    "order": one_of("alphabetical", "id"),
    "outside": flag,
    "part": maybe(text),
    "parts": maybe(listed(text, least=2)),
    "separator": letters,
}
OWN_TABLE = {
    "caption": shown,
    "task": text,
    "metrics": listed(text, least=1),
    "titles": mapped(shown),
    "rows": maybe(either(one_of("all"), listed(text, least=1))),
}
OWN_DATA = ("entry", "required", "options", "table", "rows")  # blocks of own_data.yaml
TABLE = {
    "paper": text,
    "table": text,
    "caption": shown,
    "task": text,
    "columns": listed(mapping, least=1),
    "runs": mapped(shown),
    "more": mapped(text),
    "counted": mapped(text),
    "seeds": whole(1),
    "spread": text,
    "notes": listed(shown),
}


def layer(defaults: dict[str, dict]) -> dict[str, Shape]:
    """What a method, a variant or a study may say of a run's settings: lines of the defaults."""
    blocks = {name: mapped(anything, defaults.get(name)) for name in layers.BLOCKS}
    stage = {name: blocks[name] for name in ("model", "train")}
    rest = dict.fromkeys(("learns", "labels", "graph", "departures"), anything)
    return blocks | {"title": shown, "partial": block(blocks), "shots": block(stage | rest)}


def drawing(path: str, value: Any) -> None:
    """Which settings it takes, the layout's generator says."""
    mapping(path, value)
    if "layout" not in value:
        raise ValueError(f"{path} lacks ['layout']")


def study(parts: dict[str, dict]) -> dict[str, Shape]:
    """`parts`: defaults, methods and datasets, as their files have them."""
    own = [*parts["datasets"]]
    return {
        **layer(parts["defaults"]),
        "note": shown,
        "origin": one_of("drawn", "official"),
        "local": mapped(text),
        "seeds": listed(whole(0), least=1),
        "seeds_of": mapped(whole(1), own),
        "selection": one_of("tune", "report"),
        "gpu": whole(0),
        "processes": whole(1),
        "drawn": mapped(drawing),
        "only": listed(one_of(*own)),
        "boxes": mapped(text),
        "sizes": mapped(whole(1)),
        "widths": mapped(whole(1)),
        "detector": mapped(anything),
        "tables": listed(text),
        "remarks": mapped(listed(shown), parts["tables"]),
        "figures": mapped(maybe(mapping)),
        "own_table": block(OWN_TABLE),
        "methods": mapped(block(layer(parts["defaults"])), parts["methods"]),
        "datasets": mapped(maybe(mapping)),
    }


NOTHING = {name: {} for name in ("defaults", "methods", "datasets", "tables")}
KEYS = {"study", *study(NOTHING)}  # of a file for --configfile


def check_parts(parts: dict[str, Any]) -> None:
    """The files beside the studies': entries by name."""
    for name, entries in parts.items():
        mapped(mapping)(f"{name}.yaml", entries)
    blocks = (*layers.BLOCKS[:1], *layers.BLOCKS[2:], "shots")
    block(dict.fromkeys(parts["defaults"], mapping), required=blocks)(
        "defaults.yaml", parts["defaults"]
    )
    for name, entry in parts["tables"].items():
        block(TABLE, required=["paper", "table", "caption", "columns"])(f"tables.{name}", entry)
    lines = layer(parts["defaults"])
    change = block(lines)
    for name, entry in parts["methods"].items():
        method = {key: value for key, value in entry.items() if key in lines}
        listed(one_of("regions"))(f"methods.{name}.inputs", entry.get("inputs", []))
        listed(shown)(f"methods.{name}.departures", entry.get("departures", []))
        block(lines, required=["title"])(f"methods.{name}", method)
        if "paper" in entry:
            shown(f"methods.{name}.paper", entry["paper"])
        mapped(change)(f"methods.{name}.variants", entry.get("variants", {}))
        mapped(change, parts["datasets"])(f"methods.{name}.datasets", entry.get("datasets", {}))


def check_entry(where: str, entry: dict[str, Any]) -> None:
    """Of a dataset, with what the study changes of it."""
    block(ENTRY, required=WHOLE)(where, entry)
    if entry["parts"]["train"] == entry["parts"]["report"]:
        raise ValueError(f"{where}.parts are both {entry['parts']['train']!r}; expected two")


def check_given(where: str, entry: dict[str, Any], said: tuple[str, ...]) -> None:
    """An entry of one's own, before it is completed. The lines `said` are looked at elsewhere."""
    block(ENTRY | dict.fromkeys(said, anything))(where, entry)


def check_options(where: str, options: dict[str, Any]) -> None:
    block(OPTIONS)(where, options)


def check_own_data(standing: Any) -> None:
    block(dict.fromkeys(OWN_DATA, mapping), required=OWN_DATA)("own_data.yaml", standing)
