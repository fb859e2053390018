"""Hostile and clumsy input: none of it runs, and a sentence says what is wrong with each.

The tables are in hostile_cases.py; archives, pictures and the papers' datasets have tests of their
own (test_archives.py, odd_pictures.py, test_broken_datasets.py).
"""

import json
import shutil
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import hostile_cases as cases
import numpy as np
import pytest
from conftest import ROOT
from run_cases import calibrate, make_run, picture

from labelgraph.__main__ import main
from labelgraph.encoders import encoder
from labelgraph.files import small, yaml_reader
from labelgraph.inputs import word_vectors
from labelgraph.inputs.regions import user_boxes
from labelgraph.jobs.records import memory, travelling
from labelgraph.split import episodes
from labelgraph.study.config import read_study
from labelgraph.study.settings import Encoder
from labelgraph.tables import tables

CONFIG = ROOT / "workflow/config"


def each(table):
    return pytest.mark.parametrize(("content", "said"), table.values(), ids=[*table])


def each_file(table):
    rows = [(name, *row) for name, row in table.items()]
    return pytest.mark.parametrize(("name", "content", "said"), rows, ids=[*table])


@pytest.fixture(autouse=True)
def nothing_ran(tmp_path, monkeypatch):
    """What unpickles any of the pickles makes a folder."""
    monkeypatch.chdir(ROOT)
    yield
    assert not [*tmp_path.rglob("PWNED")] and not Path("PWNED").exists()


def write(path, content):
    path.write_bytes(content(path.parent) if callable(content) else content)
    return path


def refused(capsys, *arguments, code=2):
    """Exit code, and one line that is not a traceback."""
    assert main([str(word) for word in arguments]) == code
    said = capsys.readouterr().err.splitlines()
    assert said and not any("Traceback" in line for line in said)
    return said[-1]


def sentence(call, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of the protocol of a pickle
        with pytest.raises((ValueError, OSError)) as error:
            call(*arguments)
    return str(error.value)


@each(cases.PREDICTIONS)
def test_predictions(tmp_path, capsys, content, said):
    path, targets = write(tmp_path / "p.npz", content), tmp_path / "t.npz"
    np.savez(targets, images=cases.IMAGES, labels=cases.LABELS, target=np.eye(3, 2, dtype=int))
    line = refused(capsys, "score", path, "--targets", targets)
    assert said in line and str(path) in line


@each(cases.TARGETS)
def test_targets(tmp_path, capsys, content, said):
    path, predictions = write(tmp_path / "t.csv", content), tmp_path / "p.npz"
    predictions.write_bytes(cases.npz())
    line = refused(capsys, "score", predictions, "--targets", path)
    assert said in line and str(path) in line


def test_a_code_of_9_is_named_with_image_and_label(tmp_path, capsys):
    (tmp_path / "p.npz").write_bytes(cases.npz())
    target = np.array([[0, 0], [0, 9], [1, 1]])
    np.savez(tmp_path / "t.npz", images=cases.IMAGES, labels=cases.LABELS, target=target)
    line = refused(capsys, "score", tmp_path / "p.npz", "--targets", tmp_path / "t.npz")
    assert "t.npz: the target of image 'b', label 'dog' is 9; expected 1 (yes)" in line


def test_a_bomb_of_zeros_is_not_unpacked(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("labelgraph.files.small.SMALL", 1_000_000)
    content = cases.zipped(("scores.npy", bytes(20_000_000)))
    line = refused(capsys, "score", write(tmp_path / "p.npz", content), "--targets", "x.npz")
    assert "it unpacks to 20,000,000 bytes, expected at most 1," in line


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run") / "seed0", "baseline")
    calibrate(folder, 2.0, 0.6)
    picture(1).save(folder.parent / "p.png")
    return folder


@each(cases.RUNS)
def test_runs(sound, tmp_path, capsys, content, said):
    run = shutil.copytree(sound, tmp_path / "run")
    content(run)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line = refused(capsys, "predict", run, sound.parent / "p.png")
        assert said in line and str(run) in line
        assert said in refused(capsys, "export", run, tmp_path / "card.md")
        if find_spec("uvicorn"):  # the extra serve
            assert said in refused(capsys, "serve", run, "--port", "0")
    assert not (tmp_path / "card.md").exists()


def test_scores_that_score_did_not_write(sound, tmp_path, capsys):
    run = shutil.copytree(sound, tmp_path / "run")
    for text, said in (("[]", "is not what `score` writes"), ('{"map', "line 1: not JSON")):
        (run / "scores.json").write_text(text)
        line = refused(capsys, "export", run, tmp_path / "card.md")
        assert said in line and "scores.json" in line


@pytest.mark.parametrize(
    "changes",
    [{"images": "<script>"}, {"map": []}, {"ap": 3}, {"map": {"non_interpolated": 7.5}}]
    + [{"settings": {"threshold": "<b>"}}, {"images": 10**400}],
)
def test_scores_whose_numbers_are_none(sound, tmp_path, capsys, changes):
    run = shutil.copytree(sound, tmp_path / "run")
    rates = dict.fromkeys(("CP", "CR", "CF1", "OP", "OR", "OF1"), 0.5)
    found = {"images": 3, "settings": {"threshold": 0.5}, "map": {"non_interpolated": 0.5}}
    found |= {"all": rates, "ap": {"non_interpolated": {}}}
    (run / "scores.json").write_text(json.dumps(found))
    assert main(["export", str(run), str(tmp_path / "card.md")]) == 0
    (run / "scores.json").write_text(json.dumps(found | changes))
    assert "scores.json holds values that `score`" in refused(
        capsys, "export", run, tmp_path / "card.md"
    )


def test_where_nothing_can_be_written(sound, tmp_path, capsys):
    shot = sound.parent / "p.png"
    line = refused(capsys, "predict", sound, shot, "--csv", tmp_path)
    assert line.endswith(f"{tmp_path} is a folder; expected the name of a file")
    line = refused(capsys, "predict", sound, shot, "--csv", shot / "x.csv")
    assert line.endswith(f"{shot} is not a folder; x.csv needs one")


def test_a_picture_whose_name_is_no_text(sound, tmp_path, capsys):
    name = b"\xff\xfe.png".decode(errors="surrogateescape")
    try:
        shutil.copy(sound.parent / "p.png", tmp_path / name)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 names only")
    assert main(["predict", str(sound), str(tmp_path / name), "--csv", f"{tmp_path}/x.csv"]) == 0
    assert "??.png: " in capsys.readouterr().out
    assert b"/\xff\xfe.png," in (tmp_path / "x.csv").read_bytes()


@each(cases.YAML)
def test_yaml(tmp_path, content, said):
    path = tmp_path / "x.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    line = sentence(yaml_reader.read_yaml, path)
    assert said in line and str(path) in line


@each(cases.BOMBS)
def test_yaml_bombs(tmp_path, capsys, content, said):
    """Written out, each would take minutes or more."""
    start, path = time.process_time(), tmp_path / "x.yaml"
    path.write_text(content)
    line = sentence(yaml_reader.read_yaml, path)
    assert said in line and str(path) in line
    assert refused(capsys, "check-data", path) == f"labelgraph check-data: {line}"
    assert time.process_time() - start < 1


def test_what_is_merged_within_reason_is_read_as_before():
    text = "outer: {b: &b {<<: &a {x: 1}, x: 2}}\nc: {<<: [*b, {y: 1}]}\n"
    assert yaml_reader.parse(text) == {"outer": {"b": {"x": 2}}, "c": {"x": 2, "y": 1}}


def read_all(lines, folder=CONFIG):
    """As the Snakefile does, before any job."""
    book = read_study(folder, lines)
    for run in tables.runs(book, tables.of_study(book)):
        book.settings(run)


@each(cases.SETTINGS)
def test_settings(tmp_path, content, said):
    itself = {}
    itself["lr"] = itself
    pets = {"pets": {"folder": str(tmp_path), "reader": "folders"}}
    stands = {"SELF": itself, "PETS": pets}
    lines = {key: stands.get(str(value), value) for key, value in content.items()}
    line = sentence(read_all, lines)
    assert said in line and len(line) < 3000


@each(cases.ENTRIES)
def test_entries(tmp_path, content, said):
    entry = {"folder": str(tmp_path), "reader": "folders"} | content
    assert said in sentence(read_all, {"study": "own", "datasets": {"pets": entry}})
    long = {"folder": str(tmp_path), "reader": "folders"}
    line = sentence(read_all, {"study": "own", "datasets": {"x" * 300: long}})
    assert "of 60 at most" in line


@pytest.mark.parametrize("text", ["", "[1]", "hello", cases.MARKS, cases.BOMBS["lists"][0]])
@pytest.mark.parametrize("file", ["methods", "defaults", "tables", "own_data", "studies/mini"])
def test_files_of_settings_that_somebody_broke(tmp_path, file, text):
    folder = shutil.copytree(CONFIG, tmp_path / "config")
    (folder / f"{file}.yaml").write_text(text)
    assert f"{file}.yaml" in sentence(read_study, folder, {})


def test_encoders_that_may_be_named_are_those_that_there_are():
    assert sorted(get_args(Encoder.model_fields["name"].annotation)) == encoder.available()


def checked(tmp_path, capsys, file, content):
    for number in range(2):
        picture(number).save(tmp_path / f"{number}.png")
    (tmp_path / file).write_bytes(content)
    code = main(["check-data", str(tmp_path)])
    said = capsys.readouterr()
    assert code in (1, 2)
    return said.out + said.err


@each(cases.COCO)
def test_coco(tmp_path, capsys, content, said):
    sound = {
        "images": [{"id": 1, "file_name": "0.png"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [],
    }
    text = json.dumps(sound | content).encode()
    line = checked(tmp_path, capsys, "labels.json", text)
    assert said in line and "labels.json" in line


@each(cases.TABLES)
def test_tables(tmp_path, capsys, content, said):
    assert said in checked(tmp_path, capsys, "labels.csv", content)


def test_json_of_brackets_and_a_picture_that_claims_2_500_megapixels(tmp_path, capsys):
    line = checked(tmp_path, capsys, "labels.json", cases.DEEP.encode())
    assert "labels.json: too many nested brackets to read" in line
    (tmp_path / "labels.json").unlink()
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for number in range(2):
            (tmp_path / f"{number}.png").replace(tmp_path / label / f"{label}{number}.png")
            picture(number + len(label)).save(tmp_path / f"{number}.png")
    (tmp_path / "cat" / "huge.png").write_bytes(cases.huge_png())
    for number in range(2):
        (tmp_path / f"{number}.png").unlink()
    assert main(["check-data", str(tmp_path)]) == 1
    assert "huge.png has too many pixels" in capsys.readouterr().out


def test_a_folder_in_itself(tmp_path, capsys):
    (tmp_path / "cat").mkdir()
    picture(1).save(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert main(["check-data", str(tmp_path)]) == 1
    assert "is a link to a folder above it; remove it" in capsys.readouterr().out


@each_file(cases.POSITIONS)
def test_positions(tmp_path, name, content, said):
    path = write(tmp_path / name, content)
    line = sentence(episodes.read_positions, path)
    assert said in line and str(path) in line


def test_orders(tmp_path):
    path = tmp_path / "o.json"
    path.write_text('{"images": [{"file_name": "a"}, {"x": 1}]}')
    assert f"{path}, image 2: {{'x': 1}}; expected a file_name" in sentence(
        episodes.read_order, path
    )


@each(cases.BOXES)
def test_boxes(tmp_path, content, said):
    path = write(tmp_path / "boxes.json", content)
    line = sentence(user_boxes.read, path, np.array(["1.jpg"]))
    assert said in line and str(path) in line


@each_file(cases.WORDS)
def test_words(tmp_path, name, content, said):
    path = write(tmp_path / name, content)
    options = {"aliases": {}, "multiword": "mean", "case": "lower", "missing": "refused"}
    line = sentence(word_vectors.embed, ("cat",), path, options)
    assert said in line and str(path) in line


@each_file(cases.WEIGHTS)
def test_weights(tmp_path, name, content, said):
    path = write(tmp_path / name, content)
    line = sentence(encoder.build, "efficientnet_lite0", str(path), "nothing")
    assert said in line and str(path) in line


@each(cases.RECORDS)
def test_records(tmp_path, content, said):
    path = tmp_path / "records.jsonl"
    path.write_text(content)
    line = sentence(travelling.read, path)
    assert said in line and str(path) in line


@pytest.mark.parametrize("text", ["[1, 2", "[1]", '{"hashes": 3}', "\\0"])
def test_what_is_known_of_a_folder_and_was_edited_is_found_out_again(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    Path(".snakemake").mkdir()
    memory.STATE.write_text(text)
    found = memory.recall()
    assert found.left == {} and found.hashes.known == {} and found.file is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_is_named_with_the_file_that_found_no_place(tmp_path):
    def fill():
        with small.whole(tmp_path / "x.csv"), Path("/dev/full").open("w") as stream:
            stream.write("x")

    assert (
        sentence(fill) == f"{tmp_path}/x.csv cannot be written: no space is left there; make room"
    )
    assert not [*tmp_path.iterdir()]
