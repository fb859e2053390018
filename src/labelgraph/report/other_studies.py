"""The same tables of other studies, as far as they are there: a line for each mAP of a method."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from labelgraph.review.comparing.sources import NO_CELLS
from labelgraph.study.config import Book, read_study
from labelgraph.tables import csv_cells, rendering, tables

METRIC = "mAP"
OWN = "own"  # the study of the user's own data, which no other study has


@dataclass(frozen=True)
class Result:
    study: str
    caption: str
    row: str
    column: str
    published: str
    here: str


def files(folder: Path, config: Path, study: str) -> list[Path]:
    """The tables of the other studies. `folder`: that of all studies' tables."""
    known = {path.stem for path in config.glob("studies/*.yaml")} - {study, OWN}
    found = (path for name in sorted(known) for path in (folder / name).glob("*.csv"))
    return sorted(path for path in found if path.name not in NO_CELLS)


def read(folder: Path, config: Path, study: str, systems: Path) -> dict[str, list[Result]]:
    """Method -> its results. `systems`: the published titles of rows."""
    titles = tables.read_published(systems)
    titles["order"] = titles["order"].astype(int)
    paths = files(folder, config, study)
    books = {name: read_study(config, {"study": name})
             for name in dict.fromkeys(path.parent.name for path in paths)}  # fmt: skip
    found: dict[str, list[Result]] = {}
    for path in paths:
        book = books[path.parent.name]
        if path.stem in tables.of_study(book):
            for method, result in of_table(book, path, titles):
                found.setdefault(method, []).append(result)
    return found


def of_table(book: Book, path: Path, titles: pd.DataFrame) -> list[tuple[str, Result]]:
    table = tables.recipe(book, path.stem)
    systems = tables.systems(table)
    methods = {
        title: re.split("[@/]", systems[key])[0]
        for key, title in tables.rows_of(table, titles).items()
        if key in systems
    }
    found = []
    for (row, column), cell in csv_cells.parse(str(path), path.read_bytes()).items():
        if cell.status == "reproduced" and row in methods and column.split(" ")[-1] == METRIC:
            kind = table.get("spread") or "std"
            here = rendering.ours(cell.reproduced, cell.std, cell.seeds, kind)
            header = rendering.header(table, column)
            result = Result(book.study, table["caption"], row, header, cell.published, here)
            found.append((methods[row], result))
    return found
