"""Data goes one way, imports go one way, functions stay short."""

import ast
import re
import subprocess

import pytest
from conftest import ROOT

from labelgraph import models
from labelgraph.jobs import sourcecode

SOURCE = ROOT / "src/labelgraph"
# The rooms of the package. Each may import those to the left of it.
FLOW = (
    *("files", "jobs", "score", "study", "fetch", "scenes", "manifest", "split", "encoders"),
    *(
        "inputs",
        "parts",
        "models",
        "predict",
        "train",
        "tables",
        "figures",
        "review",
        "costs",
        "recipes",
    ),
    *("own", "report", "steps", "commands"),
)
TOP = ("__init__", "__main__", "numerics")  # modules outside rooms
FILES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE)


def room(path):
    return path.relative_to(SOURCE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path):
    there = {room(file) for file in sourcecode.imports(path) if file.parent != SOURCE}
    wrong = [name for name in there if FLOW.index(name) > FLOW.index(room(path))]
    assert not wrong, f"{path} may not import {wrong}"


INITS = sorted(SOURCE.rglob("__init__.py"))


@pytest.mark.parametrize("path", INITS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_folder_pulls_in_nothing_that_lies_in_it(path):
    """Whoever imports one of its files imports its __init__, and would depend on all of these."""
    assert not [file for file in sourcecode.imports(path) if path.parent in file.parents]


def test_no_step_imports_what_starts_and_watches_the_jobs():
    """An edit of it changes no number, and outdates nothing."""
    watching = {"launch", "server", "locks", "leftovers", "shortages", "snakemake_patches"} | {
        "devices",
        "gpu_check",
    }
    for step in (SOURCE / "steps").glob("[!_]*.py"):
        files = {file for file in sourcecode.closure(step) if file.parent == SOURCE / "jobs"}
        assert watching.isdisjoint(file.stem for file in files), step


def test_a_step_needs_all_that_it_imports_and_no_method_but_its_own():
    files = {
        path.relative_to(SOURCE).as_posix()
        for path in sourcecode.closure(SOURCE / "steps/train.py")
    }
    assert {"steps/train.py", "train/loop.py", "parts/losses.py", "files/small.py"} <= files
    assert [name for name in files if name.startswith("models/")] == ["models/__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_functions_stay_short(path):
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert not [node.name for node in functions if node.end_lineno - node.lineno >= 40]


def test_every_rule_has_its_step_and_every_step_its_rule():
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").rglob("*.smk"))
    steps = {path.stem for path in (SOURCE / "steps").glob("[!_]*.py")}
    assert set(re.findall(r"^rule (\w+):", rules, re.M)) == steps


def test_settings_have_no_default_in_python():
    for path in map(sourcecode.method_file, models.available()):
        build = next(
            node
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef) and node.name == "build"
        )
        assert not build.args.defaults
        assert not [default for default in build.args.kw_defaults if default is not None], path


def test_all_yaml_is_read_by_the_one_reader_that_refuses_bombs():
    loads = re.compile(r"\byaml\.(\w*load\w*|compose\w*|parse)\(")
    found = [path.name for path in SOURCE.rglob("*.py") if loads.search(path.read_text())]
    assert found == ["yaml_reader.py"]


def test_nothing_is_left_undone():
    command = [
        "git",
        "grep",
        "-nE",
        "TO" + "DO|FIX" + "ME|XX" + "X",
        "--",
        "*.py",
        "*.smk",
        "Snakefile",
    ]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 1, found.stdout


def test_the_house_stays_small():
    """30 rooms, 120 arrows between them, 9 floors and 4 modules at the top, at most."""
    arrows = {name: set() for name in FLOW}
    for path in FILES:
        arrows[room(path)] |= {room(file) for file in sourcecode.imports(path)} & set(FLOW)
    floors = {}
    for name in FLOW:
        below = arrows[name] - {name}
        floors[name] = 1 + max((floors[other] for other in below), default=0)
    assert len(FLOW) + len(TOP) <= 30
    assert sum(len(others - {name}) for name, others in arrows.items()) <= 120
    assert max(floors.values()) <= 9
    assert {path.stem for path in SOURCE.glob("*.py")} == set(TOP)


def test_a_docstring_alone_is_no_input_of_a_job():
    """A package's own file is one as soon as it has code."""
    needed = sourcecode.closure(SOURCE / "steps/train.py")
    assert SOURCE / "models/__init__.py" in needed
    assert SOURCE / "train/__init__.py" not in needed
    assert not [path for path in needed if path.stem == "__init__" and not path.read_text().strip()]
