"""`labelgraph list`: how many methods there are, how sure each is, and which rows have no run."""

import json

import pytest
from conftest import ROOT

from labelgraph.__main__ import main
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.study import method_files


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(ROOT)


def listed(capsys, *arguments):
    assert main(["list", *arguments]) == 0
    return capsys.readouterr().out


def test_every_method_says_how_sure_it_is(capsys):
    found = {entry["name"]: entry for entry in json.loads(listed(capsys, "methods", "--json"))}
    assert [*found] == [*read_yaml(ROOT / "workflow/config/methods.yaml")]
    assert all(entry["known_from"] and entry["lines"] for entry in found.values())
    kinds = {"code": "released code", "paper": "the paper's text", "reading": "our reading"}
    text = listed(capsys, "methods")
    for kind, words in kinds.items():
        assert f"{sum(entry['known_from'] == kind for entry in found.values())} " in text
        assert words in text
    title = {entry["title"] for entry in found.values() if "our reading" in entry["title"]}
    assert title <= {entry["title"] for entry in found.values() if entry["known_from"] == "reading"}


def test_rows_that_are_only_quoted_are_listed_with_their_reason(capsys):
    known = json.loads(listed(capsys, "quoted", "--json"))
    text = listed(capsys, "methods")
    for row in known:
        assert f"  {row['name']}: {row['about']}\n" in text
    assert not any("ML-GCN" in row["name"] for row in known)  # all of them were trained


def test_lines_of_code_by_hand(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        '"""A docstring\nof two lines."""\n\n# a comment\nx = (\n    1,  # counts\n\n)\n\n\n'
        'def f():\n    """One."""\n    return "text"\n'
    )
    assert method_files.lines_of_code(path) == 5  # x = (, 1, ), def, return
