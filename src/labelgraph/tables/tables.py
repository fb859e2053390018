"""An entry of tables.yaml, published values and scores -> the cells of a table.

A cell with a run or a count behind it is `reproduced`, any other is `quoted`.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelgraph.files.small import read_json
from labelgraph.score.metrics import value
from labelgraph.split.settings import TASK
from labelgraph.study import encoder_titles, recipes
from labelgraph.study.config import Book, Run, run_of
from labelgraph.study.entries import Table
from labelgraph.tables import intervals, titles
from labelgraph.tables.table_columns import (
    Column,
    all_tasks,
    check,
    check_within,
    columns_of,
    settings,
    tasks,
    trained,
)

KEYS = {*Table.model_fields}
COUNTS = "results/costs/counts.json"  # costs that are the same on any machine
RECIPES = "../recipes.md"  # from a table to the page with the notes on recipes
MARKS = re.compile(r"^\d+: |\*$| ")  # what print adds to a row's name: a number, a star, spaces
FIELDS = ("row", "column", "published", "reproduced", "std", "seeds", "status")


def of_study(book: Book) -> dict[str, dict[str, Any]]:
    """The tables of a study by name, which is PAPER_TABLE."""
    top = book.usual.score.top
    for name, entry in book.tables.items():
        check(name, entry, book.datasets, top)
        if name != f"{entry['paper']}_{entry['table']}":
            raise ValueError(
                f"tables.{name} is {entry['paper']} {entry['table']}; name it"
                f" {entry['paper']}_{entry['table']}"
            )
    if strange := [task for task in book.size.tasks or [] if not TASK.fullmatch(task)]:
        raise ValueError(
            f"studies/{book.study}: tasks names {strange}; it may name full, partial-1 to -99,"
            " fewshot-base, fewshot-1 to -99"
        )
    wanted = list(book.tables) if book.size.tables is None else book.size.tables
    if unknown := [name for name in wanted if name not in book.tables]:
        raise ValueError(f"tables.yaml has no {unknown}; it has {list(book.tables)}")
    shown = {name for name in wanted if runs(book, [name]) or not trained(book.tables[name])}
    if empty := sorted({*(book.size.tables or [])} - shown):
        what = "datasets" if book.size.tasks is None else "datasets in its tasks"
        raise ValueError(f"study {book.study} runs none of the {what} of {empty}")
    for name in sorted(shown):
        for other in {book.settings(run).scoring.top for run in runs(book, [name])} - {top}:
            check_within(name, book.tables[name], book.datasets, other)
    return {name: entry for name, entry in book.tables.items() if name in shown}


def costly(entry: dict[str, Any]) -> bool:
    return any("costs" in block for block in entry["columns"])


def inputs(book: Book, names: list[str]) -> list[str]:
    """The files that fill the named tables."""
    scores = [f"results/runs/{run.folder}/scores.json" for run in runs(book, names)]
    sure = runs(book, [name for name in names if intervals.shown(book.tables[name])])
    scores += [f"results/runs/{run.folder}/{intervals.FILE}" for run in sure]
    return scores + [COUNTS] * any(costly(book.tables[name]) for name in names)


def systems(entry: dict[str, Any]) -> dict[str, str]:
    """Row -> method[@variant], for all rows that are trained here."""
    return entry.get("runs", {}) | entry.get("more", {})


def seeds(book: Book, entry: dict[str, Any], dataset: str, task: str, system: str) -> list[int]:
    """The seeds of a system's runs of the task, or the first `seeds` of them."""
    return book.seeds(dataset, task, system)[: entry.get("seeds")]


def runs(book: Book, names: list[str]) -> list[Run]:
    """The runs that the named tables show, each once."""
    found = {
        run_of(book.study, task, block["dataset"], system, seed)
        for entry in (book.tables[name] for name in names)
        if book.study in entry.get("studies", [book.study])
        for block in trained(entry)
        if book.runs_on(block["dataset"])
        for task in filter(book.runs_task, tasks(entry, block))
        for system in systems(entry).values()
        for seed in seeds(book, entry, block["dataset"], task, system)
    }
    return sorted(found)


def places(book: Book, entry: dict[str, Any]) -> list[str]:
    """task/dataset of all runs of a table."""
    return [
        f"{task}/{block['dataset']}"
        for block in trained(entry)
        if book.runs_on(block["dataset"])
        for task in filter(book.runs_task, tasks(entry, block))
    ]


def named_rows(book: Book, entry: dict[str, Any]) -> dict[str, str]:
    """The rows of `more`, which the paper does not have, with their titles filled in."""
    there = places(book, entry)
    more = entry.get("more", {})
    return {titles.filled(book, row, system, there): system for row, system in more.items()}


def shown_datasets(book: Book, entry: dict[str, Any]) -> dict[str, str]:
    """Dataset -> its title in column heads."""
    title = titles.beside_print if entry.get("runs") else titles.dataset
    return {block["dataset"]: title(book, block["dataset"]) for block in trained(entry)}


def counted_network(book: Book, entry: dict[str, Any]) -> str:
    """The encoder whose costs are counted, if the runs in the same table have another one."""
    there = places(book, entry)
    if not (costly(entry) and there):
        return ""
    name = encoder_titles.title(book.defaults.encoder.name)
    return "" if titles.filled(book, "{encoder}", "baseline", there) == name else name


def recipe(book: Book, name: str) -> dict[str, Any]:
    """Everything that a table depends on besides scores and published values, as plain data."""
    entry = book.tables[name]
    entry = entry | {"more": named_rows(book, entry)}
    there = places(book, entry)
    named = {*systems(entry).values(), *entry.get("counted", {}).values()}
    shown = sorted({re.split("[@/]", name)[0] for name in named} & book.methods.keys())
    own = runs(book, [name])
    numbers = sorted({run.seed for run in own})
    titled = [(titles.system(book, run.system, there), run) for run in own]
    return {
        **{key: entry.get(key, {}) for key in sorted(KEYS)},
        "notes": [*entry.get("notes", []), *book.size.remarks.get(name, [])],
        "caption": titles.caption(book, entry["caption"], [place.split("/")[1] for place in there]),
        "titles": shown_datasets(book, entry),
        "ran": {row: titles.system(book, system, there)
                for row, system in entry.get("runs", {}).items()},
        "counted_network": counted_network(book, entry),
        "study": book.study,
        "costs": COUNTS if costly(entry) else None,
        "note": book.size.note if trained(entry) else "",
        "protocol": book.circumstances(titled, numbers) if trained(entry) else "",
        "departures": departures(book, entry, shown, there),
        "recipes": RECIPES,
        "scores": {
            row: {
                f"{task}/{block['dataset']}": [
                    f"results/runs/{run.folder}/scores.json"
                    for seed in seeds(book, entry, block["dataset"], task, system)
                    for run in [run_of(book.study, task, block["dataset"], system, seed)]
                ]
                for block in trained(entry)
                if book.runs_on(block["dataset"])
                for task in filter(book.runs_task, tasks(entry, block))
            }
            for row, system in systems(entry).items()
        },
    }  # fmt: skip


def departures(
    book: Book, entry: dict[str, Any], methods: list[str], places: list[str]
) -> dict[str, dict[str, Any]]:
    """Method -> its title, and the numbers of the notes on its recipe that apply to the table."""
    found = {}
    for name in methods:
        number = recipes.numbered(book.recipes, name)
        notes = book.departures(name, all_tasks(entry))
        if notes:
            title = titles.system(book, name, places)
            found[name] = {"title": title, "numbers": [number[note] for note in notes]}
    return found


def cells(table: dict[str, Any], published: pd.DataFrame, row_titles: pd.DataFrame) -> pd.DataFrame:
    """A line for each cell: the paper's rows in its order, then our own."""
    published = published[published["table"] == table["table"]]
    columns, own = columns_of(table, published), settings(table)
    printed = {
        (row_key(line.method, line.setting, own), *place_key(line, own)): line.value
        for line in published.itertuples()
    }
    costs = read_costs(table)
    lines = []
    for row, title in rows_of(table, row_titles).items():
        scores = {
            place: [read_json(Path(path)) for path in paths]
            for place, paths in table["scores"].get(row, {}).items()
        }
        for column in columns:
            print_value = printed.get((row, column.dataset, column.setting, column.metric), "")
            if column.cost:
                found = counted(costs.get(row, {}).get(column.metric))
            else:
                found = summary(by_seed(column, scores))
            lines.append([title, column.name, print_value, *found])
    return pd.DataFrame(lines, columns=FIELDS)


def by_seed(column: Column, scores: dict[str, list[dict[str, Any]]]) -> list[float | None]:
    """A value for each seed: that of its run, or the mean over its runs if all of them have one."""
    if not scores.keys() >= {*column.places}:
        return []
    runs = zip(*(scores[place] for place in column.places), strict=True)
    found = [[value(run, column.metric) for run in of_seed] for of_seed in runs]
    return [None if None in values else float(np.mean(values)) for values in found]


def read_costs(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Row -> the costs of its network, where they are known."""
    files = [Path(table["costs"])] if table.get("costs") else []
    known = {entry["method"]: entry for path in files for entry in read_json(path)}
    networks = systems(table) | table.get("counted", {})
    return {row: known[network] for row, network in networks.items() if network in known}


def counted(cost: float | None) -> list[str]:
    """The cost as it is; a cell without a known cost is quoted."""
    return ["", "", "", "quoted"] if cost is None else [digits(cost), "", "", "reproduced"]


def summary(found: list[float | None]) -> list[str]:
    """Mean and standard deviation over seeds in percent, the number of seeds, and the status."""
    known = [100 * number for number in found if number is not None]
    if not known:
        return ["", "", "", "reproduced" if found else "quoted"]
    std = digits(np.std(known, ddof=1)) if len(known) > 1 else ""
    return [digits(np.mean(known)), std, str(len(known)), "reproduced"]


def digits(number: float) -> str:
    """More digits than anything shows, so that what is shown has been rounded once."""
    return f"{number:.6f}"


def row_key(method: str, setting: str, columns: set[str]) -> str:
    """`columns`: the settings that are columns, and so not part of a row's name."""
    return f"{method}/{setting}" if setting and setting not in columns else method


def place_key(line: Any, columns: set[str]) -> tuple[str, str, str]:
    """The column of a published value: dataset, setting, metric."""
    return line.dataset, line.setting if line.setting in columns else "", line.metric


def names_of(table: dict[str, Any], row_titles: pd.DataFrame) -> dict[str, str]:
    """Row -> what ran for it, for rows whose published name does not say it."""
    found = {row: table["ran"].get(key, row) for key, row in rows_of(table, row_titles).items()}
    return {row: name for row, name in found.items() if bare(name) != bare(row)}


def bare(name: str) -> str:
    return MARKS.sub("", name)


def rows_of(table: dict[str, Any], row_titles: pd.DataFrame) -> dict[str, str]:
    """Key -> title of every row; if the paper uses a title twice, the setting is added."""
    papers, tables = row_titles["paper"], row_titles["table"]
    here = row_titles[(papers == table["paper"]) & (tables == table["table"])]
    own = settings(table)
    keys = [row_key(line.method, line.setting, own) for line in here.itertuples()]
    here = here.assign(key=keys).sort_values("order").drop_duplicates("key")
    twice = here["title"].duplicated(keep=False)
    found = {
        line.key: f"{line.title} {line.setting}" if again else line.title
        for line, again in zip(here.itertuples(), twice, strict=True)
    }
    ours = (table.get(block) or {} for block in ("runs", "counted", "quoted"))
    if strangers := {key for block in ours for key in block} - found.keys():
        raise ValueError(
            f"{table['paper']} {table['table']} has no row {sorted(strangers)}; it has {[*found]}"
        )
    return found | {title: title for title in table["more"]}


def read_titles(path: Path) -> pd.DataFrame:
    """systems.csv: the printed title and the place of each row."""
    found = read_published(path)
    return found.assign(order=found["order"].astype(int))


def read_published(path: Path | None) -> pd.DataFrame:
    """All values as text, as printed. Without a file nothing is published."""
    if path is None:
        return pd.DataFrame(columns=["table", "dataset", "method", "setting", "metric", "value"])
    return pd.read_csv(path, dtype=str, keep_default_na=False)
