"""A table's entry, published values and scores make exactly this table."""

import json

import pandas as pd
import pytest
from conftest import ROOT

from labelgraph import recipe, rendering, tables

PUBLISHED = pd.DataFrame(
    [
        ("T", "voc2007", "old", "", "mAP", "84.0"),
        ("T", "voc2007", "old", "", "AP:dog", "99."),
        ("T", "voc2007", "new", "a", "mAP", "90.1"),
        ("T", "voc2007", "new", "b", "mAP", "91.0"),
        ("other", "voc2007", "old", "", "mAP", "1.0"),
    ],
    columns=["table", "dataset", "method", "setting", "metric", "value"],
)
TITLES = pd.DataFrame(
    [
        ("p", "T", "new", "a", "New", 2),
        ("p", "T", "old", "", "Old", 1),
        ("p", "T", "new", "b", "New", 3),
    ],
    columns=["paper", "table", "method", "setting", "title", "order"],
)


@pytest.fixture
def table(tmp_path):
    for seed, value in enumerate([0.50, 0.60]):
        content = {
            "map": {"non_interpolated": value},
            "ap": {"non_interpolated": {"dog": value / 2}},
        }
        (tmp_path / f"{seed}.json").write_text(json.dumps(content))
    scores = {"voc2007": [str(tmp_path / "0.json"), str(tmp_path / "1.json")]}
    return {
        "paper": "p",
        "table": "T",
        "caption": "A caption & more",
        "columns": [{"dataset": "voc2007", "metrics": ["AP:*", "mAP"]}],
        "runs": {"new/b": "new@b"},
        "more": {"Extra": "extra"},
        "scores": {"new/b": scores, "Extra": scores},
        "titles": {"voc2007": "VOC 2007"},
        "note": "a note",
        "protocol": "a protocol",
        "footnotes": {"New": ["not as printed"]},
    }


@pytest.fixture
def values(monkeypatch):
    """Only the numbers that the case has, by the names that scores.json uses."""
    found = {
        "mAP": lambda s: s["map"]["non_interpolated"],
        "AP:dog": lambda s: s["ap"]["non_interpolated"]["dog"],
    }
    monkeypatch.setattr(tables, "value", lambda scores, metric: found[metric](scores))


def test_cells_by_hand(table, values):
    cells = tables.cells(table, PUBLISHED, TITLES)
    assert cells.to_csv(index=False, lineterminator="\n").splitlines() == [
        "row,column,published,reproduced,std,seeds,status",
        "Old,AP:dog,99.,,,,quoted",
        "Old,mAP,84.0,,,,quoted",
        "New a,AP:dog,,,,,quoted",
        "New a,mAP,90.1,,,,quoted",
        "New b,AP:dog,,27.50,3.54,2,reproduced",
        "New b,mAP,91.0,55.00,7.07,2,reproduced",
        "Extra,AP:dog,,27.50,3.54,2,reproduced",
        "Extra,mAP,,55.00,7.07,2,reproduced",
    ]


def test_markdown_by_hand(table, values):
    text = rendering.markdown(table, tables.cells(table, PUBLISHED, TITLES))
    assert text.splitlines() == [
        "# A caption & more",
        "",
        "|  |  | dog | mAP |",
        "| --- | --- | ---: | ---: |",
        "| Old | published | **99.** | 84.0 |",
        "| New a | published |  | *90.1* |",
        "| New b | published |  | **91.0** |",
        "|  | here | **27.5 ± 3.5** | **55.0 ± 7.1** |",
        "| Extra | here | **27.5 ± 3.5** | **55.0 ± 7.1** |",
        "",
        "Best **bold**, second *italic*.",
        "",
        "- a note",
        "- a protocol",
        "- New: not as printed",
    ]


def test_latex_escapes_what_latex_reads(table, values):
    text = rendering.latex(table, tables.cells(table, PUBLISHED, TITLES))
    assert r"\caption{A caption \& more}" in text
    assert r" & here & \textbf{27.5 $\pm$ 3.5} & \textbf{55.0 $\pm$ 7.1} \\" in text
    assert text.count(r"\begin{") == text.count(r"\end{")


def test_a_row_that_the_paper_does_not_have_is_named(table, values):
    table["runs"]["new/c"] = "new@c"
    with pytest.raises(ValueError, match=r"p T has no row \['new/c'\]; it has .*'new/b'"):
        tables.cells(table, PUBLISHED, TITLES)


def test_every_table_of_every_study_fits_its_published_rows():
    titles = tables.read_published(ROOT / "workflow/published/systems.csv")
    titles["order"] = titles["order"].astype(int)
    for study in ("mini", "laptop", "paper"):
        book = recipe.read_study(ROOT / "workflow/config", {"study": study})
        for name in tables.of_study(book):
            table = tables.recipe(book, name)
            published = tables.read_published(ROOT / f"workflow/published/{table['paper']}.csv")
            without_scores = table | {"scores": {}}
            cells = tables.cells(without_scores, published, titles)
            assert not cells.duplicated(["row", "column"]).any(), name
            printed = published[published["table"] == table["table"]]
            assert (cells["published"] != "").sum() == len(printed), f"{name} leaves cells out"
