"""The second few-shot stage: which labels it sees, what it changes, and that it can resume."""

import json

import numpy as np
import pytest
import torch
from conftest import ROOT, build, label_space, narrow, relined
from PIL import Image
from test_loop import DEFAULTS, Grids

from labelgraph import models
from labelgraph.files.small import read_arrays, read_json, write_arrays
from labelgraph.manifest.manifest import Manifest, no_boxes, write
from labelgraph.predict import inference
from labelgraph.steps import (
    count_labels,
    predict,
    score,
    split,
    train,
)
from labelgraph.study.config import read_study, run_of
from labelgraph.study.settings import Train
from labelgraph.train import few_shots, loop, run_folder
from labelgraph.train.checkpoint import Checkpoint

BOOK = read_study(ROOT / "workflow/config", {"study": "paper"})
NAMES = ("bird", "cat", "dog", "vase", "sofa")
NOVEL = ["bird", "vase"]
METHODS = ("kggr", "laso", "ml_sgm")
ML_SGM = {"find", "reduce", "network"}  # its activation maps and its matching


# ---- one episode of a training file

LABELS = np.array(
    [[-2, 1, -2], [-2, 0, -2], [0, 1, 1], [1, 0, 0], [1, 1, 0], [-1, 0, 1]], np.int8
)  # rows: fit, tune, reported as tune, three shots; columns: novel, base, novel
FILE = {
    "images": np.array(list("abcdef")),
    "role": np.array([0, 1, 1, 2, 2, 2], np.uint8),
    "labels": LABELS,
    "names": np.array(["x", "y", "z"]),
    "novel": np.array([True, False, True]),
    "episodes": np.array([3, 4, 4, 5], np.int32),
    "episode_offsets": np.array([0, 2, 4], np.int32),
}


def test_an_episode_by_hand():
    found = few_shots.of_episode(FILE, 1)
    assert found["images"].tolist() == ["e", "f", "c"]
    assert found["role"].tolist() == [0, 0, 1]
    assert found["labels"].tolist() == [[1, 1, 0], [-1, 0, 1], [0, -2, 1]]
    assert few_shots.novel_only(found)["labels"].tolist() == [[1, -2, 0], [-1, -2, 1], [0, -2, 1]]
    assert LABELS[2, 1] == 1, "the file itself stays as it is"


def test_tune_images_without_novel_labels_are_left_out():
    held_out = FILE | {"role": np.array([0, 1, 0, 2, 2, 2], np.uint8)}
    assert few_shots.of_episode(held_out, 0)["images"].tolist() == ["d", "e"]


def test_a_missing_episode_is_named():
    with pytest.raises(
        ValueError, match=r"seed 2 learns from episode 2, and the split has 2 episodes"
    ):
        few_shots.of_episode(FILE, 2)
    none = {key: value for key, value in FILE.items() if not key.startswith("episode")}
    with pytest.raises(ValueError, match="and the split has 0"):
        few_shots.of_episode(none, 0)


def test_label_statistics_with_the_shots_by_hand():
    labels = label_space(3)
    base = torch.tensor([[0.0, 0, 0], [0, 8, 0], [0, 0, 0]])
    labels = type(labels)(**vars(labels) | {"counts": base, "positive_rate": base[1] / 10})
    found = few_shots.counted_in(labels, few_shots.of_episode(FILE, 0))
    assert found.counts.tolist() == [[2, 1, 0], [1, 8, 0], [0, 0, 0]]
    torch.testing.assert_close(found.positive_rate, torch.tensor([1.0, 0.8, 0.0]))


# ---- what learns


def test_missing_parts_are_named():
    with pytest.raises(ValueError, match=r"shots.learns has \['head'\]; the parts are .*'classif"):
        few_shots.freeze(build("kggr"), ["head"])


def test_a_part_without_base_training_must_learn():
    weights = {name: value.clone() for name, value in build("laso").state_dict().items()}
    few_shots.carry(build("laso", variant="shots"), weights, ["few"])
    with pytest.raises(ValueError, match=r"has no part \['few'\]"):
        few_shots.carry(build("laso", variant="shots"), weights, ["shared"])
    weights["shared.weight"] = weights["shared.weight"][:, :-1]
    with pytest.raises(ValueError, match=r"other sizes of \['shared.weight'\]"):
        few_shots.carry(build("laso", variant="shots"), weights, ["few"])


def test_values_from_label_statistics_are_computed_again():
    model, base = build("kggr"), build("kggr")
    model.feature_graph.graph.fill_(2.0)
    base.classifier.weight.data.fill_(3.0)
    base.reduction.norm.running_mean.fill_(4.0)
    few_shots.carry(model, base.state_dict(), "all")
    assert (model.feature_graph.graph == 2).all()
    assert (model.classifier.weight == 3).all()
    assert (model.reduction.norm.running_mean == 4).all()


@pytest.mark.parametrize("method", models.available())
def test_an_episode_of_one_image_works(method, tmp_path):
    model = build(method)
    few_shots.freeze(model, "all")
    grids = torch.rand(1, model.encoder.width, 4, 5)
    one = torch.ones(1, 5, dtype=torch.bool)
    boxes = torch.tensor([[[0.1, 0.1, 0.6, 0.7]]])
    inputs = Grids(grids)
    inputs.batches = lambda parts, chance: ({"image": grids, "boxes": boxes} for _ in parts)
    rows = np.arange(1)
    examples = loop.Examples(inputs, one.float(), one, one.numpy(), rows, rows[:0])
    settings = Train(**DEFAULTS | {"epochs": 2, "schedule": "constant", "lr": 1e-4})
    learning = loop.Training(model, examples, settings, seed=0)
    learning.run(Checkpoint(tmp_path))
    assert np.isfinite(learning.history[-1]["loss"])


# ---- both stages, through the files that the rules pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten small pictures with five labels, two of them novel, split for both stages."""
    here = tmp_path_factory.mktemp("fewshot")
    draw = np.random.default_rng(1)
    images = [f"{number}.png" for number in range(13)]
    for name in images:
        Image.fromarray(draw.integers(0, 256, (40, 48, 3), np.uint8)).save(here / name)
    labels = (draw.random((13, 5)) < 0.45).astype(np.int8)
    labels[[2, 6], 0] = labels[[3, 6, 11], 3] = 1
    parts = np.array(["train"] * 10 + ["report"] * 3)
    listed = Manifest(np.array(images), parts, NAMES, labels, **no_boxes())
    vectors = draw.standard_normal((5, 8)).astype(np.float32)
    write_arrays(here / "vectors.npz", names=np.array(NAMES), vectors=vectors)
    cut(here, listed)
    return here


def cut(here, listed):
    write(listed, here / "manifest.npz")
    few = {"novel": NOVEL, "base_images": "hidden", "shot_base_labels": "shown"}
    few |= {"episodes": 2, "files": [], "order": None}
    for task in ("fewshot-base", "fewshot-1"):
        protocol = {"task": task, "parts": {"train": "train", "report": "report"}}
        protocol |= {"tune": 0.2, "seed": 0, "selection": "tune", "fewshot": few}
        outputs = ("train", "report", "targets", "description")
        names = [f"--{name}={here / task / name}.npz" for name in outputs]
        manifest = f"--manifest={here / 'manifest.npz'}"
        split.command([manifest, "--protocol", json.dumps(protocol), *names])
    files = {"train": here / "fewshot-base/train.npz", "output": here / "counts.npz"}
    count_labels.command([f"--{name}={path}" for name, path in files.items()])


def settings(task, method, **changed):
    found = BOOK.settings(run_of("paper", task, "coco2014", method, 0)).training
    small = {"name": "resnet18", "weights": None, "size": 64, "test_size": 64}
    model = {key: narrow(value) for key, value in found.model.items()}
    quick = {"epochs": 2, "batch": 4, "workers": 0, "drop_at": [], "precision": "float32"}
    quick |= {"lr": 0.01, "encoder_lr": 0.01} | changed
    return relined(found, encoder=small, model=model, train=quick)


def learn(here, output, task, method, train_file=None, base=None, **changed):
    """Runs the step; gives the tensors that it left."""
    chosen = settings(task, method, **changed).json_text()
    files = {"train": train_file or here / task / "train.npz", "images": here}
    files |= {"counts": here / "counts.npz", "vectors": here / "vectors.npz"}
    files |= {"code": __file__, "work": output / "work", "output": output}
    files |= {"base": base} if base else {}
    train.command(["--settings", chosen, *(f"--{name}={path}" for name, path in files.items())])
    return run_folder.read_weights(output / "model.safetensors")


def scores_of(here, output, method):
    common = ["--settings", settings("fewshot-1", method).json_text(), "--images", str(here)]
    predict.command(
        [*common, f"--model={output / 'model.safetensors'}"]
        + [f"--report={here / 'fewshot-1/report.npz'}", f"--output={output / 'predictions.npz'}"]
    )
    judged = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}
    score.command(
        [f"--predictions={output / 'predictions.npz'}", f"--output={output / 'scores.json'}"]
        + [f"--targets={here / 'fewshot-1/targets.npz'}"]
        + ["--settings", json.dumps(judged | {"pool": "shown"})]
    )
    return read_json(output / "scores.json")


@pytest.fixture(scope="module")
def base(folder, tmp_path_factory):
    """Method -> the folder of its base training."""
    here = tmp_path_factory.mktemp("base")
    for method in METHODS:
        learn(folder, here / method, "fewshot-base", method)
    return {method: here / method for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_the_second_stage_changes_only_the_parts_that_learn(folder, base, tmp_path, method):
    model = base[method] / "model.safetensors"
    before = run_folder.read_weights(model)
    after = learn(folder, tmp_path, "fewshot-1", method, base=model)
    counted = ("graph.graph", ".rate")  # made of label statistics, which may include the shots
    moved = {
        name.split(".")[0]
        for name in after
        if not name.endswith(counted)
        and (name not in before or not torch.equal(before[name], after[name]))
    }
    assert before.keys() <= after.keys()
    assert any(name.startswith("encoder.") for name in before), "the encoder learns at first"
    assert moved == {"kggr": {"classifier"}, "laso": {"few"}, "ml_sgm": ML_SGM}[method]
    inputs = read_json(tmp_path / "provenance.json")["inputs"]
    assert str(model) in inputs
    found = scores_of(folder, tmp_path, method)
    assert found["labels"] == NOVEL and found["settings"]["pool"] == "shown"


@pytest.mark.parametrize("task", ["fewshot-base", "fewshot-1"])
def test_a_run_killed_in_either_stage_ends_in_the_same_bytes(
    folder, base, tmp_path, monkeypatch, task
):
    start = base["laso"] / "model.safetensors"
    options = {"epochs": 3} | ({"base": start} if "1" in task else {})
    learn(folder, tmp_path / "whole", task, "laso", **options)
    options["checkpoint_seconds"] = 0
    step, left = loop.Training.learn, iter(range(2))

    def until_killed(self, batch):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Training, "learn", until_killed)
        with pytest.raises(KeyboardInterrupt):
            learn(folder, tmp_path / "killed", task, "laso", **options)
    assert list(tmp_path.glob("killed/work/*/state.json"))
    torch.manual_seed(99)
    learn(folder, tmp_path / "killed", task, "laso", **options)
    for name in ("model.safetensors", "history.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_planted_novel_labels_leave_the_base_training_as_it_is(folder, base, tmp_path):
    arrays = read_arrays(folder / "manifest.npz")
    novel = np.isin(arrays["names"], NOVEL)
    train_part = arrays["parts"] == "train"
    planted = arrays["labels"].copy()
    planted[np.ix_(train_part, novel)] = 1 - planted[np.ix_(train_part, novel)]
    given = {name: arrays[name] for name in Manifest.__dataclass_fields__}
    given |= {"labels": planted, "names": NAMES}
    for name in [*given["images"].tolist(), "vectors.npz"]:
        (tmp_path / name).symlink_to(folder / name)
    cut(tmp_path, Manifest(**given))
    learn(tmp_path, tmp_path / "out", "fewshot-base", "kggr")
    first, second = (path / "model.safetensors" for path in (base["kggr"], tmp_path / "out"))
    assert first.read_bytes() == second.read_bytes()


def test_a_novel_label_without_a_shot_is_still_scored(folder, base, tmp_path):
    arrays = read_arrays(folder / "fewshot-1/train.npz")
    arrays["labels"][:, NAMES.index("vase")] = np.minimum(arrays["labels"][:, 3], 0)
    write_arrays(tmp_path / "train.npz", **arrays)
    start = base["ml_sgm"] / "model.safetensors"
    learn(folder, tmp_path, "fewshot-1", "ml_sgm", tmp_path / "train.npz", start)
    found = scores_of(folder, tmp_path, "ml_sgm")
    assert found["labels"] == NOVEL
    assert 0 < found["ap"]["non_interpolated"]["vase"] <= 1


def test_a_frozen_part_keeps_its_statistics_and_has_no_dropout():
    model = build("kggr").train()
    few_shots.freeze(model, ["classifier"])
    inference.rest_frozen(model)
    assert not model.reduction.training and not model.reduction.norm.training
    assert model.classifier.training


# ---- settings


def test_the_second_stage_changes_single_settings():
    first, second = (
        BOOK.settings(run_of("paper", task, "coco2014", "ml_sgm", 0)).training
        for task in ("fewshot-base", "fewshot-1")
    )
    assert first.shots is None
    assert second.shots.lines().keys() == {"learns", "labels", "graph"}
    assert first.model["objective"] == "weighted"
    assert second.model["objective"] == "asymmetric"
    assert second.model["focus"] == [0.0, 4.0, 0.05]
    assert second.encoder.learns == "nothing"
    assert second.train.lr == first.train.lr
    assert (second.train.epochs, second.train.batch) == (50, 16)


def test_a_run_goes_on_from_the_base_training_whose_turn_it_is():
    book = read_study(ROOT / "workflow/config", {"seeds": [4, 7], "seeds_of": {"coco2014": 2}})
    runs_of = [run_of("mini", "fewshot-5", "coco2014", "laso", seed) for seed in range(3)]
    assert [book.base(run).folder for run in runs_of] == [
        f"mini/fewshot-base/coco2014/laso/seed{seed}" for seed in (4, 7, 4)
    ]
    assert book.base(run_of("mini", "full", "coco2014", "laso", 4)) is None
    assert book.seeds("coco2014", "full") == [4, 7]
    files = {"datasets": {"coco2014": {"fewshot": {"episodes": 0, "files": ["a", "b", "c"]}}}}
    book = read_study(ROOT / "workflow/config", files)
    assert book.seeds("coco2014", "fewshot-1") == [0, 1, 2]


def test_files_of_episodes_may_differ_between_numbers_of_shots():
    files = {1: ["a", "b"], 5: ["c"]}
    given = {"datasets": {"coco2014": {"fewshot": {"episodes": 0, "files": files}}}}
    book = read_study(ROOT / "workflow/config", given)
    cut = {task: book.protocol("coco2014", task)["fewshot"] for task in ("fewshot-1", "fewshot-5")}
    assert [few["files"] for few in cut.values()] == [["a", "b"], ["c"]]
    assert book.seeds("coco2014", "fewshot-1") == [0, 1]
    assert book.seeds("coco2014", "fewshot-5") == [0]
    drawn = read_study(ROOT / "workflow/config", {})
    of_base = [each.protocol("coco2014", "fewshot-base") for each in (book, drawn)]
    assert of_base[0] == of_base[1], "another choice of episodes cuts the base stage anew"


def test_the_pool_changes_how_few_shots_are_scored_not_what_they_learn():
    pools = {
        task: BOOK.settings(run_of("paper", task, "coco2014", "laso", 0)).scoring.pool
        for task in ("fewshot-1", "full")
    }
    assert pools == {"fewshot-1": "shown", "full": "all"}
    assert "pool" not in BOOK.protocol("coco2014", "fewshot-1")["fewshot"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"learn": "all"}, r"shots has unknown keys \['learn'\]"),
        ({"train": {"epoch": 3}}, r"shots.train has unknown keys \['epoch'\]"),
        ({"learns": "head"}, "shots.learns is 'head'; expected all or a list, of 1 or more"),
        ({"learns": []}, r"shots.learns is \[\]"),
        ({"labels": "base"}, "shots.labels is 'base'; expected one of novel, all"),
        ({"graph": "all"}, "shots.graph is 'all'"),
    ],
)
def test_a_wrong_line_of_the_second_stage_is_named_at_once(line, message):
    with pytest.raises(ValueError, match=f"--config: {message}"):
        read_study(ROOT / "workflow/config", {"shots": line})


def test_a_keyword_that_the_method_lacks_is_named_with_the_stage():
    book = read_study(ROOT / "workflow/config", {"shots": {"model": {"widht": 3}}})
    run = run_of("mini", "fewshot-1", "coco2014", "baseline", 0)
    told = r"mini: baseline on coco2014, with shots: model has unknown keys \['widht'\]"
    with pytest.raises(ValueError, match=told):
        book.settings(run)
    assert book.settings(run_of("mini", "full", "coco2014", "baseline", 0))
