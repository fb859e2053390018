"""Figures as data: entries of figures.yaml -> all that a figure is drawn from, as plain data.

Nothing is drawn here, and nothing slow imported: the workflow reads this to know its files.
"""

from typing import Any

from labelgraph.figures import fields, sweep_points
from labelgraph.figures.fields import COMMON, KINDS
from labelgraph.study import checks
from labelgraph.study.recipe import Book, Run, run_of
from labelgraph.tables import tables

Entry = dict[str, Any]


def of_study(book: Book) -> dict[str, Entry]:
    """The figures that a study makes, by name, with the study's word on each."""
    changes = book.size.get("figures", {})
    checks.keys(f"studies/{book.study}.yaml: figures", changes, set(book.figures))
    found = {}
    for name, entry in book.figures.items():
        chosen = entry | (changes.get(name) or {})
        fields.check(name, chosen)
        if shown(book, chosen):
            found[name] = chosen
    return found


def shown(book: Book, entry: Entry) -> list[str]:
    """The datasets of a figure that the study runs."""
    if entry.get("table", "") not in {"", *book.tables}:
        raise ValueError(f"tables.yaml has no {entry['table']!r}; it has {list(book.tables)}")
    return [name for name in entry["datasets"] if book.runs_on(name)]


def runs(book: Book, entry: Entry) -> list[Run]:
    """The runs whose inside or predictions are shown, with the study's first seed."""
    found = [
        run_of(book.study, "full", dataset, system, book.size["seeds"][0])
        for dataset in shown(book, entry)
        for system in entry.get("systems", [])
    ]
    for run in found:
        book.settings(run)  # a name that does not exist is found here
    return found


def seeds(book: Book, entry: Entry) -> list[int]:
    if "table" in entry:
        return sorted({run.seed for run in tables.runs(book, [entry["table"]])})
    return book.size["seeds"][: 1 if "systems" in entry else entry.get("seeds")]


def plan(book: Book, name: str, entry: Entry) -> dict[str, Any]:
    """All that a figure depends on: its entry, titles, and the files that it is drawn from."""
    datasets, own = shown(book, entry), runs(book, entry)
    found = {
        "name": name,
        **{key: entry.get(key, {}) for key in sorted(COMMON | KINDS[entry["kind"]].keys)},
        "datasets": {each: book.dataset(each)["title"] for each in datasets},
        "systems": {system: title(book, system) for system in entry.get("systems", [])},
        "files": {each: files(book, name, entry, each, own) for each in datasets},
        "frozen": (book.defaults["encoder"] | book.size.get("encoder", {}))["learns"] == "nothing",
        "note": book.size["note"],
        "protocol": book.circumstances(seeds(book, entry)),
    }
    if entry["kind"] == "sweep":
        found["curves"] = sweep_points.curves(book, entry, datasets)
    if entry["kind"] == "proportions":
        found |= of_table(book, entry["table"], datasets)
    if entry["kind"] == "dots":
        found |= rows_of_table(book, entry, datasets)
    if entry["kind"] in ("sweep", "proportions"):
        found["printed"] = f"workflow/published/{entry['paper']}.csv"
    return found


def of_table(book: Book, name: str, datasets: list[str]) -> dict[str, Any]:
    """What fills the table that a figure draws; its notes are not shown again."""
    source = tables.recipe(book, name)
    unseen = {"footnotes", "caption", "note", "notes", "protocol"}
    scores = {
        row: {place: places[place] for place in places if place.split("/")[1] in datasets}
        for row, places in source["scores"].items()
    }
    return {
        "source": {key: source[key] for key in sorted(source.keys() - unseen)} | {"scores": scores},
        "names": {
            row: book.method(system.partition("@")[0])["title"]
            for row, system in source["runs"].items()
        },
        "titles": "workflow/published/systems.csv",
    }


def rows_of_table(book: Book, entry: Entry, datasets: list[str]) -> dict[str, Any]:
    """The scores behind each row, named by what ran; `plain` rows are the reference's method."""
    source, reference = tables.recipe(book, entry["table"]), entry["reference"]
    if source["runs"] or reference not in source["more"].values():
        raise ValueError(
            f"figures.{entry['paper']}_{entry['figure']}: {entry['table']} has the rows"
            f" {sorted(source['more'].values())} that no paper has; `reference` is {reference!r}"
            " and must be one of them, and a table with rows of a paper cannot be drawn as dots"
        )
    method = reference.partition("@")[0]
    rows = source["more"].items()
    return {
        "rows": {
            row: {each: source["scores"][row][f"{source['task']}/{each}"] for each in datasets}
            for row, _ in rows
        },
        "plain": [row for row, system in rows if system.partition("@")[0] == method],
        "reference": next(row for row, system in rows if system == reference),
    }


def title(book: Book, system: str) -> str:
    method, _, variant = system.partition("@")
    return book.variants(method)[variant].get("title", book.method(method)["title"])


def files(book: Book, name: str, entry: Entry, dataset: str, shown: list[Run]) -> dict[str, Any]:
    """Where a dataset's part of the figure comes from; `root` is the folder of its photographs."""
    own = [run for run in shown if run.dataset == dataset]
    place = f"{book.study}/full/{dataset}"
    found = {
        "root": f"data/raw/{book.size['origin']}/{book.dataset(dataset)['raw']}",
        "manifest": f"data/manifests/{book.study}/{dataset}.npz",
        "targets": f"data/splits/{place}/targets.npz",
        "counts": f"data/inputs/{book.study}/{dataset}/full/label_counts.npz",
        "predictions": {run.system: f"results/runs/{run.folder}/predictions.npz" for run in own},
        "inspections": {run.system: f"results/inspections/{name}/{run.folder}.npz" for run in own},
    }
    return {key: found[key] for key in found if key in KINDS[entry["kind"]].reads}


def inputs(figure: dict[str, Any]) -> list[str]:
    """The files that a planned figure is drawn from; of a raw folder, the list of its files."""
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
