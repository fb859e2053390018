"""Scoring files: joined by name, written, found by a flat name, printed."""

import argparse
import json

import numpy as np
import pytest

from labelgraph.commands import score as verb
from labelgraph.files.small import read_arrays, read_json, write_arrays
from labelgraph.score import metrics
from labelgraph.steps import score as step
from labelgraph.study.settings import ScoringSettings

LABELS = np.array(["cat", "dog", "boat"])
IMAGES = np.array(["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
SCORES = np.array(
    [[2.0, 1.0, -1.0], [-3.0, 0.5, 4.0], [0.1, -0.2, 0.3], [-0.4, 3.0, -2.0]], np.float32
)
TARGET = np.array([[1, 0, 0], [0, 1, 1], [0, -1, 1], [1, 1, 0]], np.int8)
SETTINGS = {
    "threshold": 0.5,
    "top": 3,
    "difficult_ap": "ignored",
    "difficult_f1": "negative",
    "pool": "all",
}


@pytest.fixture
def files(tmp_path):
    """Predictions and targets of the same images and labels, in different orders."""
    rows, columns = [2, 0, 3, 1], [1, 2, 0]
    predictions, targets = tmp_path / "predictions.npz", tmp_path / "targets.npz"
    shuffled = SCORES[rows][:, columns]
    write_arrays(predictions, images=IMAGES[rows], labels=LABELS[columns], scores=shuffled)
    write_arrays(targets, images=IMAGES, labels=LABELS, target=TARGET, scored=np.ones(3, bool))
    return predictions, targets


def run_step(predictions, targets, output) -> dict:
    paths = {"predictions": predictions, "targets": targets, "output": output}
    arguments = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    step.command([*arguments, "--settings", json.dumps(SETTINGS)])
    return read_json(output)


def run_verb(capsys, *arguments) -> tuple[str, str]:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    assert verb.run(parser.parse_args([str(word) for word in arguments])) == 0
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_files_are_joined_by_name(files, tmp_path):
    found = run_step(*files, tmp_path / "scores.json")
    expected = metrics.evaluate(SCORES, TARGET, **SETTINGS)
    assert found == metrics.named(expected, LABELS.tolist(), [])
    assert found["ap"]["interpolated"]["boat"] == expected["ap"]["interpolated"][2]


def test_labels_that_are_not_scored_are_left_out(files, tmp_path):
    predictions, targets = files
    scored = np.array([True, False, True])
    write_arrays(targets, images=IMAGES, labels=LABELS, target=TARGET, scored=scored)
    found = run_step(predictions, targets, tmp_path / "scores.json")
    expected = metrics.evaluate(SCORES[:, [0, 2]], TARGET[:, [0, 2]], **SETTINGS)
    assert found == metrics.named(expected, ["cat", "boat"], ["dog"])


def test_steps_at_which_labels_are_named_are_joined_like_scores(files, tmp_path, capsys):
    predictions, targets = files
    given = read_arrays(predictions)
    named_at = np.random.default_rng(5).integers(0, 3, given["scores"].shape).astype(np.int16)
    write_arrays(predictions, **given, named_at=named_at)
    found = run_step(*files, tmp_path / "scores.json")
    rows = [given["images"].tolist().index(name) for name in IMAGES]
    columns = [given["labels"].tolist().index(name) for name in LABELS]
    expected = metrics.evaluate(SCORES, TARGET, named_at=named_at[rows][:, columns], **SETTINGS)
    assert found == metrics.named(expected, LABELS.tolist(), [])
    assert found["all"] != metrics.evaluate(SCORES, TARGET, **SETTINGS)["all"]
    printed, _ = run_verb(capsys, predictions, "--targets", targets, "--json")
    assert json.loads(printed)["all"] == found["all"]
    for wrong in (named_at[:1], named_at - 1, named_at.astype(float)):
        write_arrays(predictions, **given, named_at=wrong)
        with pytest.raises(ValueError, match=r"named_at is .*; expected a step from 1, or 0"):
            run_step(*files, tmp_path / "scores.json")


def test_every_number_has_a_flat_name(files, tmp_path):
    found = run_step(*files, tmp_path / "scores.json")
    for metric, expected in {
        "mAP": found["map"]["non_interpolated"],
        "mAP_11_point": found["map"]["11_point"],
        "mAP_11_point_absent_zero": found["map_absent_zero"]["11_point"],
        "mAP_interpolated_difficult_positive": found["map_difficult"]["positive"]["interpolated"],
        "mAP_pool_shown": found["map_pool"]["shown"]["non_interpolated"],
        "mAP_scikit_learn_balanced": found["map_balanced"]["scikit_learn"],
        "AP:dog": found["ap"]["non_interpolated"]["dog"],
        "AP_interpolated:boat": found["ap"]["interpolated"]["boat"],
        "CF1": found["all"]["CF1"],
        "CF1_top3": found["top3_thresholded"]["CF1"],
        "OF1_top3_strict": found["top3_strict"]["OF1"],
        "CF1_classwise": found["all"]["CF1_classwise"],
        "CP_released_top3": found["top3_thresholded"]["CP_released"],
    }.items():
        assert metrics.value(found, metric) == expected
    assert len(metrics.flat(found)) == 4 + 4 + 3 * 4 + 2 * 4 + 4 + 3 * 19 + 4 * 3


@pytest.mark.parametrize("metric", ["map", "AP:horse", "CF1_top5"])
def test_an_unknown_metric_is_refused_with_the_known_ones(files, tmp_path, metric):
    found = run_step(*files, tmp_path / "scores.json")
    with pytest.raises(ValueError, match=rf"no metric '{metric}'; .*mAP_interpolated.*dog"):
        metrics.value(found, metric)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": IMAGES[[0, 0, 1, 2]]}, "image 'a.jpg' is listed twice"),
        ({"labels": np.array(["cat", "dog", "dog"])}, "label 'dog' is listed twice"),
        ({"images": IMAGES[:3], "scores": SCORES[:3]}, "1 of 4 images of .*targets.npz are not in"),
        ({"labels": np.array(["cat", "dog", "horse"])}, "is 'boat'; both files must hold the same"),
        (
            {"images": np.append(IMAGES, "e.jpg"), "scores": np.zeros((5, 3), np.float32)},
            "1 of 5 images of .*predictions.npz are not in .*targets.npz, the first is 'e.jpg'",
        ),
        ({"scores": SCORES.T}, r"scores \(3, 4\) must be"),
        ({"scores": np.full((4, 3), np.nan)}, "image 'a.jpg', label 'cat' is nan"),
        ({"scores": SCORES.astype(int)}, "floating point"),
    ],
)
def test_predictions_that_do_not_match_are_refused(files, tmp_path, changed, message):
    predictions, targets = files
    arrays = {"images": IMAGES, "labels": LABELS, "scores": SCORES} | changed
    write_arrays(predictions, **arrays)
    with pytest.raises(ValueError, match=message):
        run_step(predictions, targets, tmp_path / "scores.json")
    assert not (tmp_path / "scores.json").exists()


def test_missing_and_broken_files_are_refused(files, tmp_path):
    predictions, targets = files
    with pytest.raises(FileNotFoundError, match=r"nowhere.npz is missing"):
        run_step(tmp_path / "nowhere.npz", targets, tmp_path / "scores.json")
    with pytest.raises(ValueError, match=r"targets.npz has no 'scores', only \['images'"):
        run_step(targets, targets, tmp_path / "scores.json")
    predictions.write_text("no archive")
    with pytest.raises(ValueError, match=r"predictions.npz is not an .npz archive"):
        run_step(predictions, targets, tmp_path / "scores.json")
    np.savez(predictions, images=IMAGES.astype(object), labels=LABELS, scores=SCORES)
    with pytest.raises(ValueError, match="loads without pickle"):
        run_step(predictions, targets, tmp_path / "scores.json")


@pytest.mark.parametrize("scored", [np.zeros(3, bool), np.ones(2, bool), np.ones(3, int)])
def test_scored_must_name_labels(files, tmp_path, scored):
    write_arrays(files[1], images=IMAGES, labels=LABELS, target=TARGET, scored=scored)
    with pytest.raises(ValueError, match="true or false for each of the 3 labels, and at least"):
        run_step(*files, tmp_path / "scores.json")


@pytest.mark.parametrize("text", ["{}", "[]", json.dumps(SETTINGS | {"topp": 3})])
def test_settings_must_be_complete(text):
    told = r"--settings lacks \['difficult_ap'|--settings is \[\]; |unknown keys \['topp'\]"
    with pytest.raises(ValueError, match=told):
        ScoringSettings.parse(text)


def test_the_verb_prints_what_the_step_writes(files, tmp_path, capsys):
    out, err = run_verb(capsys, files[0], "--targets", files[1], "--json")
    assert json.loads(out) == run_step(*files, tmp_path / "scores.json")
    assert err == ""


def test_the_verb_reads_a_spreadsheet_and_prints_a_table(files, tmp_path, capsys):
    table = tmp_path / "targets.csv"
    lines = [
        f"{image},{row[1]}, {row[0]},{row[2]}"
        for image, row in zip(IMAGES, TARGET.tolist(), strict=True)
    ]
    table.write_text("\n".join(["image,dog,cat,boat", *lines, ""]), encoding="utf-8")
    out, _ = run_verb(capsys, files[0], "--targets", table)
    found = metrics.evaluate(SCORES, TARGET, **SETTINGS)
    assert f"mAP interpolated        {100 * found['map']['interpolated']:.2f}\n" in out
    for name, maps in (
        ("pool shown", found["map_pool"]["shown"]),
        ("balanced", found["map_balanced"]),
    ):
        assert f"mAP {name:<20}{100 * maps['non_interpolated']:.2f}\n" in out
    (line,) = (line for line in out.splitlines() if line.startswith("top3_strict"))
    names = ("CP", "CR", "CF1", "OP", "OR", "OF1", "CF1_classwise")
    assert line.split()[1:] == [f"{100 * found['top3_strict'][name]:.2f}" for name in names]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a header"),
        ("a.jpg,1,0,0\nb.jpg,0,1,1\n", "needs a header"),
        ("image,cat,dog,boat\na.jpg,1,0\n", "row 2: 'a.jpg,1,0' is not an image and 3 codes"),
        ("image,cat,dog,boat\na.jpg,1,0,yes\n", "row 2: 'a.jpg,1,0,yes' is not"),
    ],
)
def test_spreadsheets_that_do_not_match_are_refused(files, tmp_path, capsys, text, message):
    table = tmp_path / "targets.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        run_verb(capsys, files[0], "--targets", table)


def test_probabilities_give_the_same_numbers_with_the_option(files, capsys):
    predictions, targets = files
    probabilities = 1 / (1 + np.exp(-SCORES.astype(np.float64)))
    probabilities[1] = 0, probabilities[1, 1], 1  # what rounding makes of far logits
    write_arrays(predictions, images=IMAGES, labels=LABELS, scores=probabilities)
    arguments = (predictions, "--targets", targets, "--json")
    out, err = run_verb(capsys, *arguments, "--probabilities")
    expected = metrics.evaluate(SCORES, TARGET, **SETTINGS)
    assert json.loads(out) == metrics.named(expected, LABELS.tolist(), [])
    assert err == ""
    out, err = run_verb(capsys, *arguments)
    assert json.loads(out)["all"]["OR"] == 1  # every number above 0 passes for a yes
    assert "--probabilities" in err


def test_names_cannot_drive_a_terminal(files, capsys):
    """The label that no image shows is named, in text and in JSON."""
    predictions, targets = files
    labels = np.array(["cat", "dog", "\x1b[31mboat\u202e"])
    write_arrays(predictions, images=IMAGES, labels=labels, scores=SCORES)
    target = TARGET * [1, 1, 0]
    write_arrays(targets, images=IMAGES, labels=labels, target=target)
    for more in ([], ["--json"]):
        out, _ = run_verb(capsys, predictions, "--targets", targets, *more)
        assert "\\u001b[31mboat\\u202e" in out
        assert "\x1b" not in out and "\u202e" not in out


def test_logits_are_refused_as_probabilities(files, capsys):
    with pytest.raises(ValueError, match="so they are not probabilities"):
        run_verb(capsys, files[0], "--targets", files[1], "--probabilities")
