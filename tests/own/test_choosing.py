"""The choice among several runs, and the last lines of a workflow on your own data."""

import json

import pytest
from conftest import ROOT
from run_cases import calibrate, make_run, picture, run_settings

from labelgraph.__main__ import main
from labelgraph.files.small import write_json
from labelgraph.own import choosing, ending, reading
from labelgraph.steps.train import name_of
from labelgraph.study.config import read_study
from labelgraph.tables import tables
from labelgraph.train.team import parallel


def fitted(folder, losses, **more):
    folder.mkdir(parents=True, exist_ok=True)
    calibrate(folder, 2.0, 0.5, losses=losses, images=len(losses), **more)
    return folder


def test_the_best_has_the_lowest_cross_entropy(tmp_path):
    one = fitted(tmp_path / "ml_gcn/seed0", [0.2, 0.4, 0.3])
    two = fitted(tmp_path / "add_gcn/seed0", [0.2, 0.3, 0.2])
    best = choosing.best([one, two])
    assert best.folder == two
    assert best.reason == (
        "the best of 2 runs, with the lowest cross-entropy on the 3 tune pictures (0.233)"
    )


def test_the_baseline_must_be_beaten_by_more_than_chance(tmp_path):
    plain = fitted(tmp_path / "baseline@max/seed0", [0.3, 0.3, 0.3, 0.3])
    luck = fitted(tmp_path / "ml_gcn/seed0", [0.1, 0.5, 0.0, 0.4])  # mean gain 0.05, error 0.12
    best = choosing.best([plain, luck])
    assert best.folder == plain
    assert best.reason == (
        "the best of 2 runs, because no other beats this baseline by more than one standard error"
        " on the 4 tune pictures (cross-entropy 0.300; the lowest is 0.250)"
    )
    worse = fitted(tmp_path / "baseline/seed0", [0.5, 0.5, 0.5, 0.5])
    assert choosing.best([worse, plain, luck]).folder == plain  # the better of the plain ones
    sure = fitted(tmp_path / "c_tran/seed0", [0.26, 0.27, 0.25, 0.26])  # 0.04, error 0.004
    best = choosing.best([plain, luck, sure])
    assert best.folder == sure
    assert best.reason.endswith(
        "with the lowest cross-entropy on the 4 tune pictures (0.260) among those that clearly"
        " beat the baseline"
    )


@pytest.mark.parametrize("more", [{"losses": [0.1]}, {"selection": "report"}, {"losses": []}])
def test_runs_that_cannot_be_compared_have_no_best(tmp_path, more):
    a = fitted(tmp_path / "a/seed0", [0.3, 0.3])
    b = fitted(tmp_path / "b/seed0", **{"losses": [0.2, 0.2]} | more)
    assert choosing.best([a, b]) is None
    assert choosing.best([a, tmp_path]) is None
    assert choosing.best([]) is None
    assert (choosing.best([b]) is None) == (more == {"losses": []})


def test_a_folder_of_runs_stands_for_the_best_of_them(tmp_path, capsys):
    for name, loss in (("baseline", 0.4), ("ml_gcn", 0.2)):
        run = make_run(tmp_path / "pets" / name / "seed0", name)
        fitted(run, [loss, loss])
    picture(1).save(tmp_path / "photo.png")
    assert main(["predict", str(tmp_path / "pets"), str(tmp_path / "photo.png")]) == 0
    said = capsys.readouterr().err
    assert f"{tmp_path}/pets/ml_gcn/seed0: the best of 2 runs, with the lowest" in said
    assert reading.find(tmp_path / "pets" / "baseline")[0].parent.name == "baseline"
    other = make_run(tmp_path / "others" / "baseline" / "seed0", "baseline")
    fitted(other, [0.1, 0.1])
    with pytest.raises(ValueError, match="holds 3 runs; pass one of them"):
        reading.find(tmp_path)  # runs on other data


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of your own data with two runs, as the workflow leaves it."""
    monkeypatch.chdir(tmp_path)
    pets = {"folder": str(ROOT / "tests/samples/folders"), "reader": "folders"}
    given = {"study": "own", "datasets": {"pets": pets}}
    given["own_table"] = {"rows": ["baseline", "ml_gcn"]}
    book = read_study(ROOT / "workflow/config", given)
    for run, loss in zip(tables.runs(book, ["own_pets"]), (0.3, 0.2), strict=True):
        folder = fitted(tmp_path / "results/runs" / run.folder, [loss] * 40)
        sure = {"intervals": {"mAP": [0.7, 0.95]}, "rule": {"OF1": [0.8, 0.75, 0.85]}, "images": 30}
        write_json(folder / "assessment.json", sure)
        none = {f"map_{name}": {} for name in ("absent_zero", "balanced", "difficult", "pool")}
        scores = {"map": {"non_interpolated": 0.875}, "ap": {}, "settings": {"top": 3}, **none}
        groups = {name: {} for name in ("all", "top3_thresholded", "top3_strict")}
        write_json(folder / "scores.json", scores | groups)
    return book


TABLE = "results/tables/own/own_pets.csv"


def test_the_last_lines_give_numbers(study):
    found = ending.lines(study, {TABLE})
    assert found == [
        "",
        "Table: results/tables/own/own_pets.md",
        "Best run: ML-GCN, the best of 2 runs, with the lowest cross-entropy on the 40 tune"
        " pictures (0.200).",
        "  On 30 reported pictures, which were not used to choose it: mAP 87.5 [70.0, 95.0], OF1 at"
        " the thresholds of predict 80.0 [75.0, 85.0].",
        "  The probabilities are calibrated with temperature 2.00, fitted on 40 tune images. On"
        " held-out images it changed the cross-entropy from 0.500 to 0.400 and the calibration"
        " error from 10.0 to 2.0 points.",
        "  Use it on a picture:",
        "    uv run labelgraph predict results/runs/own/full/pets/ml_gcn/seed0 photo.jpg"
        " --save seen",
    ]


def test_only_new_tables_are_named(study):
    assert ending.lines(study, {"results/runs/own/full/pets/ml_gcn/seed0/scores.json"}) == []
    mini = read_study(ROOT / "workflow/config", {})
    made = {f"results/tables/mini/{name}.csv" for name in mini.tables}
    assert ending.lines(mini, made) == []


def test_results_on_the_pictures_that_chose_the_run_are_called_too_high(study, tmp_path):
    for path in tmp_path.glob("results/runs/**/calibration.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"selection": "report"}))
    assert "which also chose it, so these numbers are too high: mAP" in "\n".join(
        ending.lines(study, {TABLE})
    )


def test_lines_of_progress_name_their_run(capsys):
    changes = {"variant": "max", "seed": 2}
    about = run_settings("baseline").model_copy(update=changes)
    team = parallel.join(name_of(about))
    team.say("epoch 3 of 24")
    assert capsys.readouterr().err == "pets, full, baseline@max, seed 2: epoch 3 of 24\n"
    parallel.ALONE.say("epoch 4 of 24")
    assert capsys.readouterr().err == "epoch 4 of 24\n"
