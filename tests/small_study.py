"""A study of the user's own data: the steps of the workflow's jobs, run in this process."""

import contextlib
import json
from pathlib import Path

from conftest import ROOT

from labelgraph.__main__ import main
from labelgraph.files.small import read_json
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.report import table_pages
from labelgraph.steps import (
    assess,
    calibrate,
    count_labels,
    embed_labels,
    extract_features,
    list_folder,
    predict,
    score,
    split,
    tabulate,
    train,
    write_manifest,
)
from labelgraph.study import own_data
from labelgraph.study.config import Book, read_study
from labelgraph.study.settings import Settings
from labelgraph.tables import tables

CODE = [Path(__file__)]  # of a rule
SIDE = 32  # pixels that the encoder sees
SMALL = {
    "own_table": {"rows": ["baseline"]},
    "train": {"epochs": 1},
    "encoder": {"size": SIDE, "test_size": SIDE},
}


def check(folder: Path, config: Path, capsys) -> tuple[int, dict, str]:
    """Exit code and finding of check-data, and its text output."""
    written = [] if config.exists() else ["--write", str(config)]
    with contextlib.chdir(ROOT):
        code = main(["check-data", str(folder), *written])
        text = capsys.readouterr().out
        main(["check-data", str(config if config.exists() else folder), "--json"])
    found = capsys.readouterr().out
    return code, json.loads(found)[0] if found else {}, text


def run(config: Path, place: Path, **more) -> dict:
    """`place`: an empty folder for what is made. Gives the scores, and the table as written."""
    lines = read_yaml(config)
    book = read_study(ROOT / "workflow/config", lines | SMALL | more)
    (name,) = lines["datasets"]
    place.mkdir()
    with contextlib.chdir(place):
        runs = tables.runs(book, tables.of_study(book))
        inputs(book, name, runs[0].task)
        for one in runs:
            learn(book.settings(one), Path("results/runs", one.folder))
        table = f"own_{name}"
        systems = ROOT / "workflow/published/systems.csv"
        about = tables.recipe(book, table)
        tabulate.main(about, None, systems, Path(f"{table}.csv"))
        made = {ending: Path(f"{table}.{ending}").read_text() for ending in ("csv", "md", "tex")}
        made["sheet"] = table_pages.read(about, table, Path(f"{table}.csv"), None, systems, [])
        return made | {"scores": read_json(Path("results/runs", runs[0].folder, "scores.json"))}


def inputs(book: Book, name: str, task: str) -> None:
    entry, manifest, root = book.dataset(name), Path("manifest.npz"), Path("raw")
    folder = Path(entry.folder)
    list_folder.main(folder, own_data.state(folder), Path("raw.json"))
    write_manifest.main(
        entry.reader,
        root,
        entry.options,
        manifest,
        Path("manifest.json"),
        workers=2,
        decode=False,
    )
    files = [Path(f"{kind}.npz") for kind in ("train", "report", "targets")]
    split.main(manifest, book.protocol(name, task), *files, Path("protocol.json"))
    count_labels.main(Path("train.npz"), Path("counts.npz"))
    words = {"aliases": entry.aliases, "multiword": "mean", "case": "lower", "missing": "drawn"}
    embed_labels.main(manifest, None, words, Path("vectors.npz"), Path("vectors.json"))
    encoder = {"name": "efficientnet_lite0", "weights": "imagenet", "size": SIDE}
    parts = entry.parts.lines().values()
    for view in ("plain", "flip"):
        extract_features.main(
            manifest,
            root,
            encoder | {"view": view},
            parts,
            CODE,
            Path("work"),
            Path(f"{view}.json"),
        )


def learn(settings: Settings, output: Path) -> None:
    training, scoring = settings.training, settings.scoring
    views = [Path(f"{view}.json") for view in training.train.views]
    given = {key: Path(f"{key}.npz") for key in ("train", "counts", "vectors")}
    given |= {"work": Path("work"), "base": None, "edges": None, "code": CODE}
    images = {"images": None, "regions": None}
    train.main(training, train.Files(**given, features=views, **images), output)
    plain = [Path("plain.json")]
    model, predictions = output / "model.safetensors", output / "predictions.npz"
    predict.main(training, model, Path("report.npz"), plain, None, None, predictions)
    fitted, targets = output / "calibration.json", Path("targets.npz")
    calibrate.main(training, "tune", 0.5, model, Path("train.npz"), plain, None, None, fitted)
    score.main(predictions, targets, scoring, output / "scores.json")
    assess.main(predictions, targets, fitted, scoring, output / "assessment.json")
