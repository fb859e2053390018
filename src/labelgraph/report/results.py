"""Reads everything that a report shows: tables, runs, figures, audit and costs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.figures import plans
from labelgraph.files import escaping
from labelgraph.files.small import read_json
from labelgraph.report import (
    figure_files,
    method_pages,
    other_studies,
    rest,
    runs,
    table_pages,
    verdicts,
)
from labelgraph.report.figure_files import Figure
from labelgraph.report.method_pages import MethodPage
from labelgraph.report.other_studies import Result
from labelgraph.report.rest import Missing
from labelgraph.report.table_pages import TablePage
from labelgraph.report.verdicts import Verdicts
from labelgraph.study.config import Book, Run, read_study
from labelgraph.tables import convergence, tables, titles

MAIN = "mAP"  # the metric shown where there is room for one number


@dataclass(frozen=True)
class Places:
    """The files and folders that a report is made from."""

    published: Path  # folder
    tables: Path  # folder
    runs: Path  # folder
    figures: tuple[Path, ...]  # the .md of each
    audit: Path | None
    costs: tuple[Path, ...]  # lists of networks, counted and measured
    claims: Path | None = None  # the verdicts on them
    recipes: Path | None = None  # recipes.csv of the tables


@dataclass(frozen=True)
class Results:
    book: Book
    tables: list[TablePage]
    methods: list[MethodPage]
    runs: list[Run]
    pooled: dict[str, Any]  # the runs as the pages show them, and what they share; see runs.py
    figures: list[Figure]
    audit: list[dict[str, str]]
    costs: dict[str, list[dict[str, Any]]]  # name of the list -> an entry for each network
    verdicts: Verdicts | None
    elsewhere: dict[str, list[Result]]  # method -> its results in other studies
    rest: list[Missing]  # what the command line left out
    measured_on: str  # how speeds were measured, and on which machine; empty if they were not

    @property
    def number(self) -> dict[str, int]:
        """Folder of a run -> its index among the pooled runs."""
        return {run["folder"]: place for place, run in enumerate(self.pooled["runs"])}

    @property
    def main(self) -> dict[str, float | None]:
        """Folder of a run -> its mAP."""
        pools = self.pooled["pools"]
        return {run["folder"]: runs.value(pools, run, MAIN) for run in self.pooled["runs"]}

    def source(self, table: TablePage) -> str:
        """The paper and number of a table."""
        if not table.printed:
            return "not in the papers"
        return f"{titles.system(self.book, table.paper)}, table {table.table}"


def runs_of(book: Book) -> list[Run]:
    """The runs behind the tables and the figures of a study, each once."""
    drawn = plans.of_study(book).items()
    found = {run for name, entry in drawn for run in rest.behind_figure(book, name, entry)}
    return sorted(found | {*tables.runs(book, list(tables.of_study(book)))})


def recipe(book: Book, name: str) -> dict[str, Any]:
    checks = convergence.recipe(book, [name])
    return tables.recipe(book, name) | {"convergence": checks}


def printed(book: Book, places: Places, entry: dict[str, Any]) -> Path | None:
    """The published values of the table's paper, which has its method's name; none for own data."""
    paper = entry["paper"]
    return places.published / f"{paper}.csv" if paper in book.methods else None


def read(config: Path, places: Places, given: dict[str, Any]) -> Results:
    """`given`: settings from the command line, which override the study's."""
    book = read_study(config, given)
    unchosen = {name: line for name, line in given.items() if name not in rest.CHOICES}
    audit = read_audit(places.audit)
    found = [
        table_pages.read(
            convergence.noted(recipe(book, name)),
            name,
            places.tables / book.study / f"{name}.csv",
            printed(book, places, entry),
            places.published / "systems.csv",
            audit,
        )
        for name, entry in tables.of_study(book).items()
    ]
    wanted = runs_of(book)
    return Results(
        book=book,
        tables=found,
        methods=[
            method_pages.page(book, name, found, read_lines(places.recipes))
            for name in method_pages.shown(book)
        ],
        runs=wanted,
        pooled=about(book, given) | read_runs(places, wanted, found),
        figures=[figure_files.read(path) for path in places.figures],
        audit=audit if any(table.printed for table in found) else [],
        costs={path.stem: read_json(path) for path in places.costs},
        verdicts=verdicts.read(book, places.claims),
        elsewhere=other_studies.read(
            places.tables, config, book.study, places.published / "systems.csv"
        ),
        rest=rest.read(read_study(config, unchosen), book) if unchosen != given else [],
        measured_on=" ".join(map(last_line, places.costs)).strip(),
    )


def last_line(costs: Path) -> str:
    """The text beside measured costs ends with the machine; counts have none beside them."""
    beside = costs.with_suffix(".md")
    if not beside.exists():
        return ""
    text = beside.read_text(encoding="utf-8")
    return escaping.plain(text.splitlines()[-1])


def about(book: Book, given: dict[str, Any]) -> dict[str, Any]:
    """What the pages need to show the commands that make a cell again."""
    options = [f"{name}={text(value)}" for name, value in sorted(given.items())]
    return {"study": book.study, "config": options, "counts": tables.COUNTS}


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_runs(places: Places, wanted: list[Run], found: list[TablePage]) -> dict[str, Any]:
    shown = {run.folder: {MAIN} for run in wanted}
    for table in found:
        for cell in table.cells:
            for folder in cell.runs:
                shown[folder].add(cell.metric)
    return runs.read(places.runs, wanted, shown)


def read_lines(path: Path | None) -> list[dict[str, str]]:
    return [] if path is None else tables.read_published(path).to_dict("records")


def read_audit(path: Path | None) -> list[dict[str, str]]:
    """A line for each finding of the audit; `place` is its number in the list."""
    return [{"place": str(place), **line} for place, line in enumerate(read_lines(path), 1)]
