"""Tables as data: entries of tables.yaml, published values and scores -> one line a cell.

A cell that has a run or a count behind it is `reproduced`, any other `quoted`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelgraph import checks
from labelgraph.files import read_json
from labelgraph.metrics import value
from labelgraph.recipe import Book, Run, run_of

KEYS = {"paper", "table", "caption", "task", "columns", "runs", "more", "seeds", "counted", "notes"}
COUNTS = "results/costs/counts.json"  # of networks, the same on any machine
FIELDS = ("row", "column", "published", "reproduced", "std", "seeds", "status")


@dataclass(frozen=True)
class Column:
    name: str  # as in the csv: the metric, with its dataset where the table has several
    dataset: str
    metric: str
    cost: bool  # not from a run: from counts.json, or from a machine's heads.json


def of_study(book: Book) -> dict[str, dict[str, Any]]:
    """The tables that a study makes, by name; a name says paper and table."""
    for name, entry in book.tables.items():
        checks.keys(f"tables.{name}", entry, KEYS)
        if name != f"{entry['paper']}_{entry['table']}":
            raise ValueError(f"tables.{name} shows {entry['paper']} {entry['table']}; name it so")
    wanted = book.size.get("tables", list(book.tables))
    if unknown := [name for name in wanted if name not in book.tables]:
        raise ValueError(f"tables.yaml has no {unknown}; it has {list(book.tables)}")
    shown = {name for name in wanted if runs(book, [name]) or not trained(book.tables[name])}
    return {name: entry for name, entry in book.tables.items() if name in shown}


def trained(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of columns that runs fill."""
    return [block for block in entry["columns"] if "metrics" in block]


def costly(entry: dict[str, Any]) -> bool:
    return any("costs" in block for block in entry["columns"])


def inputs(book: Book, names: list[str]) -> list[str]:
    """The files that fill the named tables."""
    scores = [f"results/runs/{run.folder}/scores.json" for run in runs(book, names)]
    return scores + [COUNTS] * any(costly(book.tables[name]) for name in names)


def systems(entry: dict[str, Any]) -> dict[str, str]:
    """Row -> method[@variant], of all rows that are trained here."""
    return entry.get("runs", {}) | entry.get("more", {})


def seeds(book: Book, entry: dict[str, Any]) -> list[int]:
    """The study's seeds, or as many of them as the table is content with."""
    return book.size["seeds"][: entry.get("seeds")]


def runs(book: Book, names: list[str]) -> list[Run]:
    """Every run that the named tables show, each once."""
    found = {
        run_of(book.study, entry["task"], block["dataset"], system, seed)
        for entry in (book.tables[name] for name in names)
        for block in trained(entry)
        if book.runs_on(block["dataset"])
        for system in systems(entry).values()
        for seed in seeds(book, entry)
    }
    return sorted(found)


def recipe(book: Book, name: str) -> dict[str, Any]:
    """All that a table depends on besides scores and published values, as plain data."""
    entry = book.tables[name]
    named = {*systems(entry).values(), *entry.get("counted", {}).values()}
    shown = sorted({re.split("[@/]", name)[0] for name in named} & book.methods.keys())
    return {
        **{key: entry.get(key, {}) for key in sorted(KEYS)},
        "titles": {block["dataset"]: book.dataset(block["dataset"])["title"]
                   for block in trained(entry)},
        "study": book.study,
        "costs": COUNTS if costly(entry) else None,
        "note": book.size["note"] if trained(entry) else "",
        "protocol": book.circumstances(seeds(book, entry)) if trained(entry) else "",
        "footnotes": {
            book.method(method)["title"]: book.method(method).get("departures", [])
            for method in shown
        },
        "scores": {
            row: {
                block["dataset"]: [
                    f"results/runs/{run.folder}/scores.json"
                    for seed in seeds(book, entry)
                    for run in [run_of(book.study, entry["task"], block["dataset"], system, seed)]
                ]
                for block in trained(entry)
                if book.runs_on(block["dataset"])
            }
            for row, system in systems(entry).items()
        },
    }  # fmt: skip


def cells(table: dict[str, Any], published: pd.DataFrame, titles: pd.DataFrame) -> pd.DataFrame:
    """One line a cell, in the order of the paper, then the rows that it does not have."""
    published = published[published["table"] == table["table"]]
    columns = columns_of(table, published)
    printed = {
        (row_key(line.method, line.setting), line.dataset, line.metric): line.value
        for line in published.itertuples()
    }
    costs = read_costs(table)
    lines = []
    for row, title in rows_of(table, titles).items():
        scores = {
            dataset: [read_json(Path(path)) for path in paths]
            for dataset, paths in table["scores"].get(row, {}).items()
        }
        for column in columns:
            print_value = printed.get((row, column.dataset, column.metric), "")
            if column.cost:
                found = counted(costs.get(row, {}).get(column.metric))
            else:
                found = summary([value(s, column.metric) for s in scores.get(column.dataset, [])])
            lines.append([title, column.name, print_value, *found])
    return pd.DataFrame(lines, columns=FIELDS)


def read_costs(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Row -> what is known of its network's cost."""
    files = [Path(table["costs"])] if table.get("costs") else []
    known = {entry["method"]: entry for path in files for entry in read_json(path)}
    networks = systems(table) | table.get("counted", {})
    return {row: known[network] for row, network in networks.items() if network in known}


def counted(cost: float | None) -> list[str]:
    """As it is; the value of a row or of a column that nobody has measured is quoted."""
    return ["", "", "", "quoted"] if cost is None else [f"{cost:.2f}", "", "", "reproduced"]


def summary(found: list[float | None]) -> list[str]:
    """Mean and standard deviation over seeds in percent, how many seeds, and the status."""
    known = [100 * number for number in found if number is not None]
    if not known:
        return ["", "", "", "reproduced" if found else "quoted"]
    spread = f"{np.std(known, ddof=1):.2f}" if len(known) > 1 else ""
    return [f"{np.mean(known):.2f}", spread, str(len(known)), "reproduced"]


def row_key(method: str, setting: str) -> str:
    return f"{method}/{setting}" if setting else method


def rows_of(table: dict[str, Any], titles: pd.DataFrame) -> dict[str, str]:
    """Key -> title of every row; a title that the paper uses twice gets its setting."""
    here = titles[(titles["paper"] == table["paper"]) & (titles["table"] == table["table"])]
    here = here.sort_values("order")
    twice = here["title"].duplicated(keep=False)
    found = {
        row_key(line.method, line.setting): f"{line.title} {line.setting}" if again else line.title
        for line, again in zip(here.itertuples(), twice, strict=True)
    }
    if strangers := (table["runs"].keys() | table.get("counted", {}).keys()) - found.keys():
        raise ValueError(
            f"{table['paper']} {table['table']} has no row {sorted(strangers)}; it has {[*found]}"
        )
    return found | {title: title for title in table["more"]}


def columns_of(table: dict[str, Any], published: pd.DataFrame) -> list[Column]:
    several = len({block["dataset"] for block in table["columns"] if "dataset" in block}) > 1
    found = []
    for block in table["columns"]:
        dataset, cost = block.get("dataset", ""), "costs" in block
        printed = published.loc[published["dataset"] == dataset, "metric"].unique()
        each = [metric for metric in printed if metric.startswith("AP:")]
        for metric in block["costs" if cost else "metrics"]:
            for name in each if metric == "AP:*" else [metric]:
                prefix = f"{dataset} " if several and dataset else ""
                found.append(Column(prefix + name, dataset, name, cost))
    return found


def read_published(path: Path | None) -> pd.DataFrame:
    """As printed: nothing becomes a number or a gap. No file: nothing was printed."""
    if path is None:
        return pd.DataFrame(columns=["table", "dataset", "method", "setting", "metric", "value"])
    return pd.read_csv(path, dtype=str, keep_default_na=False)
