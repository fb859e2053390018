"""Several processes train what one does: weights, scores, stops and mistakes; process_cases.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from conftest import ROOT
from safetensors.torch import load_file
from test_workflow import SCENES, copy_of

from labelgraph import models
from labelgraph.files.small import read_arrays, read_json
from labelgraph.steps import predict, train
from labelgraph.study.config import read_study, run_of

METHODS = ("plain", *models.available())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All cases, run once."""
    here = tmp_path_factory.mktemp("processes")
    command = [sys.executable, str(ROOT / "tests/train/process_cases.py"), str(here)]
    paths = os.pathsep.join(str(ROOT / name) for name in ("tests", "tests/jobs"))
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, env=environment)
    assert done.returncode == 0, done.stderr
    (here / "said.txt").write_text(done.stderr)
    return here


@pytest.fixture(scope="module")
def ends(folder):
    return json.loads((folder / "ends.json").read_text())


def furthest(first, second):
    one, other = load_file(first / "kept"), load_file(second / "kept")
    assert one.keys() == other.keys()
    return max((one[name].double() - other[name].double()).abs().max().item() for name in one)


@pytest.mark.parametrize("method", METHODS)
def test_two_processes_give_the_weights_of_one(folder, ends, method):
    """Every method, whatever its loss looks at; uneven batches, statistics, chance, average."""
    assert ends["two"] == "done"
    one, two = folder / "one" / method, folder / "two" / method
    assert any(value.dtype == torch.float64 for value in load_file(one / "kept").values())
    assert furthest(one, two) < 1e-6
    histories = [json.loads((each / "history.json").read_text()) for each in (one, two)]
    for alone, shared in zip(*histories, strict=True):
        assert alone["loss"] == pytest.approx(shared["loss"], rel=1e-9)
        assert alone["tune_map"] == shared["tune_map"]


def test_more_processes_than_images_in_a_batch(folder, ends):
    """Five, stopped at batches of three and four images; one goes on to the same weights."""
    assert ends["crowd"] == 143
    assert furthest(folder / "one/few", folder / "crowd") < 1e-6


def test_one_process_killed_all_start_again_and_end_in_the_same_weights(folder, ends):
    assert ends["killed"] == "done"
    assert (folder / "killed/once").exists()
    assert "all start again (1 of 3)" in (folder / "said.txt").read_text()
    assert int((folder / "killed/steps").read_text()) < 3, "it did not go on from its checkpoint"
    assert furthest(folder / "two/plain", folder / "killed") == 0


def test_asked_to_stop_all_stop_with_a_checkpoint_that_one_goes_on_from(folder, ends):
    assert ends["stopped"] == 143
    assert int((folder / "stopped/steps").read_text()) < 3
    assert furthest(folder / "one/plain", folder / "stopped") < 1e-6


def test_no_process_outlives_the_one_that_started_it(ends):
    assert ends["orphaned"] is False


def test_a_mistake_is_one_sentence_and_not_tried_again(folder, ends):
    assert ends["broken"].startswith("the loss became nan in epoch 1, step 1; lower train.lr")
    assert "is not a folder" in ends["full"], "all must end with the error of the first"
    assert ends["random"].startswith("the encoder draws at random")
    for name in ("broken", "full"):
        assert [(folder / name / f"tried_{rank}").read_text() for rank in (0, 1)] == ["x", "x"]
    assert "Traceback" not in (folder / "said.txt").read_text()


@pytest.mark.parametrize("count", [0, 1.5, True])
def test_processes_that_make_no_sense_are_refused(count):
    with pytest.raises(ValueError, match=r"--config: processes is .*; expected a whole number, 1"):
        read_study(ROOT / "workflow/config", {"processes": count})


def test_a_study_on_cached_features_says_why_it_cannot_be_shared():
    book = read_study(ROOT / "workflow/config", {"study": "mini", "processes": "2"})
    with pytest.raises(ValueError, match=r"mini: processes is 2, and encoder\.cached leaves"):
        book.settings(run_of("mini", "full", "voc2007", "baseline", 0))


RUN = "results/runs/mini/full/voc2007/ml_gcn/seed0"
STUDY = {
    "seeds": [0],
    "drawn": {
        "voc2007": SCENES,
        "glove": {"layout": "glove", "seed": 1, "dimensions": 8, "others": 9},
    },
    "encoder": {"cached": False},
    "tables": ["ml_gcn_depth"],  # others have methods that need cached features
    "figures": [],
    "methods": {"ml_gcn": {"train": {"epochs": 2, "batch": 16}}},
    "sizes": {448: 64},
    "train": {"epochs": 2, "batch": 16, "workers": 0},
}


def snakemake(folder, *arguments, processes):
    config = [f"{name}={json.dumps(value)}" for name, value in STUDY.items()]
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--config", *config]
    command += [f"processes={processes}", "--", f"{RUN}/predictions.npz"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_snakemake_trains_and_predicts_in_two_processes(tmp_path, monkeypatch):
    """The files are those of one process; and how many there were is no reason to train again."""
    folder = copy_of(tmp_path)
    snakemake(folder, processes=2)
    assert "Nothing to be done" in snakemake(folder, "-n", processes=1)
    assert read_json(folder / RUN / "circumstances.json")["processes"] == 2
    monkeypatch.chdir(folder)
    data = "data/{}/mini/{}"
    settings = yaml.safe_load((folder / RUN / "settings.yaml").read_text())
    source = ["--settings", json.dumps(settings), "--images", "data/raw/drawn/voc2007"]
    train.command(
        [*source, "--train", data.format("splits", "full/voc2007/train.npz")]
        + ["--counts", data.format("inputs", "voc2007/full/label_counts.npz")]
        + ["--vectors", data.format("inputs", "voc2007/label_vectors.npz")]
        + ["--code", __file__, "--work", "work", "--output", "one"]
    )
    predict.command(
        [*source, "--model", "one/model.safetensors", "--output", "one/predictions.npz"]
        + ["--report", data.format("splits", "full/voc2007/report.npz")]
    )
    one, two = (load_file(f"{place}/model.safetensors") for place in ("one", RUN))
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)
    one, two = (read_arrays(Path(place, "predictions.npz")) for place in ("one", RUN))
    assert one["images"].tolist() == two["images"].tolist()
    torch.testing.assert_close(*(torch.from_numpy(each["scores"]) for each in (one, two)))
