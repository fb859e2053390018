"""What a cell was computed from: the runs of every seed, or a count."""

from pathlib import Path
from typing import Any

from labelgraph.files.small import read_json, regular, sha256
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.jobs.provenance import circumstances
from labelgraph.score.metrics import value
from labelgraph.study.config import Book, run_of
from labelgraph.tables import tables
from labelgraph.tables.table_columns import Column

Entry = dict[str, Any]
NUMBER = int | float
KEPT = {  # what is shown of provenance.json and circumstances.json, and of which kind each is
    "git": dict,
    "packages": dict,
    "python": str | None,
    "hardware": dict,
    **dict.fromkeys(("wall_seconds", "cpu_seconds", "peak_mb"), NUMBER | None),
}
GIT = {"commit": str | None, "clean": bool | None}


def counted(book: Book, root: Path, table: Entry, key: str, column: Column) -> Entry:
    """A cost, from the one file of counts, which is the same on any machine."""
    network = (tables.systems(table) | table["counted"])[key]
    path = root / table["costs"]
    known = {entry["method"]: entry for entry in read_json(path)} if path.exists() else {}
    about = {"network": network, "metric": column.metric, "file": table["costs"]}
    about |= {"found": network in known, "value": known.get(network, {}).get(column.metric)}
    mean, std, seeds, _ = tables.counted(about["value"])
    again = {"mean": mean, "std": std, "seeds": seeds} if about["found"] else None
    return {"counted": about, "recomputed": again}


def ran(book: Book, root: Path, table: Entry, key: str, column: Column) -> Entry:
    """All runs of all seeds, and the cell that they give."""
    scores = table["scores"].get(key, {})
    paths = {place: scores[place] for place in column.places if place in scores}
    runs = [
        a_run(book, root, Path(path), column.metric) for each in paths.values() for path in each
    ]
    if not runs or not all(run["found"] for run in runs):
        return {"runs": runs}
    read = {place: [read_json(root / path) for path in each] for place, each in paths.items()}
    mean, std, seeds, _ = tables.summary(tables.by_seed(column, read))
    return {"runs": runs, "recomputed": {"mean": mean, "std": std, "seeds": seeds}}


def a_run(book: Book, root: Path, scores: Path, metric: str) -> Entry:
    task, dataset, system, seed = scores.parts[-5:-1]
    run = run_of(book.study, task, dataset, system, int(seed.removeprefix("seed")))
    folder = root / scores.parent
    names = ("scores.json", "settings.yaml", "provenance.json")
    about = {
        "folder": str(scores.parent),
        **{name: getattr(run, name) for name in ("task", "dataset", "method", "variant", "seed")},
        "found": all((folder / name).exists() for name in names),
    }
    if not about["found"]:
        return about
    settings = read_yaml(regular(folder / "settings.yaml"))
    if not isinstance(settings, dict):
        raise ValueError(
            f"{folder}/settings.yaml is not what a training writes; expected KEY: VALUE"
        )
    origin = read_origin(folder)
    known = number(folder / "scores.json", metric)
    return about | {
        "value": None if known is None else 100 * known,
        "settings": settings,
        "as_configured": settings == book.settings(run).training.lines(),
        **{name: origin[name] for name in KEPT},
        "inputs": [
            {"path": path, "sha256": digest, "state": state(root, path, digest)}
            for path, digest in origin["inputs"].items()
        ],
    }


def read_whole(path: Path, keys: set[str]) -> Entry:
    found = read_json(path)
    if not isinstance(found, dict) or keys - found.keys():
        raise ValueError(f"{path} is not what a run writes; expected the keys {sorted(keys)}")
    return found


def read_origin(folder: Path) -> Entry:
    """Provenance and circumstances, whose values must be of the kinds that a training writes."""
    path = folder / "provenance.json"
    found = read_whole(path, {"packages", "inputs"}) | circumstances(folder)
    check_kinds(path, found, KEPT | {"inputs": dict})
    check_kinds(path, found["git"], GIT)
    check_kinds(path, found["inputs"], dict.fromkeys(found["inputs"], str))
    return found


def check_kinds(path: Path, block: Entry, kinds: dict[str, Any]) -> None:
    for key, kind in kinds.items():
        if key not in block or not isinstance(block[key], kind):
            shown = f"{key} is {block[key]!r:.60}" if key in block else f"there is no {key}"
            raise ValueError(f"{path} is not what a training writes: {shown}")


def number(path: Path, metric: str) -> float | None:
    scores = read_whole(path, {"map", "ap", "settings", "labels"})
    try:
        found = value(scores, metric)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} is not what `score` writes: {metric} cannot be read") from None
    check_kinds(path, {metric: found}, {metric: NUMBER | None})
    return found


def state(root: Path, name: str, digest: str) -> str:
    """provenance.json may name any path; only files of the checkout are opened."""
    path = root / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return "outside"
    if not path.exists():
        return "gone"
    if not path.is_file():
        return "no file"
    return "same" if sha256(path) == digest else "changed"
