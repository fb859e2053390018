"""Tables as data: entries of tables.yaml, published values and scores -> one line a cell.

A row that has a run behind it is `reproduced`, any other `quoted`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelgraph import checks
from labelgraph.files import read_json
from labelgraph.metrics import value
from labelgraph.recipe import Book, Run, run_of

KEYS = {"paper", "table", "caption", "task", "columns", "runs", "more", "seeds"}
FIELDS = ("row", "column", "published", "reproduced", "std", "seeds", "status")


@dataclass(frozen=True)
class Column:
    name: str  # as in the csv: the metric, with its dataset where the table has several
    dataset: str
    metric: str


def of_study(book: Book) -> dict[str, dict[str, Any]]:
    """The tables that show a run of this study, by name; a name says paper and table."""
    for name, entry in book.tables.items():
        checks.keys(f"tables.{name}", entry, KEYS)
        if name != f"{entry['paper']}_{entry['table']}":
            raise ValueError(f"tables.{name} shows {entry['paper']} {entry['table']}; name it so")
    return {name: entry for name, entry in book.tables.items() if runs(book, [name])}


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
        for block in entry["columns"]
        if book.runs_on(block["dataset"])
        for system in systems(entry).values()
        for seed in seeds(book, entry)
    }
    return sorted(found)


def recipe(book: Book, name: str) -> dict[str, Any]:
    """All that a table depends on besides scores and published values, as plain data."""
    entry = book.tables[name]
    shown = sorted({system.partition("@")[0] for system in systems(entry).values()})
    encoder = book.defaults["encoder"] | book.size.get("encoder", {})
    return {
        **{key: entry.get(key, {}) for key in sorted(KEYS)},
        "titles": {block["dataset"]: book.dataset(block["dataset"])["title"]
                   for block in entry["columns"]},
        "study": book.study,
        "note": book.size["note"],
        "protocol": f"Encoder {encoder['name']}, {encoder['test_size']} pixels; checkpoint chosen"
        f" on the {book.size['selection']} images; seeds {seeds(book, entry)}.",
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
                for block in entry["columns"]
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
    lines = []
    for row, title in rows_of(table, titles).items():
        scores = {
            dataset: [read_json(Path(path)) for path in paths]
            for dataset, paths in table["scores"].get(row, {}).items()
        }
        for column in columns:
            print_value = printed.get((row, column.dataset, column.metric), "")
            found = [value(score, column.metric) for score in scores.get(column.dataset, [])]
            lines.append([title, column.name, print_value, *summary(found)])
    return pd.DataFrame(lines, columns=FIELDS)


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
    if strangers := table["runs"].keys() - found.keys():
        raise ValueError(
            f"{table['paper']} {table['table']} has no row {sorted(strangers)}; it has {[*found]}"
        )
    return found | {title: title for title in table["more"]}


def columns_of(table: dict[str, Any], published: pd.DataFrame) -> list[Column]:
    several = len({block["dataset"] for block in table["columns"]}) > 1
    found = []
    for block in table["columns"]:
        dataset = block["dataset"]
        printed = published.loc[published["dataset"] == dataset, "metric"].unique()
        each = [metric for metric in printed if metric.startswith("AP:")]
        for metric in block["metrics"]:
            for name in each if metric == "AP:*" else [metric]:
                found.append(Column(f"{dataset} {name}" if several else name, dataset, name))
    return found


def read_published(path: Path) -> pd.DataFrame:
    """As printed: nothing becomes a number or a gap."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)
