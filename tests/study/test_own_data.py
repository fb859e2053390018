"""The user's own data: entries, tables, drawn parts, tables of labels, random word vectors."""

import argparse
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from dataset_cases import SAMPLES, read

from labelgraph.commands import _given
from labelgraph.files.small import read_json
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.inputs import word_vectors
from labelgraph.manifest import finding
from labelgraph.manifest.readers import _parts, folders
from labelgraph.review import stale
from labelgraph.steps import list_folder
from labelgraph.study import own_data, own_tables
from labelgraph.study.config import read_study
from labelgraph.tables import tables

CONFIG = ROOT / "workflow/config"
USUAL = ["baseline", "baseline@max", "ml_gcn", "add_gcn", "ssgrl", "c_tran", "ml_sgm"]
ENTRY = {"folder": str(SAMPLES / "folders"), "reader": "folders"}


def study(entry=None, name="pets", **more):
    return read_study(CONFIG, {"study": "own", "datasets": {name: ENTRY | (entry or {})}, **more})


def test_an_entry_of_two_lines_is_a_dataset_with_a_table():
    book = study()
    assert tables.of_study(book).keys() == {"own_pets"}
    runs = tables.runs(book, tables.of_study(book))
    assert {run.dataset for run in runs} == {"pets"}
    assert [run.system for run in runs] == sorted(USUAL)
    for run in runs:
        assert book.settings(run).training.encoder.cached
    entry = book.dataset("pets")
    assert (entry.title, entry.raw) == ("pets", "pets")
    assert entry.options == {"parts": None, "draw": {"share": 0.25, "seed": 0}, "none": None}
    table = tables.recipe(book, "own_pets")
    assert table["notes"] == [own_tables.RULE, own_tables.NO_WORDS]
    assert "probability of 0.5" in own_tables.RULE and book.defaults.score.threshold == 0.5
    assert table["more"]["EfficientNet-Lite0, linear (max pooling)"] == "baseline@max"


def systems(book):
    return {run.system for run in tables.runs(book, tables.of_study(book))}


def test_all_methods_are_those_that_the_data_allow():
    every = {"own_table": {"rows": "all"}}
    plain = systems(study(**every))
    assert {*USUAL, "laso", "sst_pl", "dsdl"} < plain
    assert not {"ia_gcn", "gm_mlic", "hcp"} & plain  # they take regions, and there are no boxes
    folder = str(SAMPLES / "voc2007/VOCdevkit/VOC2007")
    book = study({"folder": folder, "reader": "voc_folders"}, **every)
    assert systems(book) == plain | {"ia_gcn", "gm_mlic", "hcp"}
    assert book.dataset("pets").parts.lines() == {"train": "trainval", "report": "test"}


def test_methods_for_missing_labels_come_with_missing_labels():
    missing = {"partial_bce", "curriculum", "sst_pl", "sarb"}
    hidden = study(own_table={"task": "partial-50"})
    unknown = study({"difficult": {"train": "ignored", "ap": "ignored", "f1": "ignored"}})
    assert systems(hidden) == systems(unknown) == {*USUAL} | missing
    assert systems(study(own_table={"task": "partial-50", "rows": ["ml_gcn"]})) == {"ml_gcn"}


def test_of_difficult_labels_what_is_not_said_stands_as_it_was():
    found = study({"difficult": {"train": "ignored"}}).dataset("pets").difficult.lines()
    assert found == {"train": "ignored", "ap": "ignored", "f1": "negative"}


def test_two_rows_of_one_title_are_refused():
    block = {"rows": ["baseline", "ml_gcn"], "titles": {"baseline": "ML-GCN"}}
    with pytest.raises(ValueError, match=r"two rows called 'ML-GCN', baseline and ml_gcn"):
        study(own_table=block)


def test_the_laptop_study_takes_it_too():
    given = {"study": "laptop", "datasets": {"pets": ENTRY}, "own_table": {"rows": ["ml_gcn"]}}
    book = read_study(CONFIG, given)
    assert "own_pets" in tables.of_study(book)
    assert [r.system for r in tables.runs(book, ["own_pets"])] == ["ml_gcn"] * 3


@pytest.mark.parametrize(
    ("entry", "name", "more", "message"),
    [
        ({"reader": "csv"}, "pets", {}, r"pets.reader is 'csv'; expected one of folders, table"),
        ({"folder": "/nowhere"}, "pets", {}, "pets.folder is /nowhere, which is not a folder"),
        ({"colour": 1}, "pets", {}, r"pets has unknown keys \['colour'\]; known are .*'folder'"),
        ({"options": {"x": 1}}, "pets", {}, r"options has unknown keys \['x'\]; known are .*draw"),
        ({"reader": "table"}, "pets", {}, r"pets.options lacks \['file'\]"),
        (
            {"vectors": "no.txt"},
            "pets",
            {},
            "pets.vectors is no.txt, which is not a file; it may be",
        ),
        ({}, "voc2007", {}, "voc2007 is a dataset of datasets.yaml; for a copy of it give local"),
        ({}, "my pets", {}, "a name is made of letters"),
        ({}, "pets", {"own_table": {"rows": ["gcn"]}}, "rows has 'gcn'; the methods are"),
        ({}, "pets", {"own_table": {"rows": ["ml_gcn@x"]}}, "ml_gcn has no variant 'x'"),
        ({}, "pets", {"own_table": {"rows": ["ia_gcn"]}}, "ia_gcn, which takes regions, and pets"),
        ({}, "pets", {"own_table": {"row": []}}, r"own_table has unknown keys \['row'\]"),
    ],
)
def test_a_wrong_line_is_named(entry, name, more, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        study(entry, name, **more)


def test_all_mistakes_of_all_entries_are_reported_at_once():
    first = {"folder": "/nowhere", "reader": "folders", "tune": 2, "options": {"draw": {}}}
    second = {"folder": str(SAMPLES), "reader": "table", "vectors": "no.txt", "colour": 1}
    with pytest.raises(ValueError) as error:
        read_study(CONFIG, {"study": "own", "datasets": {"pets": first, "cars": second}})
    assert [line.split(";")[0].split(", which")[0] for line in str(error.value).splitlines()] == [
        "datasets.pets.tune is 2",
        "datasets.pets.folder is /nowhere",
        "datasets.pets.options.draw lacks ['seed', 'share']",
        "datasets.cars has unknown keys ['colour']",
        "datasets.cars.vectors is no.txt",
        "datasets.cars.options lacks ['file']",
    ]


def test_an_unknown_dataset_without_a_folder_is_named():
    with pytest.raises(ValueError, match=r"datasets.pet has no line `folder`.*datasets.yaml has"):
        read_study(CONFIG, {"datasets": {"pet": {"tune": 0.1}}})


def test_texts_of_a_config_file_stay_texts():
    """The command line gives numbers as text, a file gives text that may look like YAML."""
    entry = {"reader": "table", "folder": str(SAMPLES / "table")}
    options = {
        "file": "labels.csv",
        "separator": "|",
        "ending": "",
        "draw": {"share": "0.4", "seed": "1"},
    }
    book = study(entry | {"options": options, "tune": "0.3"})
    found = book.dataset("pets")
    assert found.options["separator"] == "|" and found.options["ending"] == ""
    assert found.options["draw"] == {"share": 0.4, "seed": 1}
    assert found.tune == 0.3


def test_drawn_parts_hold_every_label_on_both_sides_and_keep_groups():
    draw = np.random.default_rng(0)
    shown = draw.random((200, 12)) < np.linspace(0.4, 0.012, 12)
    shown[:, 11] = False
    shown[[3, 50], 11] = True  # the rarest of all
    chosen = {"share": 0.25, "seed": 0}
    parts = _parts.drawn(shown, chosen, None)
    test = parts == "test"
    assert test.sum() == pytest.approx(50, abs=3)
    assert (shown[test].sum(0) > 0).all() and (shown[~test].sum(0) > 0).all()
    far = abs(shown[test].sum(0) - 0.25 * shown.sum(0))
    assert (far <= 1.5).all()
    assert (parts == _parts.drawn(shown, chosen, None)).all()
    assert (parts != _parts.drawn(shown, chosen | {"seed": 1}, None)).any()
    groups = [str(number // 4) for number in range(200)]
    kept = pd.Series(_parts.drawn(shown, chosen, groups)).groupby(groups).nunique()
    assert (kept == 1).all()


@pytest.mark.parametrize("draw", [{"share": 1.0, "seed": 0}, {"share": 0.2}, 0.25, None])
def test_a_wrong_draw_is_named(draw):
    with pytest.raises(
        ValueError, match=r"expected something like|set one of the options parts and draw"
    ):
        read("folders", parts=None, draw=draw)


def shown(table):
    rows = zip(table.images.tolist(), table.labels, strict=True)
    return {
        image.rsplit("/", 1)[-1]: {
            name: code for name, code in zip(table.names, codes.tolist(), strict=True) if code
        }
        for image, codes in rows
    }


def table_in(folder, text, name="t.csv", **options):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    standing = read_yaml(CONFIG / "own_data.yaml")["options"]["table"]
    return finding.read("table", folder, **standing | {"file": name, **options})


def test_tables_say_the_same_in_three_ways(tmp_path):
    wanted = {"a.jpg": {"cat": 1, "hot dog": 1}, "b.jpg": {}, "c.jpg": {"hot dog": 1}}
    listed = table_in(tmp_path, "image,labels\na.jpg,cat; hot dog\nb.jpg,\nc.jpg,hot dog\n")
    long = table_in(tmp_path, "image,labels\na.jpg,cat\na.jpg,hot dog\nb.jpg,\nc.jpg,hot dog\n")
    text = "image,cat,hot dog,part\na.jpg,1,True,x\nb.jpg,0,no,x\nc.jpg,0,1.0,y\n"
    coded = table_in(tmp_path, text, labels=None, part="part", draw=None)
    assert shown(listed) == shown(long) == shown(coded) == wanted
    assert coded.parts.tolist() == ["x", "x", "y"]
    tabs = table_in(tmp_path, "image\tlabels\na\tcat|hot dog\nb\t\nc\thot dog\n", "t.tsv",
                    separator="|", ending=".jpg", images="p")  # fmt: skip
    assert shown(tabs) == wanted and tabs.images[0] == "p/a.jpg"


def test_images_without_a_group_may_be_in_either_part(tmp_path):
    text = "image,labels,g\n" + "".join(f"{n}.jpg,cat,\n" for n in range(8))
    assert {*table_in(tmp_path, text, group="g").parts.tolist()} == {"train", "test"}


def test_more_folders_than_there_can_be_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MOST_LABELS", 1)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(name.encode())
    with pytest.raises(ValueError, match="has 2 folders with images, more labels than 1;"):
        finding.read("folders", tmp_path, parts=None, draw={"share": 0.5, "seed": 0}, none=None)


def test_a_parquet_table_is_a_table(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    frame = pd.DataFrame({"image": ["a.jpg", "b.jpg"], "cat": [True, False], "dog": [0, 1]})
    frame.to_parquet(tmp_path / "t.parquet")
    options = read_yaml(CONFIG / "own_data.yaml")["options"]["table"]
    options = options | {"file": "t.parquet", "labels": None}
    found = finding.read("table", tmp_path, **options)
    assert shown(found) == {"a.jpg": {"cat": 1}, "b.jpg": {"dog": 1}}


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("image,cat\na.jpg,1\nb.jpg,2\n", {"labels": None}, "row 2, column 'cat': '2'; expected 1"),
        ("image,cat\na.jpg,1\na.jpg,0\n", {"labels": None}, "row 2: 'a.jpg' is listed a second"),
        ("file,labels\na.jpg,cat\n", {}, r"has no column 'image'; it has \['file', 'labels'\]"),
        ("image,labels\na.jpg,\n", {}, "column 'labels' is empty in every row"),
        ("image,labels\n", {}, "has no rows below its header"),
        ("", {}, "cannot be read as a table"),
        ("image,labels\na.jpg,cat\n", {"part": "labels"}, "the options part and draw; found both"),
        (
            "image,labels,g\na,cat,x\na,dog,y\n",
            {"group": "g"},
            r"row 2: 'a' is in group 'y' here and in 'x' above",
        ),
        ("image,cat,\na.jpg,1,0\n", {"labels": None}, "column 3 has no name in the header"),
        (f"image,labels\n{'a' * 1001},cat\n", {}, "row 1, column 'image': 'a{60}'... has 1,001"),
        (f"image,labels\na,{'b' * 1001}\n", {}, "row 1, column 'labels': 'b{60}'... has 1,001"),
        (
            "image,labels\n" + "".join(f"{n},l{n}\n" for n in range(5001)),
            {},
            "column 'labels' gives 5,001 labels, more than 5,000: is it free text",
        ),
    ],
)
def test_a_table_that_is_wrong_is_told_where(tmp_path, text, options, message):
    with pytest.raises(ValueError, match=message):
        table_in(tmp_path, text, **options)


def test_parquet_without_pyarrow_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "t.parquet").write_bytes(b"PAR1")

    def missing(path):
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pd, "read_parquet", missing)
    standing = read_yaml(CONFIG / "own_data.yaml")["options"]["table"]
    with pytest.raises(ValueError, match=r"needs the package pyarrow.*save the table as CSV"):
        finding.read("table", tmp_path, **standing | {"file": "t.parquet"})


def test_folders_of_labels(tmp_path):
    found = read("folders")
    assert found.names == ("cat", "plum", "tall mug")  # `nothing` is none
    assert shown(found)["a1.jpg"] == {"cat": 1, "tall mug": 1}  # it lies in both folders
    assert shown(found)["a3.jpg"] == {}
    for label in ("cat", "dog"):
        (tmp_path / label / "deep").mkdir(parents=True)
        for name in ("1.jpg", "2.jpg"):
            (tmp_path / label / "deep" / name).write_text(f"{label} {name}")
        (tmp_path / label / "Thumbs.db").write_bytes(b"")
    draw = {"share": 0.5, "seed": 0}
    other = finding.read("folders", tmp_path, parts=None, draw=draw, none=None)
    assert len(other.images) == 4  # the same name, but not the same picture
    (tmp_path / "loose.jpg").write_bytes(b"3")
    with pytest.raises(ValueError, match=r"loose.jpg is not in a label's folder"):
        finding.read("folders", tmp_path, parts=None, draw=draw, none=None)


def test_voc_labels_from_objects():
    found = read("voc_folders")
    assert found.names == ("car", "chair", "dog", "person")
    assert shown(found)["000002.jpg"] == {"chair": -1, "person": 1}
    assert shown(found)["000005.jpg"] == {"car": 1}  # an easy and a difficult one
    lists = read("voc_folders", parts=["trainval", "test"], draw=None, labels="lists", names=None)
    assert "aeroplane" in lists.names and shown(lists) == shown(found)


def test_vectors_of_labels_without_words(tmp_path):
    (tmp_path / "v.txt").write_text("cat 1 2 2\ndog 2 4 4\n")
    options = {"aliases": {}, "multiword": "mean", "case": "lower", "missing": "drawn"}
    names = ("cat", "dog", "zzz", "yyy")
    vectors, report = word_vectors.embed(names, tmp_path / "v.txt", options)
    assert [name for name in names if not report[name]["words"]] == ["zzz", "yyy"]
    assert vectors[0].tolist() == [1, 2, 2]
    assert np.linalg.norm(vectors[2:], axis=1) == pytest.approx([4.5, 4.5])  # as long as the others
    alone, _ = word_vectors.embed(("yyy",), None, options)
    many, _ = word_vectors.embed(tuple(f"n{k}" for k in range(40)) + ("yyy",), None, options)
    assert (alone[0] == many[-1]).all()  # of the name alone
    close = many @ many.T / 6.7**2
    assert abs(close[~np.eye(41, dtype=bool)]).max() < 0.3
    with pytest.raises(ValueError, match="no vector for label 'zzz'"):
        word_vectors.embed(names, tmp_path / "v.txt", options | {"missing": "refused"})


def test_a_folder_is_linked_and_its_state_follows_its_files(tmp_path):
    folder = tmp_path / "mine"
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "1.jpg").write_bytes(b"one")
    (folder / ".git").mkdir()
    (folder / ".git" / "x").write_bytes(b"")
    (folder / "cat" / "loop").symlink_to(folder, target_is_directory=True)
    before = own_data.state(folder)
    output = tmp_path / "raw" / "pets.json"
    list_folder.main(folder, before, output)
    assert (tmp_path / "raw" / "pets" / "cat" / "1.jpg").read_bytes() == b"one"
    assert read_json(output)["listing"] == {"cat/1.jpg": 3}
    os.utime(folder / "cat" / "1.jpg", (1, 1))
    assert own_data.state(folder) != before
    list_folder.main(folder, before, output)  # again: the link is made anew
    with pytest.raises(ValueError, match="contains this repository's data"):
        list_folder.main(tmp_path, before, tmp_path / "raw" / "other.json")


def test_the_study_without_data_says_where_they_come_from():
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-n", "results/tables"]
    options = {"cwd": ROOT, "capture_output": True, "text": True}
    done = subprocess.run([*command, "--config", "study=own"], **options)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "study own makes no table; for your own data pass --configfile" in said


def test_regions_of_a_kind_that_the_study_lacks_are_told_in_a_sentence(tmp_path):
    target = "data/inputs/mini/coco2014/regions-instances.npz"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-n", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "KeyError" not in said
    assert "study mini has no regions of the kind instances: its detector, light, finds rpn" in said


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (
            {"dogs": "x.json"},
            r"boxes names 'dogs', which study own does not run; it runs \['pets'\]",
        ),
        ({"voc2007": "x.json"}, "boxes names 'voc2007', which study own does not run"),
        ({"pets": "x.json"}, "boxes.pets is x.json, which is not a file; expected regions as COCO"),
    ],
)
def test_boxes_for_data_that_the_study_lacks_are_named(boxes, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        study(boxes=boxes)


def test_own_tables_are_no_stale_files_as_long_as_nobody_says_what_they_show(tmp_path):
    (tmp_path / "workflow/config/studies").mkdir(parents=True)
    (tmp_path / "workflow/config/studies/own.yaml").touch()
    (tmp_path / "results/tables/own").mkdir(parents=True)
    (tmp_path / "results/tables/own/own_pets.md").touch()
    assert stale.find(tmp_path) == ([], ["results/tables/own"])


def given(*arguments):
    parser = argparse.ArgumentParser()
    _given.add_arguments(parser)
    return parser.parse_args([*map(str, arguments)])


def test_settings_are_given_as_to_snakemake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("study: own\ntrain: {epochs: 5, lr: 0.1}\n")
    (tmp_path / "b.yaml").write_text("train: {epochs: 6}\n")
    files = ["--configfile", "a.yaml", "b.yaml"]
    found = given(*files, "--config", "seeds=[0, 1]", "train={batch: 2}")
    train = {"epochs": 6, "lr": 0.1, "batch": 2}
    assert _given.read(found) == {"study": "own", "train": train, "seeds": [0, 1]}
    assert _given.read(given()) == {} and _given.options(given()) == []
    assert _given.options(found) == [
        *("--configfile", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")),
        *("--config", "seeds=[0, 1]", "train={batch: 2}"),
    ]
    for wrong, told in (("seeds", "expected KEY=VALUE"), ("seeds=[", "is not YAML")):
        with pytest.raises(ValueError, match=told):
            _given.read(given("--config", wrong))
    (tmp_path / "c.yaml").write_text("sseeds: [1]\n")
    with pytest.raises(ValueError, match=r"c.yaml has unknown keys \['sseeds'\]"):
        _given.read(given("--configfile", "c.yaml"))
