"""Entries of figures.yaml -> everything that a figure is drawn from, as plain data.

Nothing is drawn here, and nothing slow imported: the workflow reads this to know its files.
"""

from typing import Any

from labelgraph.figures import fields, sweep_points, table_rows
from labelgraph.figures.fields import COMMON, KINDS
from labelgraph.study.config import Book, Run, run_of
from labelgraph.study.validation import check_keys
from labelgraph.tables import tables, titles

Entry = dict[str, Any]


def of_study(book: Book) -> dict[str, Entry]:
    """The figures of a study by name, with the study's changes."""
    changes = book.size.figures
    check_keys(f"studies/{book.study}.yaml: figures", changes, set(book.figures))
    found = {}
    for name, entry in book.figures.items():
        chosen = entry | (changes.get(name) or {})
        fields.check(name, chosen, book.datasets, book.tables)
        if shown(book, chosen):
            found[name] = chosen
    return only(book, found)


def only(book: Book, found: dict[str, Entry]) -> dict[str, Entry]:
    """Those that were chosen, if any were."""
    wanted = book.size.only_figures
    if wanted is None:
        return found
    for name in wanted:
        if name not in book.figures:
            raise ValueError(f"figures.yaml has no {name!r}; it has {list(book.figures)}")
        if name not in found:
            raise ValueError(f"study {book.study} runs none of the datasets of the figure {name}")
    return {name: entry for name, entry in found.items() if name in wanted}


def shown(book: Book, entry: Entry) -> list[str]:
    """The datasets of a figure that the study runs."""
    if entry.get("table", "") not in {"", *book.tables}:
        raise ValueError(f"tables.yaml has no {entry['table']!r}; it has {list(book.tables)}")
    return [name for name in entry["datasets"] if book.runs_on(name)]


def runs(book: Book, entry: Entry) -> list[Run]:
    """The runs whose models or predictions are shown, of the study's first seed."""
    found = [
        run_of(book.study, "full", dataset, system, book.size.seeds[0])
        for dataset in shown(book, entry)
        for system in entry.get("systems", [])
    ]
    for run in found:
        book.settings(run)  # fails if a name does not exist
    return found


def all_runs(book: Book, entry: Entry, own: list[Run]) -> list[Run]:
    """`own` and the runs behind a curve or a table that the figure draws."""
    if "table" in entry:
        found = tables.runs(book, [entry["table"]])
        return [run for run in found if run.dataset in entry["datasets"]]
    return own or [
        run
        for sweep in entry.get("sweeps", [])
        for dataset in shown(book, entry)
        for point in sweep_points.runs(book, entry, sweep, dataset)
        for run in point
    ]


def seeds(book: Book, entry: Entry) -> list[int]:
    if "table" in entry:
        return sorted({run.seed for run in tables.runs(book, [entry["table"]])})
    return book.size.seeds[: 1 if "systems" in entry else entry.get("seeds")]


def plan(book: Book, name: str, entry: Entry) -> dict[str, Any]:
    """Everything a figure depends on: its entry, titles, and the files that it is drawn from."""
    datasets, own = shown(book, entry), runs(book, entry)
    behind = all_runs(book, entry, own)
    titled = [
        (titles.system(book, run.system, [f"{run.task}/{run.dataset}"]), run) for run in behind
    ]
    found = {
        "name": name,
        **{key: entry.get(key, {}) for key in sorted(COMMON | KINDS[entry["kind"]].keys)},
        "caption": titles.caption(book, entry["caption"], datasets),
        "datasets": {each: titles.dataset(book, each) for each in datasets},
        "systems": {
            system: titles.system(book, system, [f"full/{each}" for each in datasets])
            for system in entry.get("systems", [])
        },
        "files": {each: files(book, name, entry, each, own) for each in datasets},
        "frozen": all(book.settings(run).training.encoder.rests for run in behind),
        "note": book.size.note,
        "protocol": book.circumstances(titled, seeds(book, entry)),
    }
    if entry["kind"] == "sweep":
        found["curves"] = sweep_points.curves(book, entry, datasets)
    if entry["kind"] == "proportions":
        found |= of_table(book, entry["table"], datasets)
    if entry["kind"] == "dots":
        found |= table_rows.rows(tables.recipe(book, entry["table"]), entry, datasets)
    if entry["kind"] in ("sweep", "proportions"):
        found["printed"] = f"workflow/published/{entry['paper']}.csv"
    return found


def of_table(book: Book, name: str, datasets: list[str]) -> dict[str, Any]:
    """The settings of the table that a figure draws, without its notes."""
    source = tables.recipe(book, name)
    unseen = {"departures", "recipes", "caption", "note", "notes", "protocol"}
    scores = {
        row: {place: places[place] for place in places if place.split("/")[1] in datasets}
        for row, places in source["scores"].items()
    }
    return {
        "source": {key: source[key] for key in sorted(source.keys() - unseen)} | {"scores": scores},
        "printed_datasets": {name: book.dataset(name).title for name in source["titles"]},
        "names": {
            row: titles.system(book, system.partition("@")[0])
            for row, system in source["runs"].items()
        },
        "titles": "workflow/published/systems.csv",
    }


def files(book: Book, name: str, entry: Entry, dataset: str, shown: list[Run]) -> dict[str, Any]:
    """The files behind a dataset's part of the figure; `root`: the folder of its photographs."""
    own = [run for run in shown if run.dataset == dataset]
    place = f"{book.study}/full/{dataset}"
    found = {
        "root": f"data/raw/{book.size.origin}/{book.dataset(dataset).raw}",
        "manifest": f"data/manifests/{book.study}/{dataset}.npz",
        "targets": f"data/splits/{place}/targets.npz",
        "counts": f"data/inputs/{book.study}/{dataset}/full/label_counts.npz",
        "predictions": {run.system: f"results/runs/{run.folder}/predictions.npz" for run in own},
        "inspections": {
            run.system: f"results/inspections/{book.study}/{name}/{run.place}.npz" for run in own
        },
    }
    return {key: found[key] for key in found if key in KINDS[entry["kind"]].reads}


def inputs(figure: dict[str, Any]) -> list[str]:
    """The files that a figure is drawn from; for a raw folder, the list of its files."""
    found = {figure[key] for key in ("printed", "titles") if key in figure}
    found |= {path for curve in figure.get("curves", []) for point in curve["points"]
              for path in point["scores"]}  # fmt: skip
    rows = figure.get("rows", figure.get("source", {}).get("scores", {})).values()
    found |= {path for places in rows for paths in places.values() for path in paths}
    for known in figure["files"].values():
        for key, value in known.items():
            named = f"{value}.json" if key == "root" else value
            found |= {*named.values()} if isinstance(named, dict) else {named}
    return sorted(found)
