"""Bold goes to all of our values that cannot be told from the best one, by a bootstrap done twice.

The second time it is done literally: images are copied, everything else is a loop.
"""

import math
from functools import cache
from pathlib import Path
from statistics import fmean, variance
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from claims_cases import LABELS, RECIPE, SETTINGS, write_published, write_runs

from labelgraph.files.small import read_arrays, read_json
from labelgraph.review.audit.claims import Claim, Place
from labelgraph.review.claims import comparisons, verdicts
from labelgraph.score import bootstrap, metrics, redrawn
from labelgraph.score.resampling import Numbers
from labelgraph.steps import compare_rows, tabulate
from labelgraph.tables import csv_cells, leaders, marks, rendering

DRAWS, SEEDS = 25, (0, 1, 2)
NORMAL, STUDENT = 1.959964, 4.302653  # 2.5 % above, and of two degrees of freedom
ROWS = {"baseline": "baseline", "ml_sgm": "ml_sgm", "ml_sgm/part": "ml_sgm@part"}
AVERAGE = RECIPE["tables"]["ml_sgm_V"]["columns"][0]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    write_published(root / "published")
    write_runs(root)
    return root


def scores_of(study, system, place="full/voc2007", seeds=SEEDS):
    return [str(study / "runs" / place / system / f"seed{seed}/scores.json") for seed in seeds]


def table_of(study, **changes):
    scores = {row: {"full/voc2007": scores_of(study, name)} for row, name in ROWS.items()}
    columns = [{"dataset": "voc2007", "metrics": ["mAP", "AP:cat", "OF1", "mAP_balanced"]}]
    about = {"paper": "own", "table": "T", "caption": "Caption", "note": "", "protocol": "p"}
    about |= {"titles": {"voc2007": "VOC 2007"}, "ran": {}, "counted_network": ""}
    about |= {"departures": {}, "notes": [], "runs": {}, "more": {row: row for row in ROWS}}
    return about | {"task": "full", "columns": columns, "scores": scores} | changes


def compared(study, table, count=DRAWS):
    numbers = Numbers(study / "runs", study / "splits", count)
    return leaders.compare(leaders.context(table), leaders.read_printed(None), numbers)


@cache
def evaluated(folder):
    """Every metric of a run in percent: as it is, then of each draw, on images copied for it."""
    place = folder.parents[1].relative_to(folder.parents[4] / "runs")
    targets = read_arrays(folder.parents[4] / "splits" / place / "targets.npz")
    scores = read_arrays(folder / "predictions.npz")["scores"]
    names, found = targets["images"].tolist(), []
    counts = redrawn.draws(len(names), crc32("\n".join(names).encode()), DRAWS)
    for count in [[1] * len(names), *counts.tolist()]:
        rows = [image for image in range(len(names)) for _ in range(count[image])]
        scored = metrics.evaluate(scores[rows], targets["target"][rows], **SETTINGS)
        flat = metrics.flat(metrics.named(scored, LABELS, []))
        found.append({name: 100 * value for name, value in flat.items() if value is not None})
    return found


def literal(study, first, second, metric):
    """The difference of two systems, and half the width of its interval, by loops alone."""
    whole, drawn = [], []  # by seed; by seed and draw
    for seed in SEEDS:
        pair = [study / f"runs/full/voc2007/{name}/seed{seed}" for name in (first, second)]
        one, other = map(evaluated, pair)
        both = [a[metric] - b[metric] for a, b in zip(one, other, strict=True)]
        whole.append(both[0])
        drawn.append(both[1:])
    means = [fmean(of_seed[draw] for of_seed in drawn) for draw in range(DRAWS)]
    apart = [
        variance([value - mean for value, mean in zip(of_seed, means, strict=True)])
        for of_seed in drawn
    ]
    rest = max(0.0, variance(whole) / 3 - fmean(apart) / 2)
    return fmean(whole), math.sqrt(variance(means) * NORMAL**2 + rest * STUDENT**2)


def test_what_is_bold_is_what_a_literal_bootstrap_cannot_tell_from_the_best(study):
    found = compared(study, table_of(study)).set_index(["row", "column"])
    assert set(found["best"]) == {"yes", "no"}
    for metric in ("mAP", "AP:cat", "OF1"):
        means = {
            row: fmean(
                metrics.value(read_json(path), metric) for path in map(Path, scores_of(study, name))
            )
            for row, name in ROWS.items()
        }
        first = max(means, key=means.get)
        for row, name in ROWS.items():
            value, half = literal(study, ROWS[first], name, metric)
            line = found.loc[(row, metric)]
            wanted = [value, value - half, value + half]
            assert line[["behind", "low", "high"]].astype(float).tolist() == pytest.approx(
                wanted, abs=2e-5
            ), (row, metric)
            assert line["best"] == ("yes" if value - half <= 0 else "no")
            assert row != first or (value, line["best"]) == (0, "yes")


def test_bold_agrees_with_the_verdicts_on_the_same_pairs(study):
    """With the same draws, a value is bold if and only if `ahead` of the best does not hold."""
    found = compared(study, table_of(study), 300).set_index(["row", "column"])
    recipe = RECIPE | {"runs": {"full/voc2007": dict.fromkeys(ROWS.values(), SEEDS)}}
    clear = []
    for metric in ("mAP", "AP:cat", "OF1"):
        behind = found.xs(metric, level="column")["behind"].astype(float)
        best = Place("voc2007", ROWS[behind.idxmin()], "", metric)
        for row, name in ROWS.items():
            ends = best, Place("voc2007", name, "", metric)
            claim = comparisons.own(
                recipe, Claim(comparisons.OWN, "t", "ahead", "above", *ends, "")
            )
            numbers = Numbers(study / "runs", study / "splits", 300)
            numbers.read(comparisons.ends([claim]))
            (line,) = verdicts.judge(recipe, [claim], numbers, {})
            assert (found.loc[(row, metric), "best"] == "no") == (line.verdict == verdicts.HOLDS)
            clear.append(line.verdict == verdicts.HOLDS)
    assert 0 < sum(clear) < len(clear)


def test_what_the_bootstrap_does_not_cover_is_left_out(study):
    found = compared(study, table_of(study))
    assert set(found["column"]) == {"mAP", "AP:cat", "OF1"}
    known = bootstrap.values(
        np.ones((2, 3), int),
        np.array([[1.0], [0.0], [2.0]]),
        np.array([[1], [0], [1]]),
        ["cat"],
        SETTINGS,
    )
    assert all(map(bootstrap.covered, known))
    every = metrics.named(
        metrics.evaluate(np.ones((1, 1)), np.ones((1, 1), int), **SETTINGS), ["cat"], []
    )
    assert {name for name in metrics.flat(every) if bootstrap.covered(name)} == {*known}


def test_a_mean_over_tasks_is_compared_and_a_row_alone_is_not(study):
    places = ("partial-10/voc2007", "partial-90/voc2007")
    scores = {
        row: {place: scores_of(study, row, place, [0]) for place in places}
        for row in ("baseline", "ml_sgm")
    }
    table = table_of(study, columns=[AVERAGE], scores=scores)
    found = compared(study, table)
    assert found["column"].tolist() == ["10% mAP"] * 2 + ["90% mAP"] * 2 + ["avg mAP"] * 2
    assert found[found["row"] == "ml_sgm"]["best"].tolist() == ["yes"] * 3
    behind = found[found["row"] == "baseline"]["behind"].astype(float).tolist()
    assert behind[2] == pytest.approx(fmean(behind[:2]), abs=1e-5)
    del scores["baseline"]["partial-90/voc2007"]
    assert compared(study, table | {"scores": scores})["column"].tolist() == ["10% mAP"] * 2


def made(study, folder, table):
    systems = study / "published/systems.csv"
    runs, splits = study / "runs", study / "splits"
    compare_rows.main(leaders.context(table), None, runs, splits, folder / "leaders.csv")
    tabulate.main(table, None, systems, folder / "t.csv", folder / "leaders.csv")
    return [(folder / name).read_text() for name in ("leaders.csv", "t.csv", "t.md", "t.tex")]


def test_the_files_of_a_table(study, tmp_path):
    table = table_of(study)
    listed, text, md, tex = made(study, tmp_path, table)
    assert [listed, text, md, tex] == made(study, tmp_path, table)  # the same bytes again
    cells = csv_cells.parse("t.csv", text.encode())
    assert cells["ml_sgm", "mAP"].best == cells["ml_sgm/part", "mAP"].best == "yes"
    assert cells["baseline", "mAP"].best == "no" and cells["baseline", "mAP_balanced"].best == ""
    lines = {line.split(" | ")[0]: line for line in md.splitlines() if line.startswith("| ")}
    assert lines["| ml_sgm"].count("**") == lines["| ml_sgm/part"].count("**") == 6
    assert lines["| baseline"].count("**") == 0
    (legend,) = [line for line in md.splitlines() if "bold" in line]
    assert legend.startswith("Here: **bold** is every value that cannot be told from the best one")
    assert legend.endswith(
        "Values here under mAP balanced are not marked: they have no such interval."
    )
    assert tex.count(r"\textbf{") == 7 and r"\par\footnotesize Here: \textbf{bold} is" in tex
    assert rendering.lines(pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)).size


def test_a_table_that_was_made_before_values_were_compared_is_read_and_a_wrong_mark_is_named(
    study, tmp_path
):
    _, text, *_ = made(study, tmp_path, table_of(study))
    old = "\n".join(line.rpartition(",")[0] for line in text.splitlines()) + "\n"
    assert {cell.best for cell in csv_cells.parse("t.csv", old.encode()).values()} == {""}
    with pytest.raises(ValueError, match="line 2: best is 'maybe', expected yes, no or nothing"):
        csv_cells.parse("t.csv", text.replace(",no\n", ",maybe\n", 1).encode())


def test_published_values_are_marked_by_their_digits_and_ours_are_not():
    rows = [["A", "here", "9.0 ± 1.0"], ["B", "here", "80.0"], ["B", "published", "70.0"]]
    rows += [["C", "published", "99."], ["D", "published", "70.0"], ["E", "published", "1"]]
    table = pd.DataFrame(rows, columns=["system", "source", "mAP"])
    cells = pd.DataFrame({"row": ["A", "B"], "column": ["mAP"] * 2, "best": ["yes", "no"]})
    found = marks.marked(table, cells, "<{}>".format, "({})".format)
    assert found["mAP"].tolist() == ["<9.0 ± 1.0>", "80.0", "(70.0)", "<99.>", "(70.0)", "1"]
    assert table.to_numpy().tolist() == rows  # as it was given
    costs = table.rename(columns={"mAP": "params_m"})
    assert marks.marked(costs, cells, str.upper, str.upper).equals(costs)
