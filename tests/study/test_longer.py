"""The settings of runs that learn longer, and the names that they have."""

import pytest
from conftest import ROOT

from labelgraph.files.yaml_reader import read_yaml
from labelgraph.study import longer
from labelgraph.study.config import read_study, run_of
from labelgraph.study.entries import Method
from labelgraph.study.validation import validated

CONFIG = ROOT / "workflow/config"
BLOCK = {"times": 2, "places": ["full/voc2007"]}


@pytest.fixture(scope="module")
def mini():
    return read_study(CONFIG, {"convergence": BLOCK})


def lines(book, system, task="full", dataset="voc2007"):
    return book.settings(run_of(book.study, task, dataset, system, 0)).lines()


@pytest.mark.parametrize(
    ("system", "task"),
    [("ml_sgm", "full"), ("ml_sgm@partial", "partial-50"), ("sst_pl", "partial-50")]
    + [("curriculum", "partial-50"), ("baseline", "full")],
)
def test_a_longer_run_has_its_methods_settings_whatever_they_are(mini, system, task):
    once = lines(mini, system, task)
    found = lines(mini, longer.system_of(system), task)
    assert found["training"].pop("variant") == longer.system_of(system).partition("@")[2]
    once["training"].pop("variant")
    once["training"]["train"]["epochs"] *= 2
    for key, begins in once["training"]["model"].items():
        if key == "start":
            once["training"]["model"][key] = 2 * begins
        elif key == "rounds":
            once["training"]["model"][key] = [2 * each for each in begins]
    assert found == once


def test_a_change_of_the_study_changes_the_longer_run_too():
    given = {"methods": {"ml_gcn": {"train": {"epochs": 3, "lr": 0.5}}}, "convergence": BLOCK}
    train = lines(read_study(CONFIG, given), "ml_gcn@longer")["training"]["train"]
    assert (train["epochs"], train["lr"]) == (6, 0.5)


def test_the_rate_falls_where_it_did_and_ends_where_it_did():
    paper = read_study(CONFIG, {"study": "paper", "convergence": BLOCK | {"times": 3}})
    once, found = (lines(paper, name)["training"]["train"] for name in ("ml_gcn", "ml_gcn@longer"))
    assert (once["drop_at"], found["drop_at"]) == ([40, 80], [120, 240])
    assert (found["epochs"], found["drop_by"]) == (300, once["drop_by"])
    once, found = (
        lines(paper, name)["training"]["train"]
        for name in ("ml_sgm@released", "ml_sgm@released_longer")
    )
    assert once["schedule"] == "exponential"
    ends = [train["drop_by"] ** train["epochs"] for train in (once, found)]
    assert ends[0] == pytest.approx(ends[1])


def test_names():
    assert longer.system_of("ml_sgm") == "ml_sgm@longer"
    assert longer.system_of("ml_sgm@k_1") == "ml_sgm@k_1_longer"
    assert [longer.usual(name) for name in ("longer", "k_1_longer")] == ["", "k_1"]
    found = {name: longer.is_longer(name) for name in ("longer", "a_longer", "", "no_longer_is")}
    assert found == {"longer": True, "a_longer": True, "": False, "no_longer_is": False}


def test_without_the_block_there_is_no_longer_run():
    for given in ({"study": "paper"}, {"convergence": None}):
        book = read_study(CONFIG, given)
        with pytest.raises(ValueError, match="ml_gcn has no variant 'longer'"):
            lines(book, "ml_gcn@longer")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("longer", "convergence"),
        ("wide_longer", "convergence"),
        ("frozen", "like"),
        ("max_frozen", "like"),
    ],
)
def test_nobody_else_takes_the_name(name, line):
    method = read_yaml(CONFIG / "methods.yaml")["ml_gcn"]
    method["variants"] |= {name: {"model": {"layers": 3}}}
    expected = rf"m: variants names \['{name}'\]; a study's `{line}` makes such variants"
    with pytest.raises(ValueError, match=expected):
        validated(Method, "m: ", method, datasets=["voc2007"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"places": ["fewshot-1/coco2014"]}, r"convergence.places\[0\] is 'fewshot-1/coco2014'"),
        ({"places": ["full/voc"]}, "expected full/DATASET or partial-N/DATASET"),
        ({"places": []}, "convergence.places is .*a list, of 1 or more"),
        ({"times": 1}, "convergence.times is 1; expected a whole number from 2 to 100"),
        ({"epochs": 2}, "convergence has unknown keys"),
    ],
)
def test_a_wrong_block_is_named(line, expected):
    with pytest.raises(ValueError, match=expected):
        read_study(CONFIG, {"convergence": BLOCK | line})
