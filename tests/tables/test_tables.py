"""A table's entry, published values and scores make exactly this table."""

import copy
import json

import pandas as pd
import pytest
from conftest import ROOT

from labelgraph.score import confidence
from labelgraph.study import recipes
from labelgraph.study.config import read_study
from labelgraph.tables import quoted, rendering, table_columns, tables

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
    scores = {"full/voc2007": [str(tmp_path / "0.json"), str(tmp_path / "1.json")]}
    return {
        "paper": "p",
        "table": "T",
        "caption": "A caption & more",
        "task": "full",
        "columns": [{"dataset": "voc2007", "metrics": ["AP:*", "mAP"]}],
        "runs": {"new/b": "new@b"},
        "more": {"Extra": "extra"},
        "scores": {"new/b": scores, "Extra": scores},
        "titles": {"voc2007": "VOC 2007"},
        "ran": {"new/b": "New, as it ran"},
        "counted_network": "",
        "note": "a note",
        "protocol": "a protocol",
        "departures": {"new": {"title": "N|ew", "numbers": [1, 2, 3, 7]}},
        "recipes": "../recipes.md",
    }


def markdown(table):
    ran = tables.names_of(table, TITLES)
    return rendering.markdown(table, tables.cells(table, PUBLISHED, TITLES), ran)


def latex(table):
    ran = tables.names_of(table, TITLES)
    return rendering.latex(table, tables.cells(table, PUBLISHED, TITLES), ran)


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
        "New b,AP:dog,,27.500000,3.535534,2,reproduced",
        "New b,mAP,91.0,55.000000,7.071068,2,reproduced",
        "Extra,AP:dog,,27.500000,3.535534,2,reproduced",
        "Extra,mAP,,55.000000,7.071068,2,reproduced",
    ]


def test_markdown_by_hand(table, values):
    text = markdown(table)
    assert text.splitlines() == [
        "# A caption & more",
        "",
        "|  |  | dog | mAP |",
        "| --- | --- | ---: | ---: |",
        "| Old | published | **99.** | 84.0 |",
        "| New a | published |  | *90.1* |",
        "| New b | published |  | **91.0** |",
        "| New, as it ran | here | 27.5 ± 3.5 | 55.0 ± 7.1 |",
        "| Extra | here | 27.5 ± 3.5 | 55.0 ± 7.1 |",
        "",
        "Published: best **bold**, second *italic*.",
        "",
        "- a note",
        "- a protocol",
        "- ± is the standard deviation over seeds, where there are several.",
        f"- {rendering.DEPARTURES}: [N\\|ew](../recipes.md#new) 1\N{EN DASH}3, 7.",
    ]


def test_a_row_without_a_run_has_its_reason_below_the_table(table, values):
    assert quoted.noted(table, TITLES) == table
    table |= {
        "notes": ["a"],
        "quoted": {"old": "Its code was lost.", "new/a": "Its code was lost."},
    }
    notes = quoted.noted(table, TITLES)["notes"]
    assert notes == ["a", "Old, New a: quoted without a run. Its code was lost."]
    table["quoted"]["newer"] = "It is in no table."
    with pytest.raises(ValueError, match=r"has no row \['newer'\]"):
        quoted.noted(table, TITLES)


def test_rows_without_a_run_are_found(table):
    entry = {key: table[key] for key in ("paper", "table", "columns", "task", "runs")}
    found = list(quoted.rows({"p_T": entry | {"quoted": {"old": "Lost."}}}, TITLES))
    assert found == [
        quoted.Row("p_T", "old", "Old", "Lost."),
        quoted.Row("p_T", "new/a", "New a", ""),
    ]
    costs = entry | {"columns": [{"costs": ["params_m"]}], "runs": {}}
    assert not list(quoted.rows({"p_T": costs}, TITLES))


def test_a_row_has_a_run_or_a_reason(table):
    entry = {key: table[key] for key in ("paper", "table", "caption", "columns", "task", "runs")}
    with pytest.raises(ValueError, match=r"\['new/b'\] are in `quoted` and in `runs`"):
        table_columns.check("p_T", entry | {"quoted": {"new/b": "Lost."}}, ["voc2007"], 3)


def test_an_interval_of_the_mean_by_hand(table, values, tmp_path):
    """0.50, 0.60, 0.70: a standard deviation of 10, and t = 4.3027 for two degrees of freedom."""
    more = tmp_path / "2.json"
    more.write_text(
        json.dumps({"map": {"non_interpolated": 0.7}, "ap": {"non_interpolated": {"dog": 0.35}}})
    )
    table["scores"]["Extra"]["full/voc2007"].append(str(more))
    table["spread"] = "interval95"
    cells = tables.cells(table, PUBLISHED, TITLES)
    assert "Extra,mAP,,60.000000,10.000000,3,reproduced" in cells.to_csv(index=False)
    text = rendering.markdown(table, cells, {})
    assert "| 60.0 ± 24.8 |" in text  # 4.3027 * 10 / sqrt(3)
    assert "- ± is half of the 95 % confidence interval of the mean over episodes" in text
    assert r"60.0 $\pm$ 24.8" in rendering.latex(table, cells, {})


@pytest.mark.parametrize(("runs", "t"), [(2, 12.7062), (3, 4.3027), (10, 2.2622), (31, 2.0423)])
def test_half_an_interval_of_the_mean_has_students_t_from_a_textbook(runs, t):
    found = confidence.half_width(2.0, runs, "interval95")
    assert found == pytest.approx(2.0 * t / runs**0.5, rel=2e-5)
    assert confidence.half_width(2.0, runs, "std") == 2.0


def test_a_spread_that_is_unknown_is_named():
    with pytest.raises(ValueError, match=r"p_P: spread is 'ci', not one of \('std', 'int"):
        tables.of_study(book_with(spread="ci"))


def test_departures_of_the_second_stage_stand_below_tables_of_few_shots_alone():
    book = read_study(ROOT / "workflow/config", {"study": "paper"})
    rows = [row for row in book.recipes if row.method == "ml_sgm" and row.note]
    number = recipes.numbered(book.recipes, "ml_sgm")
    few, full = (
        {*tables.recipe(book, name)["departures"]["ml_sgm"]["numbers"]}
        for name in ("ml_sgm_VI", "ml_sgm_III")
    )
    of = {
        task: {number[row.note] for row in rows if row.task == task} for task in ("fewshot", "full")
    }
    assert of["fewshot"] - of["full"] <= few - full
    assert of["full"] - of["fewshot"] <= full - few
    assert all(of.values())


def test_departures_are_one_line_with_their_numbers_and_a_link(table, values):
    last = markdown(table).splitlines()[-1]
    assert last == f"- {rendering.DEPARTURES}: [N\\|ew](../recipes.md#new) 1\N{EN DASH}3, 7."
    assert f"{rendering.DEPARTURES}: N\\textbar{{}}ew 1\N{EN DASH}3, 7." in latex(table)
    assert rendering.DEPARTURES not in markdown(table | {"departures": {}})


@pytest.mark.parametrize("study", ["mini", "laptop", "evening", "paper"])
def test_no_table_has_many_notes(study):
    """The study, its protocol, what the deviation is, and the table's own notes."""
    book = read_study(ROOT / "workflow/config", {"study": study})
    for name in tables.of_study(book):
        table = tables.recipe(book, name)
        assert len(rendering.remarks(table)) <= 3 + len(table["notes"]), name
        for method, found in table["departures"].items():
            number = recipes.numbered(book.recipes, method)
            assert {*found["numbers"]} <= {*number.values()}, (name, method)


def test_ranges_by_hand():
    assert recipes.ranges([4, 1, 2, 3, 9, 7]) == "1\N{EN DASH}4, 7, 9"
    assert recipes.ranges([]) == ""


def test_a_table_of_few_shots_has_an_episode_for_each_seed():
    book = read_study(ROOT / "workflow/config", {"study": "paper"})
    found = [run for run in tables.runs(book, ["ml_sgm_VI"]) if run.method == "laso"]
    assert len(found) == 2 * 2 * 10  # datasets, numbers of shots, episodes
    assert {run.seed for run in found} == set(range(10))


def test_latex_escapes_what_latex_reads(table, values):
    text = latex(table)
    assert r"\caption{A caption \& more}" in text
    assert r"New, as it ran & here & 27.5 $\pm$ 3.5 & 55.0 $\pm$ 7.1 \\" in text
    assert text.count(r"\begin{") == text.count(r"\end{")


def test_a_row_that_the_paper_does_not_have_is_named(table, values):
    table["runs"]["new/c"] = "new@c"
    with pytest.raises(ValueError, match=r"p T has no row \['new/c'\]; it has .*'new/b'"):
        tables.cells(table, PUBLISHED, TITLES)


PROPORTIONS = {
    "dataset": "voc2007",
    "tasks": {"partial-10": "10%", "partial-20": "20%"},
    "average": "avg",
    "metrics": ["mAP"],
}


@pytest.fixture
def partial(table, tmp_path):
    """A table of two proportions and their average on two datasets; one of these is not run."""
    paths = {}
    for task, of_seeds in {"partial-10": [0.2, 0.3], "partial-20": [0.4, 0.7]}.items():
        files = [tmp_path / f"{task}-{value}.json" for value in of_seeds]
        for path, value in zip(files, of_seeds, strict=True):
            path.write_text(json.dumps({"map": {"non_interpolated": value}}))
        paths[f"{task}/voc2007"] = [str(path) for path in files]
    columns = [PROPORTIONS, PROPORTIONS | {"dataset": "vg200"}]
    titles = {"voc2007": "VOC 2007", "vg200": "VG-200"}
    rows = {"runs": {"old": "old"}, "more": {}, "scores": {"old": paths}}
    del table["task"]
    return table | rows | {"table": "P", "columns": columns, "titles": titles}


PARTIAL = pd.DataFrame(
    [
        ("P", "voc2007", "old", "10%", "mAP", "10.0"),
        ("P", "voc2007", "old", "20%", "mAP", "20.0"),
        ("P", "voc2007", "old", "avg", "mAP", "15.0"),
        ("P", "vg200", "old", "20%", "mAP", "7.0"),
        ("P", "vg200", "new", "avg", "mAP", "8.5"),
    ],
    columns=PUBLISHED.columns,
)
PARTIAL_TITLES = pd.DataFrame(
    [
        ("p", "P", "old", "10%", "Old", 1),
        ("p", "P", "old", "20%", "Old", 1),
        ("p", "P", "old", "avg", "Old", 1),
        ("p", "P", "new", "avg", "New", 2),
    ],
    columns=TITLES.columns,
)


def test_tasks_are_columns_and_their_average_is_taken_seed_by_seed(partial, values):
    cells = tables.cells(partial, PARTIAL, PARTIAL_TITLES)
    assert cells.to_csv(index=False, lineterminator="\n").splitlines()[1:] == [
        "Old,voc2007 10% mAP,10.0,25.000000,7.071068,2,reproduced",
        "Old,voc2007 20% mAP,20.0,55.000000,21.213203,2,reproduced",
        "Old,voc2007 avg mAP,15.0,40.000000,14.142136,2,reproduced",  # 30 and 50: seeds first
        "Old,vg200 10% mAP,,,,,quoted",
        "Old,vg200 20% mAP,7.0,,,,quoted",
        "Old,vg200 avg mAP,,,,,quoted",
        "New,voc2007 10% mAP,,,,,quoted",
        "New,voc2007 20% mAP,,,,,quoted",
        "New,voc2007 avg mAP,,,,,quoted",
        "New,vg200 10% mAP,,,,,quoted",
        "New,vg200 20% mAP,,,,,quoted",
        "New,vg200 avg mAP,8.5,,,,quoted",
    ]


def test_a_table_of_tasks_has_a_block_for_each_dataset(partial, values):
    cells = tables.cells(partial, PARTIAL, PARTIAL_TITLES)
    assert rendering.markdown(partial, cells, {}).splitlines()[2:14] == [
        "|  |  | VOC 2007 10% mAP | VOC 2007 20% mAP | VOC 2007 avg mAP |",
        "| --- | --- | ---: | ---: | ---: |",
        "| Old | published | **10.0** | **20.0** | **15.0** |",
        "|  | here | 25.0 ± 7.1 | 55.0 ± 21.2 | 40.0 ± 14.1 |",
        "| New | published |  |  |  |",
        "",
        "|  |  | VG-200 10% mAP | VG-200 20% mAP | VG-200 avg mAP |",
        "| --- | --- | ---: | ---: | ---: |",
        "| Old | published |  | **7.0** |  |",
        "|  | here |  |  |  |",
        "| New | published |  |  | **8.5** |",
        "",
    ]
    text = rendering.latex(partial, cells, {})
    assert r"\begin{tabular}{llrrr}" in text
    assert text.count(r"\midrule") == 3
    assert r" &  & VG-200 10\% mAP & VG-200 20\% mAP & VG-200 avg mAP \\" in text


def test_an_average_needs_all_its_runs(partial, values):
    del partial["scores"]["old"]["partial-20/voc2007"]
    cells = tables.cells(partial, PARTIAL, PARTIAL_TITLES).set_index(["row", "column"])
    assert cells.loc[("Old", "voc2007 avg mAP"), "status"] == "quoted"
    assert cells.loc[("Old", "voc2007 10% mAP"), "reproduced"] == "25.000000"


def test_a_seed_without_a_value_has_no_average_but_the_others_do(partial, values, tmp_path):
    """The first seed's 20 % is not defined: its average is neither 20 nor taken over one task."""
    path = tmp_path / "partial-20-0.4.json"
    path.write_text(json.dumps({"map": {"non_interpolated": None}}))
    cells = tables.cells(partial, PARTIAL, PARTIAL_TITLES).set_index(["row", "column"])
    expected = {"20%": ["70.000000", "", "1"], "avg": ["50.000000", "", "1"]}
    for setting, of_cell in expected.items():
        line = cells.loc[("Old", f"voc2007 {setting} mAP")]
        assert [*line[["reproduced", "std", "seeds"]]] == of_cell, setting


def test_a_value_that_no_run_has_is_ours_all_the_same(table, values, tmp_path):
    """It was trained here: an empty cell of a run is not what the paper printed."""
    for seed in range(2):
        content = {"map": {"non_interpolated": 0.5}, "ap": {"non_interpolated": {"dog": None}}}
        (tmp_path / f"{seed}.json").write_text(json.dumps(content))
    cells = tables.cells(table, PUBLISHED, TITLES)
    assert "Extra,AP:dog,,,,,reproduced" in cells.to_csv(index=False)
    lines = rendering.markdown(table, cells, {}).splitlines()
    assert "| Extra | here |  | 50.0 ± 0.0 |" in lines


def test_one_seed_has_no_spread(table, values):
    for places in table["scores"].values():
        places["full/voc2007"] = places["full/voc2007"][:1]
    cells = tables.cells(table, PUBLISHED, TITLES)
    assert "Extra,mAP,,50.000000,,1,reproduced" in cells.to_csv(index=False)
    assert "| Extra | here | 25.0 | 50.0 |" in rendering.markdown(table, cells, {})


def test_a_row_of_ours_alone_has_one_line(table, values):
    """One of its cells is from nobody: that makes no second line of published values."""
    table["columns"] = [*table["columns"], {"dataset": "vg200", "metrics": ["mAP"]}]
    table["titles"]["vg200"] = "VG-200"
    text = markdown(table)
    lines = [line for line in text.splitlines() if line.startswith("| Extra")]
    assert lines == ["| Extra | here | 27.5 ± 3.5 | 55.0 ± 7.1 |  |"]
    assert "| New a | published |  | *90.1* |  |" in text


def book_with(**changes):
    book = copy.deepcopy(read_study(ROOT / "workflow/config", {}))
    entry = {"paper": "p", "table": "P", "caption": "A caption", "columns": [PROPORTIONS]}
    book.tables.clear()
    book.tables["p_P"] = entry | {"runs": {"old": "baseline"}, "seeds": 2} | changes
    return book


def test_a_run_for_every_task_of_a_column():
    book = book_with()
    expected = [
        f"mini/partial-{percent}/voc2007/baseline/seed{seed}"
        for percent in (10, 20)
        for seed in (0, 1)
    ]
    assert [run.folder for run in tables.runs(book, tables.of_study(book))] == expected
    files = [f"results/runs/{folder}/scores.json" for folder in expected]
    assert tables.inputs(book, ["p_P"]) == files
    found = tables.recipe(book, "p_P")
    assert found["scores"] == {
        "old": {"partial-10/voc2007": files[:2], "partial-20/voc2007": files[2:]}
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": [{"dataset": "voc2007", "metrics": ["mAP"]}]}, "p_P needs `task`"),
        (
            {"columns": [PROPORTIONS | {"task": "full"}]},
            r"unknown keys \['task'\]; known are .*'tasks'",
        ),
        (
            {
                "task": "full",
                "columns": [{"dataset": "voc2007", "metrics": ["mAP"], "average": "avg"}],
            },
            "`average` is over `tasks`",
        ),
        (
            {"columns": [PROPORTIONS | {"dataset": "voc"}]},
            r"columns\[0\]\.dataset is 'voc'; expected one of voc2007, .*coco2014",
        ),
        (
            {"columns": [PROPORTIONS | {"tasks": {"partial-0": "0%"}}]},
            "task is 'partial-0'; it may be full, partial-1 to -99",
        ),
        (
            {"columns": [PROPORTIONS | {"metrics": ["AP:dog", "mAPP"]}]},
            "no metric 'mAPP'; there are",
        ),
        ({"columns": [PROPORTIONS | {"metrics": ["CF1_top4"]}]}, "no metric 'CF1_top4'"),
        (
            {"columns": [PROPORTIONS | {"metrics": "mAP"}]},
            r"p_P: columns\[0\]\.metrics is 'mAP'; expected a list, of 1 or more",
        ),
        ({"colour": "red"}, r"tables\.p_P has unknown keys \['colour'\]; known are"),
    ],
)
def test_a_wrong_block_of_columns_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        tables.of_study(book_with(**changes))


def test_an_entry_is_named_by_its_paper_and_table():
    book = book_with()
    book.tables["q_Q"] = book.tables["p_P"]
    with pytest.raises(ValueError, match=r"tables\.q_Q is p P; name it p_P"):
        tables.of_study(book)


MANY = {
    "columns": [
        {
            "dataset": "voc2007",
            "metrics": ["mAP", "AP:*"],
            "tasks": {"full": "", "partial-10": "x"},
        },
        {"dataset": "coco2014", "metrics": ["CF1"], "tasks": {"full": ""}},
        {"costs": ["gflops"]},
    ]
}


def test_columns_of_several_datasets_by_hand():
    printed = pd.DataFrame({"dataset": ["voc2007", "voc2007", "coco2014"],
                            "metric": ["mAP", "AP:dog", "AP:cat"]})  # fmt: skip
    columns = table_columns.columns_of(MANY, printed)
    assert [(each.name, each.setting, each.places) for each in columns] == [
        ("voc2007 mAP", "", ("full/voc2007",)),
        ("voc2007 AP:dog", "", ("full/voc2007",)),
        ("voc2007 x mAP", "x", ("partial-10/voc2007",)),
        ("voc2007 x AP:dog", "x", ("partial-10/voc2007",)),
        ("coco2014 CF1", "", ("full/coco2014",)),
        ("gflops", "", ()),
    ]
    assert [each.cost for each in columns] == [False] * 5 + [True]
    assert table_columns.all_tasks(MANY) == ["full", "partial-10"]
    assert table_columns.settings(MANY) == {"x"}
    averaged = {"columns": [PROPORTIONS, {"costs": ["gflops"]}]}
    assert table_columns.settings(averaged) == {"10%", "20%", "avg"}
    alone = table_columns.columns_of(averaged, printed)
    assert [each.name for each in alone] == ["10% mAP", "20% mAP", "avg mAP", "gflops"]
    assert alone[2].places == ("partial-10/voc2007", "partial-20/voc2007")


def test_a_table_needs_counts_if_it_shows_costs():
    columns = [PROPORTIONS, {"costs": ["gflops"]}]
    book = book_with(columns=columns, more={"Mine": "ml_gcn"}, counted={"old": "ml_gcn"})
    files = tables.inputs(book, ["p_P"])
    assert files[-1] == tables.COUNTS and len(files) == 1 + 8
    assert tables.systems(book.tables["p_P"]) == {"old": "baseline", "Mine": "ml_gcn"}
    found = tables.recipe(book, "p_P")
    assert found["costs"] == tables.COUNTS
    assert found["note"] == book.size.note != "" and found["protocol"] != ""
    alone = tables.recipe(book_with(columns=columns[1:]), "p_P")  # which nothing was trained for
    assert (alone["note"], alone["protocol"], alone["scores"]) == ("", "", {"old": {}})
    assert tables.recipe(book_with(), "p_P")["costs"] is None


def test_the_costs_of_a_row_are_those_of_its_network(table, values, tmp_path):
    entries = [{"method": "new@b", "gflops": 1.5}, {"method": "extra", "gflops": 30}]
    (tmp_path / "counts.json").write_text(json.dumps(entries))
    table |= {"costs": str(tmp_path / "counts.json"), "columns": [{"costs": ["gflops"]}]}
    text = tables.cells(table, PUBLISHED, TITLES).to_csv(index=False)
    assert (
        "New b,gflops,,1.500000,,,reproduced" in text
        and "Extra,gflops,,30.000000,,,reproduced" in text
    )
    assert "Old,gflops,,,,,quoted" in text
    assert "| Extra | here | 30.00 |" in markdown(table)


def test_heads_of_columns():
    table = {"titles": {"voc2007": "VOC 2007"}, "counted_network": ""}
    assert rendering.header(table, "voc2007 10% mAP") == "VOC 2007 10% mAP"
    assert rendering.header(table, "AP:hot dog") == "hot dog"
    assert rendering.header(table, "voc2007 AP:dog") == "VOC 2007 dog"
    assert rendering.header(table, "CF1_top3") == "CF1 top3"
    assert rendering.header(table, "params_m") == "parameters (M)"
    counted = table | {"counted_network": "ResNet-101"}
    assert rendering.header(counted, "params_m") == "parameters (M), ResNet-101"


def test_every_table_of_every_study_fits_its_published_rows():
    titles = tables.read_published(ROOT / "workflow/published/systems.csv")
    titles["order"] = titles["order"].astype(int)
    for study in ("mini", "laptop", "evening", "paper"):
        book = read_study(ROOT / "workflow/config", {"study": study})
        for name in tables.of_study(book):
            table = tables.recipe(book, name)
            published = tables.read_published(ROOT / f"workflow/published/{table['paper']}.csv")
            without_scores = table | {"scores": {}, "costs": None}
            cells = tables.cells(without_scores, published, titles)
            assert not cells.duplicated(["row", "column"]).any(), name
            printed = published[published["table"] == table["table"]]
            assert (cells["published"] != "").sum() == len(printed), f"{name} leaves cells out"
