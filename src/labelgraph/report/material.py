"""All that a report is made from, read once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph import figurelist, tables
from labelgraph.files import read_json
from labelgraph.recipe import Book, Run, run_of
from labelgraph.report import pictures, records, sheets
from labelgraph.report.pictures import Figure
from labelgraph.report.sheets import Sheet

MAIN = "mAP"  # what a run is known by where one number must do


@dataclass(frozen=True)
class Places:
    """Where a report reads from."""

    published: Path  # folder
    tables: Path  # folder
    runs: Path  # folder
    figures: tuple[Path, ...]  # the text of each
    audit: Path | None
    costs: tuple[Path, ...]  # lists of networks, counted and measured


@dataclass(frozen=True)
class Material:
    book: Book
    sheets: list[Sheet]
    runs: list[Run]
    records: dict[str, Any]
    figures: list[Figure]
    audit: list[dict[str, str]]
    costs: dict[str, list[dict[str, Any]]]  # name of the list -> a network a line

    @property
    def number(self) -> dict[str, int]:
        """Folder of a run -> its place in the records."""
        return {run["folder"]: place for place, run in enumerate(self.records["runs"])}

    @property
    def main(self) -> dict[str, float | None]:
        """Folder of a run -> its mAP."""
        pools = self.records["pools"]
        return {run["folder"]: records.value(pools, run, MAIN) for run in self.records["runs"]}

    def source(self, sheet: Sheet) -> str:
        """Which printed table it is."""
        if not sheet.printed:
            return "not in the papers"
        return f"{self.book.method(sheet.paper)['title']}, table {sheet.table}"


def runs_of(book: Book) -> list[Run]:
    """The runs behind the tables and the figures of a study, each once."""
    figures = figurelist.of_study(book)
    files = {
        Path(path)
        for name, entry in figures.items()
        for path in figurelist.inputs(figurelist.plan(book, name, entry))
    }
    drawn = {run_at(path) for path in files if path.name in ("scores.json", "predictions.npz")}
    return sorted(drawn | {*tables.runs(book, list(tables.of_study(book)))})


def run_at(path: Path) -> Run:
    """Whose file it is."""
    *_, study, task, dataset, system, seed = path.parent.parts
    return run_of(study, task, dataset, system, int(seed.removeprefix("seed")))


def read(book: Book, places: Places) -> Material:
    audit = read_audit(places.audit)
    found = [
        sheets.read(
            tables.recipe(book, name),
            name,
            places.tables / book.study / f"{name}.csv",
            places.published / f"{entry['paper']}.csv",
            places.published / "systems.csv",
            audit,
        )
        for name, entry in tables.of_study(book).items()
    ]
    runs = runs_of(book)
    return Material(
        book=book,
        sheets=found,
        runs=runs,
        records=read_records(book, places, runs, found),
        figures=[pictures.read(path) for path in places.figures],
        audit=audit,
        costs={path.stem: read_json(path) for path in places.costs},
    )


def read_records(book: Book, places: Places, runs: list[Run], found: list[Sheet]) -> dict[str, Any]:
    shown = {run.folder: {MAIN} for run in runs}
    for sheet in found:
        for cell in sheet.cells:
            for folder in cell.runs:
                shown[folder].add(cell.metric)
    about = {"study": book.study, "counts": tables.COUNTS}
    return about | records.read(places.runs, runs, shown)


def read_audit(path: Path | None) -> list[dict[str, str]]:
    """A line a finding, as the audit's rule writes them; `place` is its number in the list."""
    if path is None:
        return []
    found = tables.read_published(path).to_dict("records")
    return [{"place": str(place), **line} for place, line in enumerate(found, 1)]
