"""Probabilities: by hand, on generated scores, and in the step that fits them on tune images."""

import json

import numpy as np
import pytest
from run_cases import LABELS, make_run, run_settings

from labelgraph.files.small import read_arrays, write_arrays
from labelgraph.predict import calibration
from labelgraph.steps import calibrate, predict


def made(images=400, labels=6, warmth=3.0, seed=0):
    """Scores whose sigmoid at temperature `warmth` is the frequency of each label."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(-2, 3, (images, labels))
    shown = draw.random((images, labels)) < calibration.sigmoid(scores / warmth)
    return scores, shown.astype(np.int8)


def names(count):
    return [f"label {number}" for number in range(count)]


def test_the_temperature_of_generated_scores_is_found():
    scores, codes = made()
    found = calibration.fit(names(6), scores, codes, "tune", 0.5)
    assert found.temperature == pytest.approx(3.0, rel=0.15)
    assert found.loss["after"] < found.loss["before"]
    assert found.error["after"] < 0.03 < found.error["before"]
    order = np.argsort(scores, axis=None)
    assert (np.diff(found.probabilities(scores).flat[order]) >= 0).all()


def test_a_temperature_that_does_not_help_on_other_images_is_not_used():
    scores, codes = made(images=30, labels=1, warmth=1.0, seed=4)
    found = calibration.fit(names(1), scores, codes, "tune", 0.5)
    assert found.loss["after"] >= found.loss["before"]
    assert found.temperature == 1.0


def test_a_few_images_without_an_error_do_not_make_it_overconfident():
    scores = np.array([[4.0], [3.0], [-3.0], [-4.0], [-5.0], [-2.0]])
    found = calibration.fit(names(1), scores, (scores > 0).astype(np.int8), "tune", 0.5)
    assert 0.5 < found.temperature < 5


def test_unknown_entries_are_ignored():
    scores, codes = made()
    hidden = codes.copy()
    hidden[::2, 0], hidden[1::2, 1] = -2, -1
    changed = np.where(hidden < 0, 50.0, scores)
    first, second = (
        calibration.fit(names(6), values, hidden, "tune", 0.5) for values in (scores, changed)
    )
    assert first == second


def test_thresholds_by_hand():
    probabilities = np.array([0.9, 0.8, 0.7, 0.3, 0.2])
    target = np.array([1, 1, 0, 1, 0], bool)  # F1 after 1, 2, 3, 4, 5: .5 .8 .67 .857 .75
    assert calibration.best_threshold(probabilities, target) == pytest.approx(0.25)
    assert calibration.best_threshold(probabilities[:2], target[:2]) == pytest.approx(0.4)
    tied = calibration.best_threshold(np.array([0.5, 0.5, 0.1]), np.array([1, 0, 0], bool))
    assert tied == pytest.approx(0.3)  # equal probabilities are one choice


def test_a_rare_label_has_nearly_the_common_threshold():
    probabilities = np.array([[0.9, 0.9], [0.6, 0.8], [0.2, 0.2], [0.1, 0.1]])
    target = np.array([[1, 1], [1, 0], [0, 0], [0, 0]], bool)
    known = np.ones_like(target)
    common = calibration.best_threshold(probabilities.ravel(), target.ravel())
    found = calibration.best_thresholds(probabilities, target, known)
    assert found == pytest.approx([(2 * 0.4 + 10 * common) / 12, (1 * 0.85 + 10 * common) / 11])
    none = calibration.best_thresholds(probabilities, np.zeros_like(target) | target[:, [0]], known)
    assert all(0 < value < 1 for value in none)


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_the_loss_of_each_image_uses_the_final_probabilities(scale):
    scores, codes = made(warmth=1.0)
    codes[:, 1] = -2
    codes[3] = -2  # an image without known labels
    found = calibration.fit(names(6), scale * scores, codes, "tune", 0.5)
    assert (found.temperature == 1) == (scale == 1)
    counted = np.delete(found.losses, 3)
    assert found.losses[3] == 0 and len(found.losses) == len(scores)
    in_use = "before" if found.temperature == 1 else "after"
    assert counted.mean() == pytest.approx(found.loss[in_use])


def test_without_tune_images_nothing_is_fitted(tmp_path):
    nothing = np.empty((0, 3), np.float32), np.empty((0, 3), np.int8)
    found = calibration.fit(names(3), *nothing, "tune", 0.4)
    assert (found.temperature, found.images, found.thresholds) == (1.0, 0, [0.4] * 3)
    assert (
        "not calibrated: they are the sigmoid of the scores. Run `snakemake here`"
        in calibration.describe(found, "here")
    )
    calibration.write(tmp_path / "x.json", found)
    assert calibration.read(tmp_path / "x.json", names(3)) == found


@pytest.mark.parametrize(
    ("content", "message"), [({"labels": []}, "is not a calibration"), (None, "other labels")]
)
def test_a_wrong_file_is_named(tmp_path, content, message):
    path = tmp_path / "calibration.json"
    calibration.write(path, calibration.none(names(2), 0.5))
    if content:
        path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"calibration.json.*{message}.*makes it anew"):
        calibration.read(path, names(3))


@pytest.fixture
def trained(tmp_path):
    """A run, its training file, and features of all images."""
    draw = np.random.default_rng(1)
    images = np.array([f"{number}.jpg" for number in range(30)])
    grid = draw.random((30, 2, 2, 1280)).astype(np.float16)
    np.save(tmp_path / "plain.npy", grid)
    index = {"images": images.tolist(), "encoder": {"view": "plain"}}
    (tmp_path / "plain.json").write_text(json.dumps(index))
    roles = np.repeat([0, 1], [18, 12]).astype(np.uint8)
    labels = draw.integers(0, 2, (30, LABELS)).astype(np.int8)
    write_arrays(tmp_path / "train.npz", images=images, role=roles, labels=labels)
    return make_run(tmp_path / "run", "baseline")


def run_step(run, selection="tune"):
    files = {"train": run.parent / "train.npz", "features": run.parent / "plain.json"}
    given = {"model": run / "model.safetensors", "output": run / "calibration.json", **files}
    options = [f"--{name}={value}" for name, value in given.items() if name != "features"]
    options += ["--features", str(files["features"]), f"--selection={selection}"]
    chosen = run_settings("baseline").json_text()
    calibrate.command([*options, "--threshold", "0.5", "--settings", chosen])
    return calibration.read(run / "calibration.json", list_of_names(run))


def list_of_names(run):
    return json.loads((run / "calibration.json").read_text())["labels"]


def test_the_step_uses_tune_images_and_no_others(trained):
    found = run_step(trained)
    assert found.images == 12
    stored = read_arrays(trained.parent / "train.npz")
    rows = np.flatnonzero(stored["role"] == 1)
    write_arrays(trained.parent / "report.npz", images=stored["images"][rows])
    report, output = trained.parent / "report.npz", trained.parent / "predictions.npz"
    model, index = trained / "model.safetensors", trained.parent / "plain.json"
    predict.main(run_settings("baseline"), model, report, [index], None, None, output)
    scores = read_arrays(output)["scores"]
    assert found == calibration.fit(found.labels, scores, stored["labels"][rows], "tune", 0.5)
    others = np.where(stored["role"][:, None] == 1, stored["labels"], 1 - stored["labels"])
    write_arrays(trained.parent / "train.npz", **stored | {"labels": others})
    assert run_step(trained) == found


def test_the_step_says_if_it_was_fitted_on_reported_images(trained):
    assert "fitted on 12 reported images" in calibration.describe(run_step(trained, "report"), "x")


@pytest.mark.parametrize(
    ("temperature", "said"),
    [
        (2.0, "are calibrated with temperature 2.00, fitted on 9 tune images. On held-out images"),
        (1.0, "of the scores, because a temperature fitted on 9 tune images did not help. On held"),
    ],
)
def test_the_improvement_is_described_in_numbers(temperature, said):
    loss, error = {"before": 0.5, "after": 0.25}, {"before": 0.1, "after": 0.035}
    found = calibration.Calibration(names(1), temperature, [0.5], 9, "tune", loss, error, [0.3] * 9)
    text = calibration.describe(found, "here")
    assert said in text
    assert "from 0.500 to 0.250 and the calibration error from 10.0 to 3.5 points." in text
