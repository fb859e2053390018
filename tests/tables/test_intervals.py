"""Tables of few pictures: their cells have ends, and nothing is called the best by luck."""

import json

import numpy as np
import pandas as pd
import pytest

from labelgraph.files.small import read_json, write_arrays, write_json
from labelgraph.predict import calibration, judging
from labelgraph.score import bootstrap, precision_recall
from labelgraph.steps import assess, score, tabulate
from labelgraph.study.config import read_study
from labelgraph.study.settings import ScoringSettings
from labelgraph.tables import (
    csv_cells,
    intervals,
    rendering,
    tables,
)

SETTINGS = ScoringSettings(
    threshold=0.5, top=3, difficult_ap="ignored", difficult_f1="negative", pool="all"
)
LABELS = ["cat", "dog", "owl"]


def run(folder, noise, images=25, shift=0.0):
    """What the steps leave of a run whose scores are the truth and some noise."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(int(100 * noise))
    target = draw.integers(0, 2, (images, 3)).astype(np.int8)
    scores = (2.0 * target - 1 + noise * draw.normal(size=target.shape) + shift).astype(np.float32)
    about = {"images": np.array([f"{k}.jpg" for k in range(images)]), "labels": np.array(LABELS)}
    write_arrays(folder / "predictions.npz", scores=scores, **about)
    write_arrays(folder / "targets.npz", target=target, **about)
    found = calibration.Calibration(
        LABELS,
        2.0,
        [0.6, 0.5, 0.4],
        9,
        "tune",
        {"before": 1.0, "after": 0.5},
        {"before": 0.2, "after": 0.1},
        [0.5] * 9,
    )
    calibration.write(folder / "calibration.json", found)
    files = folder / "predictions.npz", folder / "targets.npz"
    score.main(*files, SETTINGS, folder / "scores.json")
    assess.main(*files, folder / "calibration.json", SETTINGS, folder / "assessment.json")
    return scores, target, found


def table(folder, names):
    paths = {name: {"full/pets": [str(folder / name / "scores.json")]} for name in names}
    return {
        "paper": "own", "table": "pets", "caption": "pets", "task": "full", "spread": "pictures",
        "columns": [{"dataset": "pets", "metrics": ["mAP", "CF1", "mAP_interpolated"]}],
        "more": {name: name for name in names}, "runs": {}, "scores": paths,
        "titles": {"pets": "pets"}, "ran": {}, "counted_network": "",
        "note": "", "protocol": "a protocol", "departures": {}, "notes": [],
    }  # fmt: skip


def test_the_rule_is_that_of_predict(tmp_path):
    scores, target, found = run(tmp_path / "run", 1.5, shift=0.8)
    chosen = np.array([each.chosen for each in judging.judge(scores, found, None)])
    rule = read_json(tmp_path / "run/assessment.json")["rule"]
    wanted = precision_recall.precision_recall_f1(chosen, target, "negative")
    assert {name: values[0] for name, values in rule.items()} == {
        name: pytest.approx(wanted[name]) for name in bootstrap.RATES
    }
    assert wanted["OF1"] != read_json(tmp_path / "run/scores.json")["all"]["OF1"]
    assert all(low <= value <= high for value, low, high in rule.values())


def written(tmp_path, noises):
    for name, noise in noises.items():
        run(tmp_path / name, noise)
    systems = tmp_path / "systems.csv"
    systems.write_text("paper,table,method,setting,title,order\n")
    tabulate.main(table(tmp_path, list(noises)), None, systems, tmp_path / "t.csv")
    return (tmp_path / "t.md").read_text(), (tmp_path / "t.tex").read_text()


def test_brackets_are_explained_and_nothing_is_marked_without_a_comparison(tmp_path):
    text, tex = written(tmp_path, {"good": 0.01, "bad": 30.0})
    assert "| good | here | 100.0 [100.0, 100.0] | 100.0 [100.0, 100.0] | 100.0 |" in text
    assert "**" not in text and "textbf{1" not in tex
    assert "In brackets, the 95 % confidence interval" in text


def test_the_csv_has_the_ends_and_is_read(tmp_path):
    written(tmp_path, {"one": 1.5, "two": 3.0})
    cells = csv_cells.parse("t.csv", (tmp_path / "t.csv").read_bytes())
    cell = cells["two", "mAP"]
    ends = read_json(tmp_path / "two/assessment.json")["intervals"]["mAP"]
    assert (float(cell.low), float(cell.high)) == pytest.approx([100 * x for x in ends], abs=0.006)
    assert cells["two", "mAP_interpolated"].low == ""
    lines = tables.read_published(tmp_path / "t.csv")  # as the report reads it
    assert rendering.lines(lines, "pictures")["mAP"].str.fullmatch(r"\S+ \[\S+, \S+\]").all()
    broken = (tmp_path / "t.csv").read_text().replace(f",{cell.low},", ",low,", 1)
    with pytest.raises(ValueError, match="low is 'low', expected a number or nothing"):
        csv_cells.parse("t.csv", broken.encode())


def test_of_several_seeds_both_ends_are_means(tmp_path):
    files = []
    for seed, both in enumerate(([0.5, 0.7], [0.6, 0.9])):
        write_json(tmp_path / str(seed) / "assessment.json", {"intervals": {"mAP": both}})
        files.append(str(tmp_path / str(seed) / "scores.json"))
    entry = table(tmp_path, ["one"]) | {"scores": {"one": {"full/pets": files}}}
    cells = pd.DataFrame({"row": ["one"], "column": ["mAP"]})
    assert intervals.added(entry, cells)[["low", "high"]].to_numpy().tolist() == [
        ["55.000000", "80.000000"]
    ]
    assert intervals.added(entry | {"spread": {}}, cells) is cells


def test_tables_of_the_papers_ask_for_no_assessment():
    from conftest import ROOT

    book = read_study(ROOT / "workflow/config", {})
    assert not [path for path in tables.inputs(book, list(book.tables)) if "assessment" in path]
    pets = {"folder": str(ROOT / "tests/samples/folders"), "reader": "folders"}
    book = read_study(ROOT / "workflow/config", {"study": "own", "datasets": {"pets": pets}})
    found = tables.inputs(book, ["own_pets"])
    assert sum(path.endswith("/assessment.json") for path in found) == len(found) / 2 == 7
    assert "spread" in json.loads(json.dumps(tables.recipe(book, "own_pets")))
