"""A method that a longer training makes better, one that it does not change, one that it harms."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from claims_cases import LABELS, SETTINGS, write_run

from labelgraph.files.small import read_arrays, read_json, write_arrays
from labelgraph.score import convergence, metrics
from labelgraph.steps import check_convergence, tabulate_convergence

SIGNAL = {  # how well a method and its longer run score
    "slow": (1.0, 2.5),
    "done": (1.5, 1.5),
    "harmed": (2.5, 1.0),
}
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The runs of each method, and the targets that they are judged by."""
    root, draw = tmp_path_factory.mktemp("study"), np.random.default_rng(0)
    target = draw.choice([1, 0, -1], (120, 4), p=[0.3, 0.65, 0.05]).astype(np.int8)
    about = {"images": np.array([f"{k}.jpg" for k in range(120)]), "labels": np.array(LABELS)}
    write_arrays(root / "targets.npz", target=target, **about)
    hard = draw.normal(size=target.shape)

    def leave(system, seed, signal):
        own, more = (
            np.random.default_rng([seed, each]).normal(size=target.shape) for each in (0, 1)
        )
        noise = own + 0.2 * more * ("@" in system)  # a longer run errs on almost the same images
        scores = signal * (target == 1) + hard + 0.2 * noise - 1
        write_run(root / system / f"seed{seed}", scores, target, about)

    for system, (once, longer) in SIGNAL.items():
        for seed in SEEDS:
            leave(system, seed, once)
        leave(f"{system}@longer", 0, longer)
    return root


def checked(study, system, seeds=SEEDS):
    about = {"system": system, "longer": f"{system}@longer", "seeds": [*seeds], "epochs": [8, 16]}
    output = study / f"{system}@longer/seed0/convergence.json"
    check_convergence.command(
        ["--check", json.dumps(about), f"--runs={study}"]
        + [f"--targets={study / 'targets.npz'}", f"--output={output}"]
    )
    return read_json(output)


@pytest.mark.parametrize(
    ("system", "expected"),
    [("slow", "not converged"), ("done", "converged"), ("harmed", "overfits")],
)
@pytest.mark.parametrize("seeds", [SEEDS, (0,)])
def test_a_method_is_judged_by_what_more_training_does(study, system, expected, seeds):
    found = checked(study, system, seeds)
    assert found["verdict"] == expected
    assert found["seeds"] == len(seeds) and (found["std"] is None) == (len(seeds) == 1)
    assert found["low"] < found["difference"] < found["high"]


def test_the_numbers_are_those_of_the_runs(study):
    found = checked(study, "slow")
    each = [metrics.value(read_json(study / f"slow/seed{seed}/scores.json"), "mAP")
            for seed in SEEDS]  # fmt: skip
    longer = metrics.value(read_json(study / "slow@longer/seed0/scores.json"), "mAP")
    assert found["mean"] == pytest.approx(100 * np.mean(each))
    assert found["std"] == pytest.approx(100 * np.std(each, ddof=1))
    assert found["once"] == pytest.approx(100 * each[0])
    assert found["longer"] == pytest.approx(100 * longer)
    assert found["difference"] == pytest.approx(100 * (longer - each[0]))


def test_the_interval_is_that_of_images_drawn_in_pairs(study):
    """A literal bootstrap: both runs are scored on copies of the same images."""
    target = read_arrays(study / "targets.npz")["target"]
    scores = [read_arrays(study / f"{name}/seed0/predictions.npz")["scores"]
              for name in ("slow@longer", "slow")]  # fmt: skip
    draw, found = np.random.default_rng(1), []
    for _ in range(200):
        rows = draw.integers(0, len(target), len(target))
        both = [metrics.evaluate(some[rows], target[rows], **SETTINGS) for some in scores]
        longer, once = (100 * each["map"]["non_interpolated"] for each in both)
        found.append(longer - once)
    result = checked(study, "slow")
    half = (result["high"] - result["low"]) / 2
    assert half == pytest.approx(1.96 * np.std(found), rel=0.15)


@pytest.mark.parametrize(
    ("rise", "half", "spread", "expected"),
    [
        (2.0, 1.0, 1.0, "not converged"),
        (2.0, 3.0, 1.0, "unclear"),  # by more than the seeds' spread, and perhaps by chance
        (2.0, 1.0, 3.0, "converged"),
        (-2.0, 1.0, 1.0, "overfits"),
        (-2.0, 3.0, 1.0, "converged"),
        (-2.0, 1.0, 3.0, "converged"),
        (2.0, 1.0, None, "not converged"),
        (2.0, 3.0, None, "converged"),
        (-2.0, 1.0, None, "overfits"),
        (0.0, 0.0, 0.0, "converged"),
    ],
)
def test_verdicts(rise, half, spread, expected):
    assert convergence.verdict(rise, rise - half, rise + half, spread) == expected


def test_the_list_has_a_line_for_each_check(study, tmp_path):
    checked(study, "slow"), checked(study, "done"), checked(study, "harmed", (0,))
    places = {"slow": "VOC", "done": "VOC", "harmed": "a_b"}
    recipe = {
        "study": "mini",
        "note": "A note.",
        "times": "twice",
        "checks": [
            {
                "place": "full/voc2007",
                "system": name,
                "title": name.title(),
                "where": where,
                "file": str(study / f"{name}@longer/seed0/convergence.json"),
            }
            for name, where in places.items()
        ],
    }
    output = tmp_path / "convergence.csv"
    tabulate_convergence.command([f"--recipe={json.dumps(recipe)}", f"--output={output}"])
    lines = pd.read_csv(output).set_index("system")
    assert [*lines["verdict"]] == ["not converged", "converged", "overfits"]
    assert lines.loc["slow", ["epochs", "longer_epochs", "seeds"]].tolist() == [8, 16, 3]
    assert lines["std"].isna().tolist() == [False, False, True]
    text = Path(tmp_path / "convergence.md").read_text()
    assert "of 3 checks: 1 converged, 1 not converged, 0 unclear, 1 overfits." in text
    assert text.index("## VOC") < text.index("| Slow | 8 → 16 |") < text.index("| Done |")
    assert text.index("| Done |") < text.index("## a_b") < text.index("| Harmed |")
    assert "| **not converged** |" in text
