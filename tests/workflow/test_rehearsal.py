"""The study `rehearsal`: what it leaves of `paper`, and that its archives become all datasets."""

import csv
import subprocess
import sys
from pathlib import Path

import archives
import pytest
import rehearsed
import serving
import yaml
from conftest import ROOT
from test_workflow import copy_of

from labelgraph.fetch import sources
from labelgraph.figures import plans
from labelgraph.files.small import read_arrays, read_json
from labelgraph.manifest import finding
from labelgraph.split.roles import TUNE
from labelgraph.steps import embed_labels, fetch, split, unpack, write_manifest
from labelgraph.study.config import read_study
from labelgraph.tables import tables

CONFIG = ROOT / "workflow/config"
BOOKS = {study: read_study(CONFIG, {"study": study}) for study in ("paper", "rehearsal")}
LABELS = {"voc2007": 20, "coco2014": 80, "nuswide": 81, "vg200": 200, "vg500": 500}
DIFFERENCES = [
    "rehearsal: True",
    "models: removed",
    "gpu: 0",
    "sizes.448: 128",
    "sizes.576: 160",
    "train.epochs: 1",
    "train.drop_at: []",
    "train.precision: float32",
    "train.workers: 0",
    "shots.train.epochs: 1",
    "methods.curriculum.model.rounds: [0]",
    "methods.sst_pl.model.start: 0",
    "methods.sarb.model.start: 0",
    "methods.srn.model.rounds: [0, 0, 0]",
    "methods.mlic_kd_wsd.model.rounds: [0, 0]",
    "methods.hcp.model.start: 0",
    "methods.pla.model.probe: 0",
    "methods.pla.model.start: 0",
    "methods.order_free_rnn.model.start: 0",
    "methods.rlsd.model.start: 0",
    "datasets.voc2007.tune: 0.34",
    "datasets.coco2014.tune: 0.17",
    "datasets.coco2014.fewshot.episodes: 1",
    "datasets.nuswide.tune: 0.34",
    "datasets.vg200.tune: 0.17",
    "datasets.vg500.tune: 0.17",
    "datasets.vg500.fewshot.episodes: 1",
]


def test_these_are_all_differences():
    assert rehearsed.differences(ROOT) == DIFFERENCES


def test_every_table_figure_task_dataset_and_method_of_paper_is_rehearsed():
    made = {}
    for study, book in BOOKS.items():
        names = tables.of_study(book)
        runs = {(run.task, run.dataset, run.system) for run in tables.runs(book, names)}
        made[study] = [*names], [*plans.of_study(book)], runs
    assert made["rehearsal"] == made["paper"]


def test_the_weights_of_every_network_are_served():
    book, found = BOOKS["rehearsal"], sources.read(CONFIG / "sources.yaml")
    runs = tables.runs(book, tables.of_study(book))
    asked = {Path(book.settings(run).training.encoder.weights).name for run in runs}
    assert asked <= {*archives.WEIGHTS}
    known = {source.file for group in found.groups.values() for source in group.sources.values()}
    assert {*archives.WEIGHTS} <= known


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The raw folders of all datasets and of word vectors, from a server that cuts the line."""
    place = tmp_path_factory.mktemp("rehearsal")
    archives.write_datasets(place / "store")
    manners = {"VOCtest_06-Nov-2007.tar": ["cut"], "images.zip": ["busy", "cut"]}
    with serving.Server(place / "store", manners) as server:
        found = serving.table(
            yaml.safe_load((CONFIG / "sources.yaml").read_text()), place / "store", server.root
        )
        found["transfer"]["wait_seconds"] = 0.01
        (place / "sources.yaml").write_text(yaml.safe_dump(found))
        for group in sources.read(place / "sources.yaml").groups.values():
            if group.layout:
                get(place, group)
    assert {*server.resumed.elements()} == {*manners}
    return place


def get(place, group):
    table, files = place / "sources.yaml", []
    for source in group.sources.values():
        files.append(place / "archives" / source.file)
        fetch.main(table=table, name=source.name, output=files[-1], local=None)
    raw = place / "raw" / f"{group.name}.json"
    unpack.main(table=table, name=group.name, output=raw, archives=files, local=None)


@pytest.mark.parametrize("dataset", LABELS)
def test_the_archives_make_a_dataset_for_each_task(dataset, place):
    book, folder = BOOKS["rehearsal"], place / dataset
    folder.mkdir()
    entry = book.dataset(dataset)
    manifest = folder / "manifest.npz"
    about = folder / "manifest.json"
    raw = place / "raw" / entry.raw
    write_manifest.main(entry.reader, raw, entry.options, manifest, about, workers=1, decode=True)
    assert len(finding.read(entry.reader, raw, **entry.options).names) == LABELS[dataset]
    options = {"aliases": entry.aliases, "multiword": "mean", "case": "lower"}
    options |= {"missing": "refused"}
    words = place / "raw/glove/glove.6B.300d.txt"
    files = folder / "vectors.npz", folder / "vectors.json"
    embed_labels.main(manifest, words, options, *files)
    runs = tables.runs(book, tables.of_study(book))
    for task in sorted({run.task for run in runs if run.dataset == dataset}):
        files = [folder / f"{name}-{task}" for name in ("train.npz", "report.npz", "targets.npz")]
        split.main(manifest, book.protocol(dataset, task), *files, folder / "protocol.json")
        train = read_arrays(files[0])
        assert len(read_arrays(files[1])["images"]) == 4
        assert (train["role"] == TUNE).sum() == 1 or task != "full"


def test_conceptnet_is_fetched_and_becomes_a_table_of_labels(place, tmp_path):
    """By the rules, from a server."""
    made, table = copy_of(tmp_path), "data/inputs/rehearsal/coco2014/label_edges"
    with serving.Server(place / "store", {archives.ASSERTIONS: ["cut"]}) as server:
        found = serving.table(
            yaml.safe_load((CONFIG / "sources.yaml").read_text()), place / "store", server.root
        )
        (made / "workflow/config/sources.yaml").write_text(yaml.safe_dump(found))
        command = [sys.executable, "-m", "snakemake", "--cores", "1"]
        command += ["--config", "study=rehearsal", "--", f"{table}.csv"]
        done = subprocess.run(command, cwd=made, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert +server.resumed == {archives.ASSERTIONS: 1}
    with (made / f"{table}.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    pairs = {(row["label"], row["other"]): float(row["weight"]) for row in rows}
    assert pairs["bicycle", "person"] == 1.0
    assert pairs["boat", "traffic light"] == 0.5  # the mean over `traffic` and `light`
    assert pairs["stop sign", "traffic light"] == 0.25
    assert len(read_json(made / f"{table}.json")["labels"]) == LABELS["coco2014"]
