"""docs/equations.md: every equation has a line, and every function that it names exists."""

import inspect
import re
from importlib import import_module

import pytest
from conftest import ROOT

PAGE = ROOT / "docs/equations.md"
LAST = {"ML-SGM": 21, "GM-MLIC": 15, "IA-GCN": 17}  # the last equation of each paper
WITHOUT_NUMBERS = {"ML-GCN", "KGGR", "Partial BCE and curriculum labelling"}
# The modules whose comments count equations as a paper does.
COUNTED = {
    "ML-SGM": ("models.ml_sgm.", "parts.matching", "parts.graphblock"),
    "GM-MLIC": ("models.gm_mlic",),
    "IA-GCN": ("models.ia_gcn.",),
}


def tables():
    """The lines of the table below each heading, as lists of cells."""
    found = {}
    for part in PAGE.read_text().split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        lines = [line.strip("| ").split(" | ") for line in re.findall(r"^\|.*\|$", text, re.M)]
        found[heading] = [[cell.strip(" |") for cell in line] for line in lines[2:]]
    return found


TABLES = tables()
LINES = [(paper, *line[:3]) for paper, lines in TABLES.items() for line in lines]


def function(name: str):
    """What `labelgraph.room.module.Class.method` names."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"{PAGE.name}: no module of {name}")


def equations_in(text: str) -> set[int]:
    """`eq. 6`, `Eqs. 2, 7 to 9` and `eq. 16, 17 or 21` in a comment."""
    found = set()
    for numbers in re.findall(r"\b[Ee]qs?\. (\d+(?:(?:, | to | and | or )\d+)*)", text):
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", numbers):
            found |= {*range(int(first), int(last or first) + 1)}
    return found


def test_every_paper_has_a_table():
    assert {*TABLES} == {*LAST} | WITHOUT_NUMBERS
    assert all(len(line) in (3, 4) for lines in TABLES.values() for line in lines)


@pytest.mark.parametrize("paper", LAST)
def test_every_equation_has_one_line(paper):
    assert [line[0] for line in TABLES[paper]] == [str(n + 1) for n in range(LAST[paper])]


@pytest.mark.parametrize(
    ("says", "cell"), [line[2:] for line in LINES], ids=[f"{line[0]} {line[1]}" for line in LINES]
)
def test_the_functions_exist(says, cell):
    names = re.findall(r"`(labelgraph\.[\w.]+)`", cell)
    assert cell == ", ".join(f"`{name}`" for name in names) and names and says
    assert all(callable(function(name)) for name in names)


def test_functions_within_sentences_exist():
    for name in re.findall(r"`(labelgraph\.[\w.]+)`", PAGE.read_text()):
        assert callable(function(name)), name


@pytest.mark.parametrize("paper", LAST)
def test_comments_in_the_code_name_the_same_equations(paper):
    """Of a line's functions in modules that follow the paper's numbers, one says its number."""
    rooms = tuple(f"labelgraph.{room}" for room in COUNTED[paper])
    checked = 0
    for equation, _, cell, *_ in TABLES[paper]:
        names = [name for name in re.findall(r"`([\w.]+)`", cell) if name.startswith(rooms)]
        said = set().union(*(equations_in(inspect.getsource(function(name))) for name in names))
        assert not said or int(equation) in said, f"{paper} {equation}: {names}"
        checked += bool(said)
    assert checked >= 3
