"""Runs with a frozen encoder in a study whose encoder learns: they are those of the other study."""

import pytest
from conftest import ROOT

from labelgraph.study import frozen
from labelgraph.study.config import read_study, run_of
from labelgraph.tables import tables, titles

CONFIG = ROOT / "workflow/config"
TABLE = "ml_sgm_encoder"


@pytest.fixture(scope="module")
def evening():
    return read_study(CONFIG, {"study": "evening"})


@pytest.fixture(scope="module")
def laptop():
    return read_study(CONFIG, {"study": "laptop"})


def lines(book, system):
    found = book.settings(run_of(book.study, "full", "voc2007", system, 1)).lines()
    names = {name: found["training"].pop(name) for name in ("study", "variant")}
    return found, names


@pytest.mark.parametrize("system", ["baseline", "baseline@max", "ml_sgm", "ssgrl"])
def test_a_frozen_run_is_that_of_the_other_study(evening, laptop, system):
    found, names = lines(evening, frozen.system_of(system))
    expected, _ = lines(laptop, system)
    assert found == expected
    assert names == {"study": "evening", "variant": frozen.system_of(system).partition("@")[2]}
    assert found != lines(evening, system)[0]
    assert frozen.usual(names["variant"]) == system.partition("@")[2]


def test_a_line_of_the_command_changes_both(laptop):
    given = {"study": "evening", "methods": {"ml_gcn": {"model": {"hidden": 7}}}}
    book = read_study(CONFIG, given)
    both = [lines(book, system)[0]["training"]["model"] for system in ("ml_gcn", "ml_gcn@frozen")]
    assert [model["hidden"] for model in both] == [7, 7]


def test_only_a_study_that_is_like_one_with_a_frozen_encoder_has_them(laptop):
    with pytest.raises(ValueError, match="laptop is like no other"):
        lines(laptop, "ml_sgm@frozen")


def test_only_the_study_that_it_names_makes_the_table(evening, laptop):
    made = tables.of_study(evening)
    assert TABLE in made and TABLE not in tables.of_study(laptop)
    systems = set(tables.systems(made[TABLE]).values())
    learning = {name for name in systems if not name.endswith("frozen")}
    assert systems == learning | {frozen.system_of(name) for name in learning}
    assert titles.system(evening, "ml_gcn@frozen") == "ML-GCN, frozen encoder"
