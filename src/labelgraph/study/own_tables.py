"""The table of each dataset of your own: its rows, columns and notes."""

from typing import Any

from labelgraph.score.confidence import PICTURES
from labelgraph.study.entries import Dataset, Method

PREFIX = "own_"  # how the names of such tables begin
EVERY = "all"  # for `rows`
RULE = (
    "F1 counts the labels that are named as in the papers: at a probability of 0.5 before"
    " calibration, unless `score: {threshold: ...}` says otherwise. The F1 of the labels that"
    " `predict` names is in each run's assessment.json and in its card."
)
NO_WORDS = (
    "The labels have no word vectors here. Methods that read word vectors get random numbers,"
    " drawn from the labels' names, which say nothing about their meaning."
)


def entries(
    own: dict[str, Dataset],
    block: dict[str, Any],
    usual: dict[str, list[str]],
    methods: dict[str, Method],
    boxes: dict[str, Any],
) -> dict[str, dict[str, Any]]:
    """A table for each dataset. `block` has its lines; `boxes` names datasets with regions."""
    found = {}
    for name, entry in own.items():
        regions = entry.options.get("boxes") is True or name in boxes
        title, wanted = entry.title, block["rows"]
        if not wanted:
            wanted = usual["full"] + usual["missing"] * labels_missing(block, entry)
        found[f"{PREFIX}{name}"] = {
            "paper": "own",
            "table": name,
            "caption": block["caption"].replace("{title}", title),
            "task": block["task"],
            "columns": [{"dataset": name, "metrics": block["metrics"]}],
            "spread": PICTURES,
            "more": rows(block["titles"], wanted, methods, regions, name),
            "notes": [RULE, *([NO_WORDS] if entry.vectors is None else [])],
        }
    return found


def labels_missing(block: dict[str, Any], entry: Dataset) -> bool:
    """Whether some labels are hidden by the task, or unknown and left out of the training."""
    return block["task"].startswith("partial-") or entry.difficult.train == "ignored"


def rows(
    titles: dict[str, str],
    wanted: list[str] | str,
    methods: dict[str, Method],
    regions: bool,
    dataset: str,
) -> dict[str, str]:
    """Title -> method[@variant]. `all`: every method that the data allow, and max pooling."""
    found, every = {}, ["baseline", "baseline@max", *list(methods)[1:]]
    for system in every if wanted == EVERY else wanted:
        method, _, variant = system.partition("@")
        if method not in methods:
            raise ValueError(f"own_table.rows has {system!r}; the methods are {sorted(methods)}")
        entry = methods[method]
        variants = entry.variants
        if variant and variant not in variants:
            raise ValueError(f"own_table.rows: {method} has no variant {variant!r}: {[*variants]}")
        if "regions" in entry.inputs and not regions:
            if wanted != EVERY:
                raise ValueError(
                    f"own_table.rows has {system}, which takes regions, and {dataset} has no boxes"
                    " to learn them from; leave it out, or give a reader and data with boxes"
                )
            continue
        title = (variants[variant].title or system) if variant else entry.title
        title = titles.get(system, title)
        if found.setdefault(title, system) != system:
            raise ValueError(
                f"own_table has two rows called {title!r}, {found[title]} and {system}; give one of"
                " them another title in own_table.titles"
            )
    return found
