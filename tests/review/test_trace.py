"""A cell leads to its runs, and every gap on the way is reported."""

import json
import os
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT

from labelgraph.__main__ import main
from labelgraph.files.small import write_json, write_text
from labelgraph.jobs import provenance
from labelgraph.review.claims import listing
from labelgraph.review.claims.verdicts import Line
from labelgraph.review.tracing import behind, chain, claimed
from labelgraph.score import metrics
from labelgraph.study.config import read_study, run_of
from labelgraph.tables import csv_cells, tables

TABLE = "results/tables/mini/ml_gcn_VOC.csv"
ROW, COLUMN = "ML-GCN (Re-weighted)", "mAP"
SETTINGS = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}
LABELS = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)


def scored(seed):
    draw = np.random.default_rng(seed)
    target = (draw.random((40, 20)) < 0.4).astype(np.int8)
    scores = (draw.standard_normal((40, 20)) + target).astype(np.float32)
    return metrics.named(metrics.evaluate(scores, target, **SETTINGS), list(LABELS), [])


def write_runs(book, method, task, inputs):
    """What the steps leave behind, for every seed."""
    for seed in book.size.seeds:
        run = run_of("mini", task, "voc2007", method, seed)
        folder = Path("results/runs", run.folder)
        write_json(folder / "scores.json", scored(seed))
        write_text(folder / "settings.yaml", yaml.safe_dump(book.settings(run).training.lines()))
        write_json(folder / "provenance.json", provenance.account(inputs, seed))
        write_text(folder / "history.csv", f"epoch,loss\n1,{seed}\n")
        met = provenance.Clock().circumstances(folder, 1)
        write_json(folder / provenance.CIRCUMSTANCES, met)


def write_table(book, name, row):
    """The csv, as `tabulate` makes it, with runs of one row."""
    table = tables.recipe(book, name)
    table["scores"] = {row: table["scores"][row]}
    published = tables.read_published(Path(f"workflow/published/{table['paper']}.csv"))
    titles = tables.read_published(Path("workflow/published/systems.csv"))
    titles["order"] = titles["order"].astype(int)
    cells = tables.cells(table, published, titles)
    text = cells.to_csv(index=False, lineterminator="\n")
    write_text(Path(f"results/tables/mini/{name}.csv"), text)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Three runs of one row, the table they give, and the settings they had."""
    monkeypatch.chdir(tmp_path)
    Path("workflow").symlink_to(ROOT / "workflow")
    write_text(Path("data/train.npz"), "images")
    book = read_study(Path("workflow/config"), {"study": "mini"})
    write_runs(book, "ml_gcn", "full", provenance.record([Path("data/train.npz")]))
    write_table(book, "ml_gcn_VOC", "ml_gcn/Re-weighted")
    return tmp_path


def trace(row=ROW, column=COLUMN, table=TABLE):
    return chain.trace(Path(table), row, column)


def run_folder(seed):
    return Path(f"results/runs/mini/full/voc2007/ml_gcn/seed{seed}")


def test_a_cell_leads_to_every_seed(checkout):
    found = trace()
    assert found["problems"] == []
    assert found["command"] is None
    assert found["published"]["value"] == "94.0"
    lines = (checkout / found["published"]["file"]).read_text().splitlines()
    line = lines[found["published"]["line"] - 1]
    assert line == "VOC,voc2007,ml_gcn,Re-weighted,mAP,94.0,"
    assert [run["seed"] for run in found["runs"]] == [0, 1, 2]
    values = [100 * scored(seed)["map"]["non_interpolated"] for seed in range(3)]
    assert [run["value"] for run in found["runs"]] == values
    assert found["reproduced"] == found["recomputed"]
    assert found["reproduced"]["mean"] == f"{np.mean(values):.6f}"
    for run in found["runs"]:
        assert run["as_configured"]
        assert run["settings"]["model"]["threshold"] == 0.4
        assert run["git"].keys() == {"commit", "clean"}
        assert run["packages"]["torch"]
        assert [file["state"] for file in run["inputs"]] == ["same"]


def remove_a_run():
    (run_folder(1) / "scores.json").unlink()


def change_an_input():
    Path("data/train.npz").write_text("others")


def remove_an_input():
    Path("data/train.npz").unlink()


def change_a_setting():
    path = run_folder(2) / "settings.yaml"
    path.write_text(path.read_text().replace("threshold: 0.4", "threshold: 0.3"))


def change_the_cell():
    text = Path(TABLE).read_text()
    mean = trace()["reproduced"]["mean"]
    assert text.count(mean) == 1
    Path(TABLE).write_text(text.replace(mean, "12.34"))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (remove_a_run, "seed1/scores.json, or a file beside it, is not on this disk"),
        (change_an_input, "seed0: data/train.npz has changed since"),
        (remove_an_input, "seed2: data/train.npz no longer exists"),
        (change_a_setting, "seed2: the study's settings have changed since"),
        (change_the_cell, "the csv has {'mean': '12.34'"),
    ],
)
def test_every_gap_is_reported(checkout, capsys, harm, told):
    harm()
    assert any(told in problem for problem in trace()["problems"])
    assert main(["trace", TABLE, "--row", ROW, "--column", COLUMN]) == 1
    assert told in capsys.readouterr().out


def test_missing_files_come_with_the_command_that_makes_them(checkout):
    remove_a_run()
    found = trace()
    assert found["command"] == f"snakemake --cores 8 {run_folder(1)}/scores.json"
    assert found["recomputed"] is None
    assert [run["found"] for run in found["runs"]] == [True, False, True]


def test_a_quoted_cell_says_where_it_is_printed(checkout, capsys):
    assert main(["trace", TABLE, "--row", "CNN-RNN", "--column", "AP:train"]) == 0
    shown = capsys.readouterr().out
    assert "published   99.7 in ml_gcn, table VOC (workflow/published/ml_gcn.csv, line" in shown
    assert "the value is quoted, not computed" in shown


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/dev/zero", "/dev/zero is outside the checkout, so it was not opened"),
        ("../x", "../x is outside the checkout, so it was not opened"),
        ("data/pipe", "data/pipe is not a regular file, so it was not opened"),
    ],
)
def test_only_files_of_the_checkout_are_opened(checkout, monkeypatch, capsys, name, told):
    os.mkfifo("data/pipe")
    monkeypatch.setattr(
        "labelgraph.review.tracing.behind.sha256", lambda path: pytest.fail(str(path))
    )
    for seed in range(3):
        path = run_folder(seed) / "provenance.json"
        write_json(path, json.loads(path.read_text()) | {"inputs": {name: "0"}})
    assert main(["trace", TABLE, "--row", ROW, "--column", COLUMN]) == 1
    assert told in capsys.readouterr().out


def test_the_text_of_a_run_cannot_drive_a_terminal(checkout, capsys):
    path = run_folder(0) / "circumstances.json"
    write_json(path, json.loads(path.read_text()) | {"python": "\x1b[31m3\n\u202efake"})
    main(["trace", TABLE, "--row", ROW, "--column", COLUMN])
    assert "Python \\u001b[31m3\\u000a\\u202efake\n" in capsys.readouterr().out
    main(["trace", TABLE, "--row", ROW, "--column", COLUMN, "--json"])
    out = capsys.readouterr().out
    assert "\u202e" not in out
    assert json.loads(out)["runs"][0]["python"] == "\x1b[31m3\n\u202efake"


def test_json_is_the_object_itself(checkout, capsys):
    assert main(["trace", TABLE, "--row", ROW, "--column", COLUMN, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == trace()


@pytest.mark.parametrize(
    ("row", "column", "table", "told"),
    [
        ("ML-GNC (Re-weighted)", COLUMN, TABLE, "did you mean 'ML-GCN (Re-weighted)'?"),
        ("zzz", COLUMN, TABLE, "no row 'zzz'. It has 'CNN-RNN', 'RLSD'"),
        (ROW, "map", TABLE, "no column 'map'; did you mean 'mAP'?"),
        (ROW, COLUMN, "results/tables/mini/ml_gcn_COC.csv", "did you mean 'ml_gcn_VOC.csv'?"),
        (ROW, COLUMN, "data/train.npz", "is not results/tables/<study>/<table>.csv"),
    ],
)
def test_a_wrong_name_is_refused_with_the_right_ones(checkout, capsys, row, column, table, told):
    assert main(["trace", table, "--row", row, "--column", column]) == 2
    assert told in capsys.readouterr().err


def write_origin(folder, **changes):
    """What a training leaves, with other values."""
    (folder / "history.csv").write_text("epoch\n")
    met = provenance.Clock().circumstances(folder, 1) | {"peak_mb": 300.0}
    account = {"packages": {}, "inputs": {}}
    for name, found in (("provenance.json", account), (provenance.CIRCUMSTANCES, met)):
        found |= {key: value for key, value in changes.items() if key in found}
        write_json(folder / name, found)


def scores(mean):
    """The text of a scores.json whose mAP is `mean`."""
    found = scored(0)
    return json.dumps(found | {"map": found["map"] | {"non_interpolated": mean}})


def test_a_complete_provenance_is_accepted(tmp_path):
    write_origin(tmp_path)
    assert behind.read_origin(tmp_path)["peak_mb"] == 300


@pytest.mark.parametrize("name", ["circumstances.json", "history.csv"])
def test_of_a_run_that_was_trained_elsewhere_the_circumstances_are_unknown(checkout, capsys, name):
    """A pulled run has no circumstances, or those of a training here that had another history."""
    path = run_folder(1) / name
    path.unlink() if name.startswith("circumstances") else path.write_text("epoch,loss\n1,9\n")
    assert main(["trace", TABLE, "--row", ROW, "--column", COLUMN]) == 0
    said = capsys.readouterr().out
    assert said.count("trained   elsewhere") == 1 and said.count("  machine  ") == 2
    found = trace()["runs"][1]
    assert found["git"]["commit"] is found["wall_seconds"] is None and found["packages"]["torch"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"git": {"commit": 3, "clean": True}}, "commit is 3"),
        ({"packages": "torch"}, "packages is 'torch'"),
        ({"hardware": None}, "hardware is None"),
        ({"inputs": ["data/train.npz"]}, "inputs is ['data/train.npz']"),
        ({"inputs": {"data/train.npz": 7}}, "data/train.npz is 7"),
        ({"peak_mb": "much"}, "peak_mb is 'much'"),
    ],
)
def test_every_value_of_a_provenance_must_be_of_its_kind(tmp_path, changes, told):
    write_origin(tmp_path, **changes)
    with pytest.raises(ValueError, match="is not what a training writes: ") as error:
        behind.read_origin(tmp_path)
    assert str(error.value).endswith(told)


@pytest.mark.parametrize("name", ["provenance.json", "scores.json", "settings.yaml"])
def test_a_pipe_in_a_runs_folder_is_not_opened(checkout, capsys, name):
    (run_folder(0) / name).unlink()
    os.mkfifo(run_folder(0) / name)
    assert main(["trace", TABLE, "--row", ROW, "--column", COLUMN]) == 2
    assert f"{name} is a folder, a pipe or a device; expected a reg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("provenance.json", "{", "not JSON"),
        ("provenance.json", "[]", "is not what a run writes; expected the keys"),
        ("provenance.json", '{"inputs": {}}', "is not what a run writes; expected the keys"),
        ("circumstances.json", "[]", "is not what a training writes; remove it"),
        ("circumstances.json", '{"git": {}}', "is not what a training writes; remove it"),
        ("settings.yaml", "- a", "is not what a training writes; expected KEY: VALUE"),
        ("scores.json", "{}", "is not what a run writes; expected the keys"),
        ("scores.json", '{"map": 1, "ap": 1, "settings": 1, "labels": 1}', "mAP cannot be read"),
        ("scores.json", scores(mean="good"), "mAP is 'good'"),
        ("settings.yaml", "a: [", "is not YAML"),
    ],
)
def test_a_broken_file_of_a_run_gets_a_sentence(checkout, capsys, name, content, told):
    (run_folder(0) / name).write_text(content)
    assert main(["trace", TABLE, "--row", ROW, "--column", COLUMN]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("row", ["ML-SGM", "ml_sgm", "Ours"])
def test_a_row_called_ours_is_found_by_the_name_of_its_method(row):
    found = trace(row, "mAP", ROOT / "results/tables/mini/ml_sgm_II.csv")
    assert found["row"] == "Ours"
    assert {run["method"] for run in found["runs"]} == {"ml_sgm"}


def test_a_column_is_found_by_its_heading(checkout):
    assert trace(column="train")["column"] == trace(column="AP:train")["column"] == "AP:train"
    control = ROOT / "results/tables/mini/ml_sgm_control.csv"
    assert trace("ML-SGM", "drawn, with structure mAP", control)["column"] == "scenes mAP"


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("ResNet-101*", "ResNet-101*"),
        ("EfficientNet-Lite0, linear (average pooling)", "ResNet-101*"),
        ("baseline", "ResNet-101*"),
        ("ML-SGM", "Ours"),
        ("ML-GCN", "ML-GCN"),
        ("ML-GCN (Binary)", "ML-GCN"),
    ],
)
def test_a_row_is_found_by_its_name_in_print_and_by_what_ran(row, name):
    assert trace(row, "mAP", ROOT / "results/tables/mini/ml_sgm_II.csv")["row"] == name


def test_an_average_over_tasks_leads_to_the_runs_of_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "workflow", "workflow")
    path = Path("workflow/config/tables.yaml")
    block = {"dataset": "voc2007", "metrics": ["mAP"], "average": "avg"}
    block["tasks"] = {"partial-10": "10%", "partial-90": "90%"}
    entry = {"paper": "ml_sgm", "table": "V", "caption": "Partial labels", "columns": [block]}
    entry["runs"] = {"ssgrl": "ssgrl"}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"ml_sgm_V": entry}))
    book = read_study(Path("workflow/config"), {"study": "mini"})
    for task in block["tasks"]:
        write_runs(book, "ssgrl", task, {})
    write_table(book, "ml_sgm_V", "ssgrl")
    found = trace("SSGRL", "avg mAP", "results/tables/mini/ml_sgm_V.csv")
    assert found["problems"] == []
    assert [run["task"] for run in found["runs"]] == ["partial-10"] * 3 + ["partial-90"] * 3
    assert found["published"]["value"] == "89.5"
    one = trace("SSGRL", "90% mAP", "results/tables/mini/ml_sgm_V.csv")
    assert [run["task"] for run in one["runs"]] == ["partial-90"] * 3


def test_a_counted_cell_leads_to_the_count(checkout):
    Path("results/tables/mini/ml_sgm_VIII.csv").write_bytes(
        (ROOT / "results/tables/mini/ml_sgm_VIII.csv").read_bytes()
    )
    found = trace("+CSAC", "gflops", "results/tables/mini/ml_sgm_VIII.csv")
    assert found["counted"]["network"] == "ml_sgm/CSAC"
    assert found["command"] == "snakemake --cores 8 results/costs/counts.json"
    count = {"method": "ml_sgm/CSAC", "gflops": float(found["reproduced"]["mean"])}
    write_json(Path("results/costs/counts.json"), [count])
    found = trace("+CSAC", "gflops", "results/tables/mini/ml_sgm_VIII.csv")
    assert found["problems"] == []
    assert found["recomputed"] == found["reproduced"]


def test_every_committed_table_can_be_traced():
    """With or without runs on disk: tables.yaml has the rows and columns of each."""
    for path in sorted((ROOT / "results/tables").glob("*/*.csv")):
        if path.name == claimed.FILE:
            assert listing.parse(path.read_text())
            continue
        if path.name == "convergence.csv":  # of runs, not of cells
            continue
        cells = csv_cells.parse(path.name, path.read_bytes())
        row, column = next(place for place, cell in cells.items() if cell.status == "reproduced")
        found = trace(row, column, path)
        assert found["runs"] or found["counted"], path


def write_claims(here):
    """A verdict on the row of `checkout` against itself, so that the difference is known."""
    run = "full/voc2007/ml_gcn"
    known = dict.fromkeys((each.name for each in fields(Line)), "")
    known |= {"claim": "ahead", "kind": "above", "cell": "voc2007 ml_gcn mAP", "verdict": "holds"}
    known |= {"here": here, "low": "0", "high": "0", "metric": "mAP", "seeds": "0 1 2"}
    quoted = known | {"seeds": "", "verdict": "not run", "reason": "it has no run"}
    lines = [Line(**known | {"first": run, "second": run}), Line(**quoted)]
    write_text(Path(CLAIMS), listing.as_csv(lines))


CLAIMS = "results/tables/mini/claims.csv"


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize("name", ["claims", "ml_sgm_II"])
def test_a_file_that_was_not_made_is_named_with_the_command_for_it(
    folder, name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    path = f"results/tables/mini/{name}.csv"
    if folder:
        Path(path).parent.mkdir(parents=True)
    assert main(["trace", path, "--row", "4"]) == 2
    said = capsys.readouterr().err
    assert f"{path} is missing; `snakemake {path} --config study=mini` makes it" in said
    assert "Errno" not in said


def test_a_verdict_leads_to_the_runs_of_both_sides(checkout, capsys):
    write_claims("0.000000")
    found = chain.trace(Path(CLAIMS), "2", None)
    assert (found["row"], found["column"], found["status"]) == ("ahead", "mAP", "holds")
    assert found["recomputed"] == found["reproduced"] and found["problems"] == []
    assert [run["seed"] for run in found["runs"]] == [0, 1, 2] * 2
    assert main(["trace", CLAIMS, "--row", "2"]) == 0
    assert "claims.csv: ahead, mAP: holds" in capsys.readouterr().out


def test_a_verdict_that_the_runs_do_not_give_is_reported(checkout, capsys):
    write_claims("1.000000")
    assert main(["trace", CLAIMS, "--row", "2"]) == 1
    assert "! the csv has {'mean': '1.000000'" in capsys.readouterr().out
    (run_folder(1) / "scores.json").unlink()
    found = chain.trace(Path(CLAIMS), "2", None)
    assert found["recomputed"] is None and "seed1/scores.json" in found["command"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([CLAIMS, "--row", "3"], "line 3, has no run: it has no run"),
        ([CLAIMS, "--row", "4"], "has no line '4'; pass a number from 2 to 3"),
        ([CLAIMS, "--row", "ahead"], "has no line 'ahead'"),
        ([TABLE, "--row", ROW], "is a table of cells; pass --column"),
    ],
)
def test_a_verdict_that_cannot_be_traced_says_why(checkout, capsys, arguments, told):
    write_claims("0.000000")
    assert main(["trace", *arguments]) == 2
    assert told in capsys.readouterr().err
