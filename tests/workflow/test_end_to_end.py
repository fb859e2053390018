"""Each method as the paper study runs it: photographs, a ResNet that learns, boxes.

Two steps of training on a few made images, through the same files that the workflow's rules pass.
"""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT, narrow, relined

from labelgraph import models
from labelgraph.encoders import encoder as encoders
from labelgraph.figures import fields
from labelgraph.files.images import read_image
from labelgraph.files.small import read_arrays, read_json, write_arrays
from labelgraph.files.tensors import read_safetensors
from labelgraph.jobs import provenance
from labelgraph.manifest import manifest
from labelgraph.own import reading
from labelgraph.steps import (
    count_labels,
    embed_labels,
    extract_features,
    inspect_model,
    predict,
    score,
    split,
    train,
    write_manifest,
)
from labelgraph.study.config import read_study, run_of
from labelgraph.train import loop, run_folder

SAMPLE = ROOT / "tests/samples/voc2007"
BOOK = read_study(ROOT / "workflow/config", {"study": "paper"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Everything that a run needs, made by the workflow's steps."""
    here = tmp_path_factory.mktemp("run")
    write_manifest.command(
        ["--reader", "voc2007", "--root", str(SAMPLE), "--options", '{"boxes": true}']
        + ["--output", str(here / "manifest.npz")]
    )
    protocol = {"task": "full", "parts": {"train": "trainval", "report": "test"}}
    protocol |= {"tune": 0.0, "seed": 0, "selection": "tune"}
    outputs = ("train", "report", "targets", "description")
    names = [f"--{name}={here / name}.npz" for name in outputs]
    split.command(
        ["--manifest", str(here / "manifest.npz"), "--protocol", json.dumps(protocol), *names]
    )
    count_labels.command(["--train", str(here / "train.npz"), "--output", str(here / "counts.npz")])
    listed = manifest.read(here / "manifest.npz")
    draw = np.random.default_rng(0)
    words = {word for name in listed.names for word in name.split()}
    lines = [f"{word} {' '.join(f'{x:.3f}' for x in draw.standard_normal(8))}" for word in words]
    (here / "words.txt").write_text("\n".join(lines) + "\n")
    embed_labels.command(
        ["--manifest", str(here / "manifest.npz"), "--vectors", str(here / "words.txt")]
        + [
            "--options",
            '{"aliases": {}, "multiword": "mean", "case": "lower", "missing": "refused"}',
        ]
        + ["--output", str(here / "vectors.npz"), "--report", str(here / "vectors.json")]
    )
    boxes = np.tile(np.float32([[0.1, 0.1, 0.6, 0.7], [0, 0, 0, 0]]), (len(listed.images), 1, 1))
    write_arrays(here / "regions.npz", images=listed.images, boxes=boxes)
    return here


def settings(method, steps=(), **encoder):
    """`steps`: lines of `train`."""
    run = run_of("paper", "full", "voc2007", method, 0)
    found = BOOK.settings(run)
    small = {"name": "resnet18", "weights": None, "learns": "all"} | encoder
    model = {key: narrow(value) for key, value in found.training.model.items()}
    few = {"epochs": 2, "batch": 4, "workers": 0, "drop_at": [], "precision": "float32"}
    few |= dict(steps)
    return relined(found.training, encoder=small, model=model, train=few), found.scoring


def run(folder, output, method, source, steps=(), more=(), **encoder):
    """`more`: what the training alone reads."""
    training, scoring = settings(method, steps, **encoder)
    common = ["--settings", training.json_text(), *source]
    common += ["--regions", str(folder / "regions.npz")]
    train.command(
        [*common, "--train", str(folder / "train.npz"), "--counts", str(folder / "counts.npz")]
        + ["--vectors", str(folder / "vectors.npz"), "--work", str(output / "work")]
        + ["--code", __file__, "--output", str(output), *more]
    )
    predict.command(
        [*common, "--model", str(output / "model.safetensors")]
        + ["--report", str(folder / "report.npz"), "--output", str(output / "predictions.npz")]
    )
    score.command(
        ["--predictions", str(output / "predictions.npz"), "--targets", str(folder / "targets.npz")]
        + ["--settings", scoring.json_text(), "--output", str(output / "scores.json")]
    )
    return training


OF_THE_PAPERS = ("ml_gcn", "ia_gcn", "gm_mlic", "ml_sgm")
SEQUENCES = ("cnn_rnn", "order_free_rnn", "pla")  # they name labels one after the other


@pytest.mark.parametrize("method", models.available())
def test_a_method_learns_end_to_end(folder, tmp_path, method):
    side = 448 if method in OF_THE_PAPERS else 224
    sizes = {"size": side, "test_size": side}
    training = run(folder, tmp_path, method, ["--images", str(SAMPLE)], **sizes)
    found = read_arrays(tmp_path / "predictions.npz")
    report = read_arrays(folder / "report.npz")
    assert found["images"].tolist() == report["images"].tolist()
    assert found["scores"].shape == (len(report["images"]), 20)
    assert found["scores"].dtype == np.float32
    assert np.isfinite(found["scores"]).all()
    assert ("named_at" in found) == (method in SEQUENCES)
    assert 0 <= read_json(tmp_path / "scores.json")["map"]["non_interpolated"] <= 1
    assert yaml.safe_load((tmp_path / "settings.yaml").read_text()) == training.lines()
    history = (tmp_path / "history.csv").read_text().splitlines()
    assert len(history) == 1 + 2
    account = read_json(tmp_path / "provenance.json")
    assert account.keys() == {"packages", "seed", "inputs"}  # the same on every machine
    assert str(folder / "train.npz") in account["inputs"]
    met = provenance.circumstances(tmp_path)
    assert met["git"]["commit"] and met["peak_mb"] > 100 and met["processes"] == 1
    assert not list((tmp_path / "work").glob("*"))
    for view in fields.views(method):
        inspect(folder, tmp_path, training, view)


def inspect(folder, output, training, view):
    """The views that figures show of the run's model, for the first two reported images."""
    rule = {"rule": "first", "count": 2, "labels": 0}
    choice = {"images": rule, "targets": str(folder / "targets.npz"), "predictions": {}}
    inspect_model.command(
        ["--settings", training.json_text(), "--images", str(SAMPLE), "--view", view]
        + ["--regions", str(folder / "regions.npz"), "--choice", json.dumps(choice)]
        + ["--model", str(output / "model.safetensors"), "--report", str(folder / "report.npz")]
        + ["--output", str(output / f"{view}.npz")]
    )
    found = read_arrays(output / f"{view}.npz")
    assert found["images"].tolist() == sorted(read_arrays(folder / "report.npz")["images"])[:2]
    assert len(found["labels"]) == 20
    shares = {"plain": [0, 0, 1, 1], "centre_70": [0.15, 0.15, 0.85, 0.85]}
    np.testing.assert_allclose(found["window"], shares[training.encoder.test_view])
    shown = found.keys() - {"images", "labels", "window"}
    assert shown
    assert all(len(found[key]) == (20 if view == "labels" else 2) for key in shown)
    assert all(np.isfinite(found[key]).all() for key in shown)


LITE = {"name": "efficientnet_lite0", "weights": "imagenet"}
LITE |= {"size": 96, "test_size": 96, "test_view": "plain"}


def features(folder, output, cut):
    """Of all images; `cut` may name the last stages that do not belong to them."""
    chosen = {key: LITE[key] for key in ("name", "weights")} | {"view": "plain", "size": 96}
    index = output / f"features{''.join(map(str, cut.values()))}/plain.json"
    extract_features.command(
        ["--manifest", str(folder / "manifest.npz"), "--root", str(SAMPLE)]
        + ["--encoder", json.dumps(chosen | cut), "--parts", '["trainval", "test"]']
        + ["--code", __file__, "--work", str(output / "work"), "--output", str(index)]
    )
    return index


def last_stages(count, normalisation="learns", **more):
    learns = {"last_stages": count, "normalisation": normalisation}
    return LITE | {"learns": learns, "cached": True, **more}


def same_bytes(one, other):
    names = ("model.safetensors", "history.csv", "predictions.npz")
    return [name for name in names if (one / name).read_bytes() == (other / name).read_bytes()]


def test_what_conceptnet_says_is_in_the_model_that_predicts(folder, tmp_path):
    edges, images = tmp_path / "edges.csv", ["--images", str(SAMPLE)]
    edges.write_text("label,other,weight\ncar,dog,2.0\n")
    sizes = {"size": 64, "test_size": 64}
    run(folder, tmp_path, "kssnet@conceptnet", images, more=["--edges", str(edges)], **sizes)
    tensors, about = read_safetensors(tmp_path / "model.safetensors")
    names = json.loads(about["labels"])["names"]
    known = tensors["labels.edges"]
    assert known[names.index("car"), names.index("dog")] == 2.0 and known.sum() == 4.0
    assert tensors["model.graph.graph"][names.index("dog"), names.index("car")] > 0
    assert str(edges) in read_json(tmp_path / "provenance.json")["inputs"]


def test_no_last_stage_is_a_frozen_encoder_and_all_are_one_that_learns(folder, tmp_path):
    """To the last digit: cached features at either end, beside the paths without a cut."""
    still = {"crops": "none", "mirror": "none"}
    files = [features(folder, tmp_path, cut) for cut in ({}, {"last_stages": 8})]
    at_end, at_start = (["--features", str(index)] for index in files)
    ways = {
        "frozen": (at_end, LITE | {"learns": "nothing", "cached": True, "spread": 0.3}),
        "none": (at_end, last_stages(0, spread=0.3)),
        "images": (["--images", str(SAMPLE)], LITE | {"learns": "all"}),
        "all": (at_start, last_stages(8)),
        "rests": (at_start, last_stages(8, "rests")),
    }
    for name, (source, encoder) in ways.items():
        run(folder, tmp_path / name, "baseline", source, still, **encoder)
    equal = ["model.safetensors", "history.csv", "predictions.npz"]
    assert same_bytes(tmp_path / "frozen", tmp_path / "none") == equal
    assert same_bytes(tmp_path / "images", tmp_path / "all") == equal
    assert same_bytes(tmp_path / "images", tmp_path / "rests") == []


@pytest.fixture(scope="module")
def halves(folder, tmp_path_factory):
    """A run whose last two stages learned from cached features, and how to make it."""
    here = tmp_path_factory.mktemp("halves")
    source = ["--features", str(features(folder, here, {"last_stages": 2}))]
    encoder, steps = last_stages(2, "learns", spread=0.5), {"checkpoint_seconds": 0, "ema": 0.9}

    def make(output):
        run(folder, output, "ml_gcn", source, steps, **encoder)
        return output

    return make(here / "whole"), make


def test_a_killed_training_of_last_stages_ends_in_the_same_bytes(halves, tmp_path, monkeypatch):
    whole, make = halves
    step, left = loop.Training.learn, iter(range(1))

    def until_killed(self, batch):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Training, "learn", until_killed)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path)
    assert list(tmp_path.glob("work/*/state.json"))
    torch.manual_seed(99)
    assert len(same_bytes(make(tmp_path), whole)) == 3


def test_stages_that_learned_are_part_of_the_run_and_see_pictures(folder, halves):
    run, _ = halves
    trained, stored = reading.read(run), read_arrays(run / "predictions.npz")
    pictures = [read_image(SAMPLE / name) for name in stored["images"].tolist()]
    found = trained.scores(trained.batch([trained.see(picture) for picture in pictures]))
    np.testing.assert_allclose(found, stored["scores"], atol=2e-2 * np.abs(found).max())
    first = encoders.build("efficientnet_lite0", "imagenet", "nothing").state_dict()
    learnt = {name.removeprefix("encoder."): value for name, value in
              run_folder.read_weights(run / "model.safetensors").items()
              if name.startswith("encoder.stages.")}  # fmt: skip
    kept = {name: value for name, value in first.items() if int(name.split(".")[1]) >= 13}
    assert learnt.keys() == kept.keys()
    assert not [name for name in kept if torch.equal(learnt[name], kept[name])]


def test_frozen_features_are_those_of_the_encoder_itself(folder, tmp_path):
    """The same model scores the same images from cached features and from the images."""
    frozen = LITE | {"learns": "nothing"}
    index = features(folder, tmp_path, {})
    cached, live = tmp_path / "cached", tmp_path / "live"
    run(folder, cached, "ml_gcn", ["--features", str(index)], **frozen)
    run(folder, live, "ml_gcn", ["--features", str(index)], **frozen)
    first = read_arrays(cached / "predictions.npz")["scores"]
    assert np.array_equal(first, read_arrays(live / "predictions.npz")["scores"])
    training, _ = settings("ml_gcn", **frozen)
    predict.command(
        ["--settings", training.json_text(), "--images", str(SAMPLE)]
        + ["--model", str(cached / "model.safetensors"), "--report", str(folder / "report.npz")]
        + ["--output", str(tmp_path / "from_images.npz")]
    )
    second = read_arrays(tmp_path / "from_images.npz")["scores"]
    np.testing.assert_allclose(first, second, atol=2e-2 * np.abs(first).max())


def test_features_of_other_images_are_refused(folder, tmp_path):
    encoder = {"name": "efficientnet_lite0", "weights": None, "view": "plain", "size": 32}
    torch.manual_seed(0)
    index = tmp_path / "plain.json"
    extract_features.command(
        ["--manifest", str(folder / "manifest.npz"), "--root", str(SAMPLE)]
        + ["--encoder", json.dumps(encoder), "--parts", '["test"]']
        + ["--code", __file__, "--work", str(tmp_path / "work"), "--output", str(index)]
    )
    with pytest.raises(ValueError, match=r"plain\.json has no features of .*\.jpg; remove it"):
        run(folder, tmp_path / "out", "baseline", ["--features", str(index)])


def test_a_killed_training_continues_to_the_same_weights(folder, tmp_path):
    """SIGKILL in the middle of a real process; the same command then finishes."""
    training, _ = settings("ml_gcn", size=64, test_size=64)
    training = relined(training, train={"epochs": 12, "checkpoint_seconds": 0})

    def start(output):
        command = [sys.executable, "-m", "labelgraph.steps.train"]
        command += ["--settings", training.json_text(), "--images", str(SAMPLE)]
        command += [f"--{name}={folder / name}.npz" for name in ("train", "counts", "vectors")]
        command += [f"--code={__file__}", f"--work={output}/work", f"--output={output}"]
        return subprocess.Popen(command)

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole).wait(120) == 0
    victim = start(killed)
    deadline = time.monotonic() + 120
    while not list(killed.glob("work/*/state.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    victim.kill()
    assert victim.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert not (killed / "model.safetensors").exists()
    assert start(killed).wait(120) == 0
    names = ("model.safetensors", "history.csv")
    for name in names:
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
