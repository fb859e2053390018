"""Rows and datasets are called what ran, by the merged settings of each study."""

import pytest
from conftest import ROOT

from labelgraph.encoders.encoder import BUILDERS
from labelgraph.study import encoder_titles
from labelgraph.study.config import read_study
from labelgraph.study.entries import Change, Variant
from labelgraph.tables import rendering, tables, titles

CONFIG = ROOT / "workflow/config"


def book(study, **given):
    return read_study(CONFIG, {"study": study, **given})


def read_titles():
    found = tables.read_published(ROOT / "workflow/published/systems.csv")
    return found.assign(order=found["order"].astype(int))


@pytest.mark.parametrize(
    ("study", "given", "name"),
    [
        ("mini", {}, "EfficientNet-Lite0"),
        ("laptop", {}, "EfficientNet-Lite0"),
        ("own", {}, "EfficientNet-Lite0"),
        ("paper", {}, "ResNet-101"),
        ("mini", {"encoder": {"name": "resnet50"}}, "ResNet-50"),
    ],
)
def test_the_baseline_is_called_after_the_encoder_that_runs(study, given, name):
    found = book(study, **given)
    assert titles.system(found, "baseline") == f"{name}, linear (average pooling)"
    assert titles.system(found, "baseline@max") == f"{name}, linear (max pooling)"
    assert titles.system(found, "ml_gcn") == "ML-GCN"


def test_every_encoder_has_a_title():
    assert encoder_titles.TITLES.keys() == BUILDERS.keys()


def test_sizes_in_a_title_are_those_of_the_study():
    place = ["full/coco2014"]
    assert titles.system(book("paper"), "ml_sgm@test_576", place) == "ML-SGM (448, 576)"
    assert titles.system(book("mini"), "ml_sgm@test_576", place) == "ML-SGM (224, 288)"


def test_a_variant_without_a_title_has_its_name_and_an_unknown_field_stays():
    found = book("mini")
    changes = {"title": "{encoder} {braces}", "variants": {"new": Variant()}}
    found.methods["ml_gcn"] = found.methods["ml_gcn"].model_copy(update=changes)
    assert titles.system(found, "ml_gcn@new") == "EfficientNet-Lite0 {braces}, new"


def test_a_title_of_places_that_differ_names_both():
    changed = book("paper")
    other = {"coco2014": Change.model_validate({"encoder": {"name": "resnet50"}})}
    baseline = changed.methods["baseline"].model_copy(update={"datasets": other})
    changed.methods["baseline"] = baseline
    places = ["full/voc2007", "full/coco2014", "partial-10/voc2007"]
    assert titles.filled(changed, "{encoder}", "baseline", places) == "ResNet-101 / ResNet-50"


def test_a_drawn_dataset_says_so():
    mini, laptop = book("mini"), book("laptop")
    assert titles.dataset(mini, "voc2007") == "drawn, VOC 2007 layout"
    assert titles.dataset(mini, "vg500") == "drawn, VG-500 layout"
    assert titles.dataset(mini, "scenes_control") == "drawn, without structure"
    assert titles.dataset(laptop, "voc2007") == "VOC 2007"
    assert titles.beside_print(mini, "voc2007") == "VOC 2007 (here: drawn)"
    assert titles.caption(mini, "On VOC 2007.", ["scenes", "voc2007", "vg200", "voc2007"]) == (
        "On VOC 2007. Here: drawn, VOC 2007 layout; drawn, VG-200 layout."
    )
    assert titles.caption(laptop, "On VOC 2007.", ["voc2007"]) == "On VOC 2007."


@pytest.mark.parametrize("study", ["mini", "laptop"])
def test_no_row_that_ran_is_called_after_a_network_that_did_not(study):
    found, row_titles = book(study), read_titles()
    for name in tables.of_study(found):
        table = tables.recipe(found, name)
        named = tables.names_of(table, row_titles)
        rows = tables.rows_of(table, row_titles)
        ran = {named.get(rows[key], rows[key]) for key in table["ran"]} | table["more"].keys()
        assert not [row for row in ran if "ResNet" in row], name
        assert "ResNet" not in str(table["departures"]), name


def test_counts_beside_runs_of_another_encoder_name_the_network_that_was_counted():
    heads = {study: tables.recipe(book(study), "ml_sgm_IX") for study in ("mini", "paper")}
    assert rendering.header(heads["mini"], "gflops") == "FLOPs (G), ResNet-101"
    assert rendering.header(heads["paper"], "gflops") == "FLOPs (G)"
    alone = tables.recipe(book("mini"), "ml_sgm_VIII")  # where nothing is trained
    assert rendering.header(alone, "gflops") == "FLOPs (G)"


def test_what_print_adds_to_a_name_is_no_other_name():
    table = tables.recipe(book("mini"), "ml_sgm_VII")
    assert tables.names_of(table, read_titles()) == {
        "1: BL": "EfficientNet-Lite0, linear (average pooling)",
        "7: BL+CASC+Go+Gl+ILME": "ML-SGM",
    }
