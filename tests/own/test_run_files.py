"""Files of a run's folder that somebody edited or replaced: each is refused with a sentence."""

import json
import os
import shutil

import numpy as np
import pytest
from run_cases import calibrate, change_settings, make_run, picture, run_settings

from labelgraph.__main__ import main
from labelgraph.files.small import write_arrays, write_json
from labelgraph.own import card

RATES = dict.fromkeys(("CP", "CR", "CF1", "OP", "OR", "OF1"))
ASSESSMENT = {"images": 3, "level": 95, "rule": RATES, "intervals": {}}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run") / "seed0", "ml_gcn")
    calibrate(folder, 2.0, 0.6)
    rates = dict.fromkeys(RATES, 0.5)
    found = {"images": 3, "settings": {"threshold": 0.5}, "map": {"non_interpolated": 0.5}}
    write_json(folder / "scores.json", found | {"all": rates, "ap": {"non_interpolated": {}}})
    write_json(folder / "assessment.json", ASSESSMENT)
    picture(1).save(folder.parent / "p.png")
    return folder


@pytest.fixture
def run(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "run")


def refused(capsys, *arguments):
    """The one line about what is wrong."""
    assert main([str(word) for word in arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" not in said
    return said


def make_odd(path, kind):
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("name", ["calibration.json", "scores.json", "assessment.json"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_are_not_opened(run, tmp_path, capsys, name, kind):
    make_odd(run / name, kind)
    said = refused(capsys, "export", run, tmp_path / "card.md")
    assert f"{run}/{name} is a folder, a pipe or a device; expected a regular file" in said


@pytest.mark.parametrize("name", ["settings.yaml", "provenance.json", "model.safetensors"])
def test_a_run_needs_its_three_files(run, sound, capsys, name):
    make_odd(run / name, "pipe")
    said = refused(capsys, "predict", run, sound.parent / "p.png")
    assert f"{run} is not a run: it has no file {name}; " in said


@pytest.mark.parametrize("odd", ["regions-rpn.npz", "detector.safetensors"])
def test_regions_and_detectors_are_regular_files(tmp_path, sound, capsys, monkeypatch, odd):
    monkeypatch.chdir(tmp_path)
    origin = {"source": "detector.safetensors", "settings": "{}", "source_sha256": ""}
    write_arrays(tmp_path / "regions-rpn.npz", **{k: np.array(v) for k, v in origin.items()})
    run = make_run(tmp_path / "run", "gm_mlic", {"regions-rpn.npz": ""})
    make_odd(tmp_path / odd, "pipe")
    said = refused(capsys, "predict", run, sound.parent / "p.png")
    assert f"{odd} is a folder, a pipe or a device; expected a regular file" in said


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_targets_are_a_regular_file(tmp_path, capsys, kind):
    images, labels = np.array(["a.jpg"]), np.array(["cat"])
    write_arrays(tmp_path / "p.npz", images=images, labels=labels, scores=np.zeros((1, 1)))
    make_odd(tmp_path / "t.csv", kind)
    said = refused(capsys, "score", tmp_path / "p.npz", "--targets", tmp_path / "t.csv")
    assert f"{tmp_path}/t.csv is a folder, a pipe or a device; expected a regular file" in said


@pytest.mark.parametrize(
    "changes",
    [
        *({"rule": RATES | {"CP": wrong}} for wrong in (0.5, [0.5], "0.5", [0.5, 0.4, 7])),
        *({"intervals": {"mAP": wrong}} for wrong in (0.5, None, [0.5], {"low": 0.5})),
    ],
)
def test_an_assessment_that_assess_did_not_write(tmp_path, changes):
    path = tmp_path / "assessment.json"
    write_json(path, ASSESSMENT | changes)
    with pytest.raises(
        ValueError, match=r"assessment.json holds values that `assess` never writes"
    ):
        card.judged(path, card.ASSESSED, "assess")


def test_an_assessment_is_shown_with_its_intervals(run, tmp_path):
    found = {"rule": RATES | {"CP": [0.5, 0.4, 0.6]}, "intervals": {"mAP": [0.4, 0.6]}}
    write_json(run / "assessment.json", ASSESSMENT | found)
    assert main(["export", str(run), str(tmp_path / "card.md")]) == 0
    assert "| 50.0 [40.0, 60.0] | 50.0 [40.0, 60.0] | - |" in (tmp_path / "card.md").read_text()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("threshold", "high", "model.threshold is 'high'; expected float"),
        ("threshold", [0.4], "model.threshold is [0.4]; expected float"),
        ("hidden", 2.5, "model.hidden is 2.5; expected int"),
        ("hidden", True, "model.hidden is True; expected int"),
        ("pooling", 3, "model.pooling is 3; expected str"),
        ("hidden", -3, "ml_gcn cannot be built with the settings under `model` (Trying to create"),
        ("pooling", None, "model.pooling is None; expected str"),
    ],
)
def test_a_model_setting_of_the_wrong_kind_is_named(run, sound, capsys, key, value, told):
    change_settings(run, model=run_settings("ml_gcn")["model"] | {key: value})
    said = refused(capsys, "predict", run, sound.parent / "p.png")
    assert f"{run}/settings.yaml: {told}" in said


def test_a_list_in_a_model_setting_is_looked_into(tmp_path, sound, capsys):
    run = make_run(tmp_path / "run", "partial_bce")
    change_settings(run, model=run_settings("partial_bce")["model"] | {"proportion": [1, "x"]})
    said = refused(capsys, "predict", run, sound.parent / "p.png")
    assert "settings.yaml: model.proportion is [1, 'x']; expected list[float]" in said


def test_a_key_given_twice_is_not_read_as_the_last_of_the_two(run, sound, capsys):
    path = run / "calibration.json"
    text = json.dumps(json.loads(path.read_text()))
    path.write_text(text.replace('{"labels"', '{"temperature": 9.0, "labels"'))
    said = refused(capsys, "predict", run, sound.parent / "p.png")
    assert f"{path}: the key 'temperature' is given twice; keep one" in said
