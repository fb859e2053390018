"""The columns of a table, from the blocks of its entry in tables.yaml: datasets, metrics, tasks.

A block with `tasks` has its metrics once for each task, under the paper's name of the setting
(`partial-10: 10%`), and once more under `average`, the mean over all tasks.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from labelgraph.score import confidence, metrics
from labelgraph.split.settings import TASK
from labelgraph.study.entries import Table
from labelgraph.study.validation import validated

Block = dict[str, Any]


@dataclass(frozen=True)
class Column:
    name: str  # as in the csv: dataset and setting where there are several, then the metric
    dataset: str
    metric: str
    cost: bool  # counted or measured (counts.json, heads.json), not from a run
    setting: str  # the paper's name of it; empty where rows have the settings, or nothing
    places: tuple[str, ...]  # task/dataset of the runs behind it; the value is their mean


def check(name: str, entry: dict[str, Any], datasets: Iterable[str], top: int) -> None:
    validated(Table, f"tables.{name}: ", entry, datasets=datasets)
    if entry.get("spread", "std") not in confidence.KINDS:
        raise ValueError(
            f"tables.{name}: spread is {entry['spread']!r}, not one of {confidence.KINDS}"
        )
    if both := sorted(entry.get("quoted", {}).keys() & entry.get("runs", {}).keys()):
        raise ValueError(
            f"tables.{name}: {both} are in `quoted` and in `runs`; a row with a run needs no reason"
        )
    for block in entry["columns"]:
        if "metrics" in block and not (block.get("tasks") or "task" in entry):
            raise ValueError(f"tables.{name} needs `task`, or `tasks` in each block of columns")
        if "average" in block and "tasks" not in block:
            raise ValueError(f"tables.{name}: `average` is over `tasks`, which the block lacks")
    check_within(name, entry, datasets, top)


def check_within(name: str, entry: dict[str, Any], datasets: Iterable[str], top: int) -> None:
    """Datasets, tasks and metrics must exist, or cells would stay empty or fail."""
    for block in trained(entry):
        if block.get("dataset") not in datasets:
            raise ValueError(
                f"tables.{name}: there is no dataset {block.get('dataset')!r}; datasets.yaml has"
                f" {sorted(datasets)}"
            )
        for task in tasks(entry, block):
            if not TASK.fullmatch(task):
                raise ValueError(
                    f"tables.{name}: task is {task!r}; it may be full, partial-1 to -99,"
                    " fewshot-base, fewshot-1 to -99"
                )
        known = metric_names(top)
        for metric in block["metrics"]:
            if re.sub(":.*", ":LABEL", metric) not in known:
                raise ValueError(f"tables.{name}: no metric {metric!r}; there are {sorted(known)}")


@cache
def metric_names(top: int) -> frozenset[str]:
    """The names of all metrics, read off a tiny evaluation."""
    ones = np.ones((1, 1))
    found = metrics.evaluate(
        ones,
        ones.astype(np.int8),
        threshold=0.5,
        top=top,
        difficult_ap="ignored",
        difficult_f1="negative",
        pool="all",
    )
    return frozenset(metrics.flat(metrics.named(found, ["LABEL"], [])))


def trained(entry: dict[str, Any]) -> list[Block]:
    """The blocks that are filled by runs."""
    return [block for block in entry["columns"] if "metrics" in block]


def tasks(entry: dict[str, Any], block: Block) -> dict[str, str]:
    """Task -> the paper's name of the setting, empty where the table has one task."""
    return block.get("tasks") or {entry["task"]: ""}


def all_tasks(entry: dict[str, Any]) -> list[str]:
    """Each once, in the order of the columns."""
    found = [task for block in trained(entry) for task in tasks(entry, block)]
    return list(dict.fromkeys(found))


def settings(entry: dict[str, Any]) -> set[str]:
    """The paper's settings that are columns; any other setting is part of a row."""
    found = {setting for block in trained(entry) for setting in tasks(entry, block).values()}
    return (found | {block["average"] for block in trained(entry) if "average" in block}) - {""}


def parts(entry: dict[str, Any], block: Block) -> list[tuple[str, tuple[str, ...]]]:
    """Setting and places of each repetition of a block's metrics."""
    if "metrics" not in block:
        return [("", ())]
    places = {f"{task}/{block['dataset']}": shown for task, shown in tasks(entry, block).items()}
    found = [(setting, (place,)) for place, setting in places.items()]
    return found + ([(block["average"], tuple(places))] if "average" in block else [])


def columns_of(table: dict[str, Any], published: pd.DataFrame) -> list[Column]:
    several = len({block["dataset"] for block in table["columns"] if "dataset" in block}) > 1
    found = []
    for block in table["columns"]:
        dataset, cost = block.get("dataset", ""), "costs" in block
        printed = published.loc[published["dataset"] == dataset, "metric"].unique()
        each = [metric for metric in printed if metric.startswith("AP:")]
        for setting, places in parts(table, block):
            for metric in block["costs" if cost else "metrics"]:
                for name in each if metric == "AP:*" else [metric]:
                    words = [dataset if several else "", setting, name]
                    full = " ".join(filter(None, words))
                    found.append(Column(full, dataset, name, cost, setting, places))
    return found
