"""What counts as the same, as a departure, and as ours; and that nothing is left unstated."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from conftest import ROOT

from labelgraph.recipes import comparison, listing
from labelgraph.study import recipes
from labelgraph.study.config import read_study
from labelgraph.study.recipes import Row


@pytest.fixture(scope="module")
def book():
    return read_study(ROOT / "workflow/config", {"study": "paper"})


@pytest.fixture(scope="module")
def found(book):
    return comparison.items(book)


def row(method="ml_gcn", task="all", item="batch", paper="", released="", here="", note=""):
    return Row(method, task, item, paper, released, "x", here, note)


@pytest.mark.parametrize(
    ("paper", "released", "kind"),
    [
        ("16", "", "same"),
        ("16", "32", "same"),  # a paper comes first
        ("", "16", "same"),
        ("16 (with 2 GPUs)", "", "same"),
        ("32", "16", "departure"),
        ("", "32", "departure"),
        ("", "", "ours"),
    ],
)
def test_an_item_is_judged(book, paper, released, kind):
    (item,) = comparison.items(replace(book, recipes=(row(paper=paper, released=released),)))
    assert (item.here, item.kind) == ("16", kind)
    assert item.unstated == (kind == "departure")
    stated = replace(item, row=replace(item.row, note="why"))
    assert not stated.unstated


def test_tasks_and_datasets_that_differ_are_named(book):
    rows = (
        row("ssgrl", item="test view"),
        row("ssgrl", "partial", item="test view"),
        row("add_gcn", item="test size"),
        row("ml_sgm", "fewshot", item="epochs"),
        row("ml_sgm", "fewshot", item="base stage: epochs"),
    )
    told = [item.here for item in comparison.items(replace(book, recipes=rows))]
    both, partial, sizes, few, base = told
    assert "partial: " in both or "full: " in both
    assert partial == "all of it, squashed"
    assert sizes == "448; coco2014: 576"
    assert (few, base) == ("50", "100")


def test_a_task_that_no_table_has_is_named(book):
    with pytest.raises(ValueError, match="dsdl is in no table of the task 'fewshot'"):
        comparison.items(replace(book, recipes=(row("dsdl", "fewshot"),)))


HEAD = "method,task,item,paper,released,source,here,note\n"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("ml_gcn,all,batch,16,,x,16,", "line 2: settings or weights say what is done here"),
        ("mlgcn,all,batch,16,,x,,", "line 2: methods.yaml has no method 'mlgcn'"),
        ("ml_gcn,fulll,batch,16,,x,,", r"line 2: the task is 'fulll'; it may be one of \('all'"),
        ("ml_gcn,all,optimiser,16,,x,,", "line 2: no item 'optimiser'; others than"),
        ("ml_gcn,all,batch,1,,x,,\nml_gcn,all,batch,2,,x,,", "line 3: ml_gcn, all, batch is there"),
        ("a,b", "line 2: expected 8 cells"),
        ('ml_gcn,all,batch,"16', "is not a csv file in UTF-8: unexpected end of data"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, lines, message):
    path = tmp_path / "recipes.csv"
    path.write_text(HEAD + lines + "\n")
    with pytest.raises(ValueError, match=message):
        recipes.read(path, ["ml_gcn"])


def test_a_file_of_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "recipes.csv"
    path.write_bytes(("\ufeff" + HEAD + "ml_gcn,all,network: é,,,x,,\n").encode())
    assert recipes.read(path, ["ml_gcn"])[0].item == "network: é"
    path.write_bytes((HEAD + "ml_gcn,all,network: é,,,x,,\n").encode("latin-1"))
    with pytest.raises(ValueError, match="is not a csv file in UTF-8: 'utf-8' codec can't decode"):
        recipes.read(path, ["ml_gcn"])


def test_no_departure_is_left_unstated(found):
    assert [(item.row, item.here) for item in found if item.unstated] == []


def test_every_method_tells_everything_about_its_training(book, found):
    """Of each kind of task that it has; and no item twice."""
    known = {*recipes.TRAINING, *FIXED}
    for method in book.methods:
        own = [item.row for item in found if item.row.method == method]
        tasks = {task for task, _ in comparison.places(book, method)}
        for task in tasks:
            items = [each.item for each in own if each.task in (recipes.ALL, task)]
            assert known <= {*items}, (method, task, known - {*items})
            assert max(Counter(items).values()) == 1, (method, task, Counter(items).most_common(1))
        others = {each.item for each in own} - known
        assert all(name.startswith(("network: ", comparison.BASE)) for name in others), others


FIXED = (
    *("first weights", "loss", "loss's reduction", "difficult objects", "crowds"),
    *("images without labels", "metric", "word vectors", "label graph"),
)


def test_notes_of_recipes_stand_below_tables_where_they_are_true(book):
    rows = (
        row(item="batch", note="the batch"),
        row(item="network: pooling", note="the pooling"),
        row(task="partial", item="loss", note="the loss"),
        row(task="partial", item="label graph", note="the loss"),
    )
    assert recipes.notes(rows, "ml_gcn", ["full"], cached=False) == ["the batch", "the pooling"]
    assert recipes.notes(rows, "ml_gcn", ["full"], cached=True) == ["the pooling"]
    partial = recipes.notes(rows, "ml_gcn", ["partial-10", "partial-20"], cached=True)
    assert partial == ["the pooling", "the loss"]
    assert recipes.notes(rows, "dsdl", ["full"], cached=False) == []


def test_the_page_counts_and_escapes():
    items = [
        comparison.Item(row(paper="a|b", released="<i>", note="*why*"), "c", "departure"),
        comparison.Item(row(item="epochs", paper="1"), "2", "departure"),
        comparison.Item(row("dsdl", "partial", "loss"), "d", "ours"),
    ]
    page = listing.as_markdown(items, {"ml_gcn": "ML-GCN", "dsdl": "DS<DL"}, "paper")
    assert "3 items: 0 the same, 2 departures, 1 ours; 1 unstated." in page
    assert r"| batch | a\|b | \<i\> | c | departure | **1** \*why\* |" in page
    assert '<a id="ml_gcn"></a>\n\n## ML-GCN' in page
    assert "| epochs | 1 |  | 2 | departure | **not stated** |" in page
    assert "DS<DL" not in page and "<i>" not in page


def test_a_bar_in_code_does_not_end_a_cell():
    item = comparison.Item(row(note="as `a|b`, or | alone"), "c", "ours")
    line = listing.table([item], {item.row.note: 1}).splitlines()[-1]
    assert len(re.findall(r"(?<!\\)\|", line)) == len(listing.SHOWN) + 1


def test_a_file_with_other_columns_is_refused(tmp_path):
    path = tmp_path / "recipes.csv"
    path.write_text("method,item\nml_gcn,batch\n")
    with pytest.raises(ValueError, match=r"has the columns \['method', 'item'\]; expected"):
        recipes.read(path, ["ml_gcn"])
