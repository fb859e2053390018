"""Wrong settings are named, with the valid choices, before anything starts."""

import copy
import shutil

import pytest
import yaml
from conftest import ROOT

from labelgraph.study import recipe
from labelgraph.tables import tables

CONFIG = ROOT / "workflow/config"
RUN = recipe.run_of("mini", "full", "voc2007", "ml_gcn@binary", 1)


@pytest.fixture
def book():
    return copy.deepcopy(recipe.read_study(CONFIG, {}))


def test_a_variant_has_the_last_word_and_a_study_the_one_before(book):
    found = book.settings(RUN)["training"]
    assert found["model"]["graph"] == "binary"
    assert found["train"]["optimizer"] == book.size["train"]["optimizer"] == "adamw"
    assert found["train"]["momentum"] == book.defaults["train"]["momentum"]
    assert RUN.folder == "mini/full/voc2007/ml_gcn@binary/seed1"


def test_a_block_partial_counts_in_partial_tasks_and_after_what_it_stands_in(book):
    del book.size["partial"]
    book.methods["ssgrl"]["partial"]["train"] |= {"lr": 0.5, "epochs": 7, "drop_at": []}
    book.size["methods"]["ssgrl"] = {"train": {"lr": 0.6}, "partial": {"train": {"batch": 3}}}
    found = {
        task: book.settings(recipe.run_of("mini", task, "voc2007", "ssgrl", 0))["training"]["train"]
        for task in ("full", "partial-10", "partial-90")
    }
    assert found["partial-10"] == found["partial-90"]
    # the study, which comes later, sets the epochs of all tasks; the method's word on it is lost
    assert found["partial-10"] == found["full"] | {"batch": 3}
    del book.size["train"]["epochs"]
    run = recipe.run_of("mini", "partial-10", "voc2007", "ssgrl", 0)
    assert book.settings(run)["training"]["train"]["epochs"] == 7
    book.size["partial"] = {"trian": {}}
    with pytest.raises(ValueError, match=r"ssgrl: partial has unknown keys \['trian'\]"):
        book.settings(run)


def test_judging_is_no_part_of_what_training_depends_on(book):
    before = book.settings(RUN)
    book.defaults["score"]["threshold"] = 0.7
    after = book.settings(RUN)
    assert after["training"] == before["training"]
    assert after["scoring"]["threshold"] == 0.7


@pytest.mark.parametrize("study", sorted(path.stem for path in (CONFIG / "studies").glob("*.yaml")))
def test_every_run_of_every_study_has_settings(study):
    book = recipe.read_study(CONFIG, {"study": study})
    for run in tables.runs(book, tables.of_study(book)):
        assert book.settings(run)["training"]["seed"] == run.seed


@pytest.mark.parametrize(
    ("block", "key", "wrong", "message"),
    [
        ("train", "epoch", 3, r"train has unknown keys \['epoch'\]; known are .*'epochs'"),
        ("train", "epochs", "many", r"train\.epochs is 'many'; it takes something like 100"),
        ("train", "epochs", 0, r"train\.epochs is 0; it must be 1 or more"),
        ("train", "momentum", True, r"train\.momentum is True"),
        ("train", "batch", 10**12, r"train\.batch is 10{12}; it may be 100000 at most"),
        ("train", "clip", -1, r"train\.clip is -1; it may not be negative"),
        ("train", "optimizer", "lion", r"train\.optimizer is 'lion', not one of \('sgd'"),
        ("encoder", "weights", "a <b>.pth", r"Snakemake reads \['<', '>'\] in a path"),
        ("encoder", "weights", "no.pth", r"encoder\.weights is 'no\.pth', which is not a file"),
        ("encoder", "learns", "all", r"encoder\.cached needs encoder\.learns: nothing"),
        ("model", "treshold", 0.4, r"model has unknown keys \['treshold'\]; known are .*threshold"),
    ],
)
def test_a_wrong_line_is_named(book, block, key, wrong, message):
    place = book.methods["ml_gcn"] if block == "model" else book.size
    place[block][key] = wrong
    with pytest.raises(ValueError, match=f"ml_gcn@binary on voc2007.*{message}"):
        book.settings(RUN)


def test_a_drop_that_never_comes_is_named(book):
    book.size["train"] |= {"schedule": "step", "drop_at": [10, 50], "epochs": 20}
    with pytest.raises(ValueError, match=r"drop_at \[50\] never comes: train.epochs is 20"):
        book.settings(RUN)


@pytest.mark.parametrize(
    ("method", "key", "value", "message"),
    [
        ("sst_pl", "start", 9, r"model\.start \[9\] never comes: train\.epochs is 8"),
        ("curriculum", "rounds", [4, 8], r"model\.rounds \[8\] never comes: train\.epochs is 8"),
    ],
)
def test_something_that_begins_too_late_is_named(book, method, key, value, message):
    change = {"model": {key: value}, "train": {"epochs": 8}}
    book.size["methods"][method] = change | {"partial": {}}
    run = recipe.run_of("mini", "partial-10", "voc2007", method, 0)
    with pytest.raises(ValueError, match=message):
        book.settings(run)


def test_a_missing_model_setting_is_named(book):
    del book.methods["ml_gcn"]["model"]["threshold"]
    with pytest.raises(ValueError, match=r"model lacks \['threshold'\]"):
        book.settings(RUN)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"study": "minni"},
            r"there is no .*minni\.yaml; .* has \['laptop', 'mini', 'own', 'paper'\]",
        ),
        ({"epochs": 3}, r"--config has unknown keys \['epochs'\]; known are .*'train'"),
    ],
)
def test_a_wrong_command_line_is_named(given, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        recipe.read_study(CONFIG, given)


def test_the_command_line_changes_single_lines():
    book = recipe.read_study(CONFIG, {"train": {"epochs": 2}, "local": {"voc2007": "/somewhere"}})
    assert book.size["train"]["epochs"] == 2
    assert book.size["train"]["optimizer"] == "adamw"
    assert book.size["local"] == {"voc2007": "/somewhere"}


def test_a_line_of_a_method_leaves_its_other_lines(book):
    given = {"methods": {"ml_gcn": {"train": {"lr": "0.1"}}}}
    changed = recipe.read_study(CONFIG, given).size["methods"]["ml_gcn"]
    before = book.size["methods"]["ml_gcn"]
    assert changed == before | {"train": before["train"] | {"lr": 0.1}}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tables": ["ml_sgm_X"]}, r"no \['ml_sgm_X'\]; it has .*'ml_sgm_II'"),
        (
            {"study": "laptop", "tables": ["ml_sgm_II", "ml_sgm_III"]},
            r"study laptop runs none of the datasets of \['ml_sgm_III'\]",
        ),
    ],
)
def test_a_table_that_cannot_be_made_is_named(given, message):
    book = recipe.read_study(CONFIG, given)
    with pytest.raises(ValueError, match=message):
        tables.of_study(book)


@pytest.mark.parametrize(
    ("file", "entry", "key"), [("methods", "ml_gcn", "title"), ("datasets", "voc2007", "parts")]
)
def test_an_entry_without_a_line_that_it_needs_is_named(file, entry, key, tmp_path):
    shutil.copytree(CONFIG, tmp_path / "config")
    path = tmp_path / f"config/{file}.yaml"
    entries = yaml.safe_load(path.read_text())
    del entries[entry][key]
    path.write_text(yaml.safe_dump(entries))
    with pytest.raises(ValueError, match=rf"{file}\.{entry} lacks \['{key}'\]"):
        recipe.read_study(tmp_path / "config", {}).dataset(entry)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda book: book.method("mlgcn"), "no method 'mlgcn'; methods.yaml has .*'ml_gcn'"),
        (lambda book: book.dataset("voc"), "no dataset 'voc'; datasets.yaml has .*'voc2007'"),
        (
            lambda book: book.settings(recipe.run_of("mini", "full", "voc2007", "ml_gcn@x", 0)),
            "ml_gcn has no variant 'x', only .*'binary'",
        ),
        (
            lambda book: book.protocol("voc2007", "fewshot-1"),
            "voc2007 has no block `fewshot`, which few shots",
        ),
    ],
)
def test_a_name_that_is_not_there_is_named(book, call, message):
    with pytest.raises(ValueError, match=message):
        call(book)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: 'a' is given twice"),
        ("a: [1, 2\n", "is not YAML"),
        ("a: !!python/object:os.system {}\n", "is not YAML"),
    ],
)
def test_yaml_that_would_be_misread_is_refused(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        recipe.read_yaml(path)
