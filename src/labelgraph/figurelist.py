"""Figures as data: entries of figures.yaml -> all that a figure is drawn from, as plain data.

Nothing is drawn here, and nothing slow imported: the workflow reads this to know its files.
"""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph import checks, tables
from labelgraph.recipe import Book, Run, run_of
from labelgraph.sweeps import curves

COMMON = {"paper", "figure", "kind", "caption", "notes"}
INSPECTION = Path(__file__).parent / "inspection"
ORDER = ("manifest", "counts", "targets", "predictions", "inspections")


@dataclass(frozen=True)
class Kind:
    """What the entries of a kind say besides COMMON, and what its file in figures/ reads."""

    keys: frozenset[str]
    reads: frozenset[str]  # of `files` below, for each dataset
    looks: str = ""  # what it shows of the inside of its systems: a function in inspection/


def kind(keys: str, reads: str, looks: str = "") -> Kind:
    return Kind(frozenset(keys.split()), frozenset(reads.split()), looks)


KINDS = {
    "sweep": kind("method datasets metric sweeps seeds published", ""),
    "proportions": kind("table", ""),
    "top_labels": kind("systems datasets images top", "root targets predictions"),
    "mistakes": kind("systems datasets mistakes", "root targets predictions"),
    "activation": kind(
        "systems datasets images", "root manifest targets predictions inspections", "maps"
    ),
    "regions": kind("systems datasets images", "root targets predictions inspections", "regions"),
    "retrieval": kind(
        "systems datasets queries top", "root targets predictions inspections", "features"
    ),
    "embedding": kind("systems datasets images", "counts targets inspections", "labels"),
}


def of_study(book: Book) -> dict[str, dict[str, Any]]:
    """The figures that a study makes, by name, with the study's word on each."""
    changes = book.size.get("figures", {})
    checks.keys(f"studies/{book.study}.yaml: figures", changes, set(book.figures))
    found = {}
    for name, entry in book.figures.items():
        known = COMMON | KINDS[kind_of(name, entry)].keys
        checks.keys(f"figures.{name}", entry, known)
        checks.keys(f"studies/{book.study}.yaml: figures.{name}", changes.get(name) or {}, known)
        if name != f"{entry['paper']}_{entry['figure']}":
            raise ValueError(f"figures.{name} is {entry['paper']} {entry['figure']}; name it so")
        chosen = entry | (changes.get(name) or {})
        if shown(book, chosen):
            found[name] = chosen
    return found


def kind_of(name: str, entry: dict[str, Any]) -> str:
    if entry.get("kind") not in KINDS:
        raise ValueError(f"figures.{name}: kind is {entry.get('kind')!r}, not one of {[*KINDS]}")
    return entry["kind"]


def shown(book: Book, entry: dict[str, Any]) -> list[str]:
    """The datasets of a figure that the study runs."""
    if "table" not in entry:
        return [name for name in entry["datasets"] if book.runs_on(name)]
    if entry["table"] not in book.tables:
        raise ValueError(f"tables.yaml has no {entry['table']!r}; it has {list(book.tables)}")
    return sorted({run.dataset for run in tables.runs(book, [entry["table"]])})


def runs(book: Book, entry: dict[str, Any]) -> list[Run]:
    """The runs whose inside or predictions are shown, with the study's first seed."""
    seed = book.size["seeds"][0]
    return [
        run_of(book.study, "full", dataset, system, seed)
        for dataset in shown(book, entry)
        for system in entry.get("systems", [])
    ]


def plan(book: Book, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """All that a figure depends on: its entry, titles, and the files that it reads."""
    chosen, datasets = KINDS[entry["kind"]], shown(book, entry)
    systems = {system: title(book, system) for system in entry.get("systems", [])}
    found = {
        "name": name,
        **{key: entry.get(key, []) for key in sorted(COMMON | chosen.keys)},
        "datasets": {each: book.dataset(each)["title"] for each in datasets},
        "systems": systems,
        "files": {each: files(book, name, entry, each) for each in datasets if chosen.reads},
        "frozen": (book.defaults["encoder"] | book.size.get("encoder", {}))["learns"] == "nothing",
        "note": book.size["note"],
        "protocol": book.circumstances(seeds(book, entry)),
    }
    if entry["kind"] == "sweep":
        found |= {"curves": curves(book, entry, datasets), "printed": published(entry)}
    if entry["kind"] == "proportions":
        source = tables.recipe(book, entry["table"])
        hidden = ("footnotes", "caption", "note", "notes", "protocol")
        found["source"] = {key: source[key] for key in source if key not in hidden}
        found |= {"printed": published(entry), "titles": "workflow/published/systems.csv"}
    return found


def published(entry: dict[str, Any]) -> str:
    return f"workflow/published/{entry['paper']}.csv"


def title(book: Book, system: str) -> str:
    method, _, variant = system.partition("@")
    entry = book.method(method)
    return book.variants(method)[variant].get("title", entry["title"])


def seeds(book: Book, entry: dict[str, Any]) -> list[int]:
    if "table" in entry:
        return tables.seeds(book, book.tables[entry["table"]])
    return book.size["seeds"][: 1 if "systems" in entry else entry.get("seeds")]


def files(book: Book, name: str, entry: dict[str, Any], dataset: str) -> dict[str, Any]:
    """Where a dataset's part of the figure comes from; `root` is the folder of its photographs."""
    own = [run for run in runs(book, entry) if run.dataset == dataset]
    place = f"{book.study}/full/{dataset}"
    found = {
        "root": f"data/raw/{book.size['origin']}/{book.dataset(dataset)['raw']}",
        "manifest": f"data/manifests/{book.study}/{dataset}.npz",
        "targets": f"data/splits/{place}/targets.npz",
        "counts": f"data/inputs/{book.study}/{dataset}/full/label_counts.npz",
        "predictions": {run.system: f"results/runs/{run.folder}/predictions.npz" for run in own},
        "inspections": {
            run.system: f"results/inspections/{name}/{run.folder}.npz" for run in own
        },
    }
    return {key: found[key] for key in found if key in KINDS[entry["kind"]].reads}


def inputs(figure: dict[str, Any]) -> list[str]:
    """The files that a planned figure is drawn from; of a raw folder, the list of its files."""
    found = [figure[key] for key in ("printed", "titles") if key in figure]
    found += [path for curve in figure.get("curves", []) for path in scores(curve)]
    found += [
        path
        for places in figure.get("source", {}).get("scores", {}).values()
        for paths in places.values()
        for path in paths
    ]
    for known in figure["files"].values():
        found += [f"{known['root']}.json"] if "root" in known else []
        for key in ORDER:
            value = known.get(key, [])
            found += [*value.values()] if isinstance(value, dict) else [value] if value else []
    return sorted(set(found))


def scores(curve: dict[str, Any]) -> list[str]:
    return [path for point in curve["points"] for path in point["scores"]]


def views(method: str) -> list[str]:
    """What can be shown of the inside of a method's models, read without importing torch."""
    path = INSPECTION / f"{method}.py"
    if not path.exists():
        return []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in names if not name.startswith("_")]
