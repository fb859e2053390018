"""`labelgraph new-method` writes a method that works at once, and changes nothing else."""

import inspect
import shutil

import conftest
import pytest
import test_models
import yaml
from conftest import ROOT

from labelgraph import models
from labelgraph.__main__ import main
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.jobs import sourcecode
from labelgraph.study.config import read_study
from labelgraph.tables import tables

METHODS = "workflow/config/methods.yaml"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for part in ("config", "published"):
        shutil.copytree(ROOT / "workflow" / part, tmp_path / "workflow" / part)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        ROOT / "src/labelgraph/models", tmp_path / "src/labelgraph/models", ignore=ignore
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def begun(checkout, monkeypatch, capsys):
    """A new method that is part of the package during the test."""
    assert main(["new-method", "my_gcn"]) == 0
    place = checkout / "src/labelgraph/models"
    monkeypatch.setattr(models, "__path__", [str(place)])
    monkeypatch.setattr(models, "__file__", str(place / "__init__.py"))
    monkeypatch.setattr(sourcecode, "MODELS", place)
    monkeypatch.setattr(conftest, "ROOT", checkout)
    monkeypatch.setattr(test_models, "CONFIG", read_yaml(checkout / METHODS))
    return capsys.readouterr().out


def test_it_keeps_the_file_and_adds_an_entry(begun, checkout):
    before, after = ((root / METHODS).read_text() for root in (ROOT, checkout))
    assert after.startswith(before)
    assert list(yaml.safe_load(after)) == [*yaml.safe_load(before), "my_gcn"]
    changed = [path.name for path in (checkout / "src/labelgraph/models").iterdir()
               if not (ROOT / "src/labelgraph/models" / path.name).exists()]  # fmt: skip
    assert changed == ["my_gcn.py"]


def contract():
    """The tests that every method must pass."""
    for name, test in vars(test_models).items():
        wanted = set(inspect.signature(test).parameters) if name.startswith("test_") else set()
        if "method" in wanted:
            yield pytest.param(test, wanted, id=name)


@pytest.mark.parametrize(("test", "wanted"), list(contract()))
def test_it_passes_the_tests_of_every_method(begun, tmp_path, test, wanted):
    given = {"method": "my_gcn", "variant": "", "tmp_path": tmp_path, "images": 1, "labels": 1}
    test(**{name: given[name] for name in wanted})


def test_its_settings_are_complete(begun, checkout):
    """The commands that it prints train it, and tables show it without a paper."""
    pets = {"folder": str(ROOT / "tests/samples/folders"), "reader": "folders"}
    given = {"study": "own", "datasets": {"pets": pets}, "own_table": {"rows": ["my_gcn"]}}
    book = read_study(checkout / "workflow/config", given)
    (run,) = tables.runs(book, ["own_pets"])
    assert book.settings(run).training.model == {"share": 0.2}
    assert tables.recipe(book, "own_pets")["departures"] == {}
    assert "results/runs/mini/full/voc2007/my_gcn/seed0/scores.json" in begun
    assert "--config 'own_table={rows: [baseline, my_gcn]}'" in begun


def test_the_file_reads_like_the_others(begun, checkout):
    path = checkout / "src/labelgraph/models/my_gcn.py"
    lines = path.read_text().splitlines()
    assert lines[0].startswith('"""my_gcn: ') and max(map(len, lines)) <= 100
    assert "labelspace" in {file.stem for file in sourcecode.imports(path)}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("My-GCN", "'My-GCN' cannot be a method's name; expected a letter, then letters"),
        ("../x", "cannot be a method's name"),
        ("2gcn", "expected a letter, then"),
        ("x" * 41, "40 at most"),
        ("lambda", "'lambda' is reserved by Python"),
        ("all", "'all' is reserved by the settings"),
        ("ml_gcn", "there is already a method 'ml_gcn', in workflow/config/methods.yaml"),
    ],
)
def test_an_invalid_name_is_refused(checkout, capsys, name, told):
    before = (checkout / METHODS).read_text()
    assert main(["new-method", name]) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1
    assert (checkout / METHODS).read_text() == before


def test_a_file_without_an_entry_is_not_overwritten(checkout, capsys):
    path = checkout / "src/labelgraph/models/mine.py"
    path.write_text("mine\n")
    assert main(["new-method", "mine"]) == 2
    assert "already a method 'mine', in src/labelgraph/models/mine.py" in capsys.readouterr().err
    assert path.read_text() == "mine\n" and "mine:" not in (checkout / METHODS).read_text()


def test_outside_the_repository_it_says_where_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new-method", "my_gcn"]) == 2
    assert "run this in the repository's folder" in capsys.readouterr().err
