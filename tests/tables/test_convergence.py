"""Which checks a table needs, and what it says of methods that have not converged."""

import json

import pandas as pd
import pytest
from conftest import ROOT

from labelgraph.steps import tabulate
from labelgraph.study.config import read_study, run_of
from labelgraph.tables import convergence, tables

CONFIG = ROOT / "workflow/config"
BLOCK = {
    "times": 2,
    "places": ["full/voc2007", "full/scenes", "partial-50/voc2007"],
    "variants": ["ml_sgm@partial", "ml_sgm@bl_gl"],
}


def book(**given):
    return read_study(CONFIG, {"convergence": BLOCK} | given)


@pytest.fixture(scope="module")
def mini():
    return book()


def checks(found, name):
    return [f"{check.place}/{check.system}" for check in convergence.of_table(found, name)]


def test_a_table_needs_the_checks_of_its_own_methods(mini):
    found = {*checks(mini, "ml_gcn_VOC")}
    assert found == {"full/voc2007/ml_gcn"}  # not solved, and with as many seeds as the study has
    assert checks(mini, "gm_mlic_sweeps") == ["full/voc2007/gm_mlic"]
    assert convergence.inputs(mini, ["gm_mlic_sweeps"]) == [
        "results/runs/mini/full/voc2007/gm_mlic@longer/seed0/convergence.json"
    ]


def test_variants_go_by_their_method_unless_they_are_checked(mini):
    systems = ("ml_sgm", "ml_sgm@bl_gl")
    assert checks(mini, "ml_sgm_VII") == [f"full/voc2007/{name}" for name in systems]
    assert "partial-50/voc2007/ml_sgm@partial" in checks(mini, "ml_sgm_V")
    assert "partial-50/voc2007/ml_sgm" not in checks(mini, "ml_sgm_V")


def test_a_table_of_other_datasets_goes_by_the_first_place_of_its_tasks(mini):
    places = {name: {check.place for check in convergence.of_table(mini, name)}
              for name in ("ml_sgm_III", "ml_sgm_control", "ml_sgm_V")}  # fmt: skip
    assert places["ml_sgm_III"] == {"full/voc2007"}  # it has MS-COCO alone
    assert places["ml_sgm_control"] == {"full/scenes"}  # the control is not checked
    assert places["ml_sgm_V"] == {"partial-50/voc2007"}


def test_few_shots_and_costs_have_no_checks(mini):
    assert not checks(mini, "ml_sgm_VI") and not checks(mini, "ml_sgm_VIII")
    assert convergence.recipe(mini, ["ml_sgm_VI"]) == {}


def test_a_study_checks_only_datasets_that_it_runs():
    found = book(only=["scenes", "coco2014"])
    assert {check.place for check in convergence.of_table(found, "ml_sgm_III")} == {"full/scenes"}
    assert not checks(book(only=["coco2014"]), "ml_sgm_III")
    assert not checks(read_study(CONFIG, {"study": "paper"}), "ml_sgm_II")
    assert not checks(book(convergence=None), "ml_sgm_II")


def test_the_seeds_are_those_of_the_tables_with_most(mini):
    assert convergence.seeds(mini, "full/voc2007", "ml_gcn") == [0, 1, 2]
    assert convergence.seeds(mini, "partial-50/voc2007", "ml_gcn") == [0]
    assert convergence.seeds(book(seeds=[4, 5]), "full/voc2007", "ml_gcn") == [4, 5]
    fewer = book(methods={"ml_gcn": {"seeds": 1}})
    assert convergence.seeds(fewer, "full/voc2007", "ml_gcn@binary") == [0]
    block = BLOCK | {"places": ["partial-55/voc2007"]}
    with pytest.raises(ValueError, match=r"places has partial-55/voc2007, which no table"):
        convergence.runs(book(convergence=block), ["ml_sgm_V"])


def test_the_runs_behind_a_check(mini):
    found = [run.folder for run in convergence.runs(mini, ["gm_mlic_sweeps"])]
    usual = [f"mini/full/voc2007/gm_mlic/seed{seed}" for seed in (0, 1, 2)]
    assert found == [*usual, "mini/full/voc2007/gm_mlic@longer/seed0"]
    run = run_of("mini", "partial-50", "voc2007", "ml_sgm@partial_longer", 0)
    about = convergence.settings(mini, run)
    once, more = about.pop("epochs")
    assert more == 2 * once
    assert about == {
        "place": "partial-50/voc2007",
        "system": "ml_sgm@partial",
        "longer": "ml_sgm@partial_longer",
        "seeds": [0],
    }


def test_a_variant_that_no_table_shows_is_refused():
    block = BLOCK | {"variants": ["ml_sgm@unit"]}
    with pytest.raises(ValueError, match=r"variants has \['ml_sgm@unit'\], which no"):
        convergence.runs(book(convergence=block), ["ml_sgm_V"])


@pytest.fixture
def table(mini, tmp_path, monkeypatch):
    """What `tabulate` gets for a table of one method and its variants."""
    monkeypatch.chdir(tmp_path)
    return tables.recipe(mini, "ml_sgm_VII") | {
        "scores": {},
        "convergence": convergence.recipe(mini, ["ml_sgm_VII"]),
    }


def leave(table, **verdicts):
    """Writes the verdicts on `baseline`, `ml_sgm` and `bl_gl`; those of no name are `converged`."""
    for check in table["convergence"]["checks"]:
        name = check["system"].rpartition("@")[2]
        verdict, rise = verdicts.get(name, ("converged", 0.1))
        path = convergence.Path(check["file"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"verdict": verdict, "difference": rise}))


def test_a_table_names_what_has_not_converged(table):
    leave(table, ml_sgm=("not converged", 3.14), bl_gl=("not converged", 10.0))
    (note,) = convergence.noted(table)["notes"][len(table["notes"]) :]
    assert note == (
        "Not converged: twice the epochs give ML-SGM +3.1, ML-SGM, BL+Gl +10.0 (checked on: drawn,"
        " VOC 2007 layout)."
    )


def test_places_are_told_apart(mini, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = {"notes": [], "convergence": convergence.recipe(mini, ["gm_mlic_1", "ml_sgm_control"])}
    leave(table, gm_mlic=("not converged", 3.14))
    (note,) = convergence.noted(table)["notes"]
    assert note.endswith(
        "GM-MLIC +3.1 (checked on: drawn, with structure); GM-MLIC +3.1 (checked on: drawn,"
        " VOC 2007 layout)."
    )


def test_a_table_is_silent_on_everything_else(table):
    leave(table, ml_sgm=("overfits", -3.1), bl_gl=("unclear", 2.0))
    assert convergence.noted(table) == table
    assert convergence.noted({"notes": []}) == {"notes": []}


def test_the_note_stands_below_the_table_in_every_form(table):
    leave(table, ml_sgm=("not converged", 3.14))
    published = ROOT / "workflow/published"
    output = convergence.Path("table.csv")
    tabulate.main(table, published / "ml_sgm.csv", published / "systems.csv", output)
    for kind in (".md", ".tex"):
        assert output.with_suffix(kind).read_text().count("Not converged") == 1
    assert "converged" not in {*pd.read_csv(output)["status"]}


def test_no_setting_of_a_study_claims_that_something_has_not_converged():
    for path in (CONFIG / "studies").glob("*.yaml"):
        assert "not converged" not in path.read_text(), path
