"""The report says what the tables say, and is a folder that stands alone."""

import contextlib
import csv
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from html.parser import HTMLParser
from statistics import fmean, stdev

import pandas as pd
import pytest
import report_cases as cases
from conftest import ROOT

from labelgraph import models
from labelgraph.figures import plans
from labelgraph.jobs.provenance import CIRCUMSTANCES
from labelgraph.report import (
    against_baseline,
    against_published,
    cost_plots,
    figure_files,
    method_pages,
    overview,
    pagefiles,
    rest,
    site,
)
from labelgraph.report.runs import value
from labelgraph.steps import write_report
from labelgraph.study import recipes
from labelgraph.study.config import read_study, run_of
from labelgraph.tables import tables

MINUS = "\N{MINUS SIGN}"
VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """All elements of a page, and the cells of its tables of numbers."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.tables = [], [], []
        self.feed(text)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append({"columns": [], "rows": []})
        elif tag == "th" and "data-column" in attributes:
            self.tables[-1]["columns"].append(attributes["data-column"])
        elif tag == "th" and attributes.get("scope") == "row":
            self.tables[-1]["rows"].append({"title": "", "cells": []})
        elif tag == "td" and self.tables[-1]["rows"]:
            self.tables[-1]["rows"][-1]["cells"].append(attributes | {"texts": defaultdict(str)})
        self.kind = attributes.get("class", "").split(" ")[0]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        rows = self.tables[-1]["rows"] if self.tables else []
        if not rows or "table" not in self.open:
            return
        if self.open[-1] == "th":
            rows[-1]["title"] += text.strip()
        elif rows[-1]["cells"] and text.strip():
            rows[-1]["cells"][-1]["texts"][self.kind] = text.strip()

    def cells(self):
        """Row and column -> attributes and texts."""
        return {
            (row["title"], column): cell
            for table in self.tables
            for row in table["rows"]
            for column, cell in zip(table["columns"], row["cells"], strict=False)
        }


def pages(folder):
    return sorted(folder.rglob("*.html"))


def study(folder):
    """What runs.js defines."""
    text = (folder / pagefiles.RUNS).read_text()
    found = re.fullmatch(r'"use strict";\nconst STUDY = (.*);\n', text)
    return json.loads(found[1])


def lines(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_folder_holds_what_the_rule_says_and_the_figures(study_report):
    there = {path.relative_to(study_report).as_posix() for path in study_report.rglob("*.*")}
    with contextlib.chdir(study_report.parents[2]):
        methods = method_pages.shown(read_study(cases.CONFIG, cases.GIVEN))
    assert there == {*pagefiles.files(cases.GIVEN["tables"], ["ml_sgm_7"], methods)}


def test_every_link_leads_to_something_in_the_folder(study_report):
    marks = {
        page: {attributes.get("id") for _, attributes in Page(page.read_text()).elements}
        for page in pages(study_report)
    }
    for page in marks:
        for tag, attributes in Page(page.read_text()).elements:
            target = attributes.get("href", attributes.get("src"))
            if target is None or target == "data:,":
                continue
            if page.parent.name == "methods" and target.startswith("https://"):
                assert tag == "a"  # the paper
                continue
            name, _, mark = target.partition("#")
            path = (page.parent / name.split("?")[0]).resolve() if name else page
            assert path.is_file() and path.is_relative_to(study_report.resolve()), (page, target)
            assert not mark or mark in marks[study_report / path.relative_to(study_report)], target
            assert tag in {"a", "link", "script", "img"}


def test_nothing_is_fetched_and_no_module_is_loaded(study_report):
    for path in study_report.rglob("*.*"):
        if path.suffix in {".html", ".js", ".css"}:
            text = path.read_text()
            assert not re.search(
                r"fetch\(|XMLHttp|import\(|type=.module|@import|url\(|innerHTML", text
            )


@pytest.mark.parametrize("name", cases.GIVEN["tables"])
def test_every_cell_of_every_table_is_there_with_what_stands_behind_it(study_report, name):
    cells = Page((study_report / f"tables/{name}.html").read_text()).cells()
    known, checked = study(study_report), 0
    for line in lines(study_report / f"tables/{name}.csv"):
        if not line["published"] and line["status"] == "quoted":
            continue
        cell = cells[line["row"], line["column"]]
        assert cell["texts"]["print"] == line["published"]
        ours = line["status"] == "reproduced"
        assert ("data-runs" in cell or "data-network" in cell) == ours
        if "data-runs" in cell:
            runs = [known["runs"][int(place)] for place in cell["data-runs"].split(" ")]
            metric = line["column"].split(" ")[-1]
            of_seed = defaultdict(list)  # an average over tasks has several runs of each
            for run in runs:
                of_seed[run["seed"]].append(value(known["pools"], run, metric))
            values = [fmean(each) for each in of_seed.values()]
            assert f"{fmean(values):.6f}" == line["reproduced"]
            assert cell["texts"]["here"] == f"{fmean(values):.1f}"
            deviation = f"± {stdev(values):.1f}" if line["std"] else ""
            assert cell["texts"]["sd"] == deviation
            checked += 1
        if ours and line["published"]:
            gap = float(line["reproduced"]) - float(line["published"])
            places = 1 if line["seeds"] else 2  # a count
            assert cell["texts"]["gap"].replace(MINUS, "-") == f"{gap:+.{places}f}"
    assert checked or name == "ml_sgm_VIII"


def test_pages_name_what_ran_beside_the_published_name(study_report):
    page = (study_report / "tables/ml_sgm_II.html").read_text()
    name = "EfficientNet-Lite0, linear (average pooling)"
    assert f'<th scope="row">ResNet-101*<br><small>here: {name}</small></th>' in page
    assert '<th scope="row">ADD-GCN*</th>' in page  # the star is the paper's
    runs = (study_report / "runs.html").read_text()
    assert "<td>drawn, VOC 2007 layout</td>" in runs and "ResNet-101" not in runs


def test_a_method_has_a_page_with_idea_code_results_recipe_and_cost(study_report):
    text = " ".join((study_report / "methods/ml_sgm.html").read_text().split())
    source = (ROOT / "src/labelgraph/models/ml_sgm/ml_sgm.py").read_text()
    idea = source.split(": ", 1)[1].split("\n")[0].rstrip(".")
    assert idea[1:60].split("`")[0] in text
    assert "def build(" in text and "src/labelgraph/models/ml_sgm/instances.py" in text
    assert "class=&#34;" not in text.split('id="code"')[0]
    for name in ("ml_sgm_II", "ml_sgm_VIII", "ml_sgm_control"):
        assert f'href="../tables/{name}.html"' in text
    assert "&lt;img src=x onerror=" in text and "<img" not in text  # from the recipe
    assert ">ml_sgm/CSAC</code>" in text and "ml_gcn/" not in text.split('id="cost"')[1][:3000]
    with contextlib.chdir(study_report.parents[2]):
        book = read_study(cases.CONFIG, cases.GIVEN)
    number = recipes.numbered(book.recipes, "ml_sgm")
    same = str(number[cases.SAME])  # stands after the departures
    wanted = [str(each) for each in number.values() if str(each) != same]
    assert re.findall(r'<li id="note-(\d+)"', text) == [*wanted, same]
    before, after = text.split("Notes on what is no departure")
    assert f'id="note-{same}"' in after and f'id="note-{wanted[-1]}"' in before
    (count,) = re.findall(
        r'ml_sgm.html">.*?<td class="number">\d+</td>\s*<td class="number">(\d+)</td>',
        (study_report / "methods.html").read_text(),
        re.S,
    )
    grey = re.findall(r'<li id="note-(\d+)" value="\1" class="absent"', text)
    apply = {number[note] for note in book.departures("ml_sgm", ["full", "partial", "fewshot"])}
    assert {int(each) for each in grey} == {*number.values()} - apply
    assert int(count) == len(apply - {int(same)})


def test_a_method_shows_its_results_in_other_studies(study_report):
    text = (study_report / "methods/ml_gcn.html").read_text()
    (row,) = re.findall(
        r"<tr>.*?</tr>", text.split('id="elsewhere"')[1].split("</table>")[0], re.S
    )[1:]
    assert "<small>laptop</small>" in row and '81.5 <span class="sd">± 0.3</span>' in row
    assert 'id="elsewhere"' not in (study_report / "methods/dsdl.html").read_text()
    assert not [page for page in pages(study_report) if "nobody" in page.read_text()]


def test_a_table_names_departures_by_the_numbers_on_the_methods_page(study_report):
    text = (study_report / "tables/ml_sgm_II.html").read_text()
    places = re.findall(r'href="(../methods/\w+.html)#departures"', text)
    assert "../methods/ml_sgm.html" in places and len(places) == len({*places}) > 5
    assert text.count("<li>") < 12


def test_the_search_page_has_every_row_of_every_table(study_report):
    text = (study_report / "search.html").read_text()
    wanted = re.findall(r'href="tables/(\w+).html#(row[\d-]+)"', text)
    there = [
        (path.stem, mark)
        for path in sorted((study_report / "tables").glob("*.html"))
        for mark in re.findall(r'<tr id="(row[\d-]+)"', path.read_text())
    ]
    assert sorted(wanted) == sorted(there) and len(there) > 30
    assert "&lt;img src=x onerror=" in text


def test_the_idea_of_every_method_is_a_sentence():
    for name in models.available():
        idea, *about = method_pages.docstring(name)
        assert idea.endswith(".") and idea[0].isupper() and len(idea) > 30, name
        assert not any(each.startswith("Shapes") for each in about), name


def test_findings_of_the_audit_stand_beside_their_cells(study_report):
    text = (study_report / "tables/ml_sgm_II.html").read_text()
    found = [
        line
        for line in lines(study_report.parents[2] / "results/tables/audit.csv")
        if (line["paper"], line["table"]) == ("ml_sgm", "II")
    ]
    assert found
    assert text.count("<sup>†</sup>") == len({(line["row"], line["column"]) for line in found})
    assert text.count('id="finding-') == len(found)
    contradictions, hints = text.split("<h2>† Hints")
    assert contradictions.count('id="finding-') == sum(line["sure"] != "hint" for line in found)
    assert hints.count(", hint</small>") == sum(line["sure"] == "hint" for line in found)
    assert (study_report / "audit.html").read_text().count('href="tables/ml_sgm_II.html#') == len(
        found
    )


def test_what_runs_share_is_written_once(study_report):
    known = study(study_report)
    assert len(known["runs"]) > 40
    text = (study_report / pagefiles.RUNS).read_text()
    for values in known["pools"].values():
        written = [json.dumps(value, sort_keys=True) for value in values]
        assert len(written) == len(set(written))
    assert all(text.count(digest) == 1 for _, digest in known["pools"]["files"])


def test_text_is_text_whatever_it_says(study_report):
    for page in pages(study_report):
        elements = Page(page.read_text()).elements
        scripts = [attributes for tag, attributes in elements if tag == "script"]
        assert len(scripts) == 3 and all("src" in attributes for attributes in scripts)
        assert not [name for _, attributes in elements for name in attributes if name[:2] == "on"]
    assert not set("<>&") & set((study_report / pagefiles.RUNS).read_text())
    hostile = (study_report / "tables/ml_sgm_hostile.html").read_text()
    assert "A caption &amp; &lt;script&gt;" in hostile
    assert "{{ 7 * 7 }}" in hostile


def test_the_same_inputs_give_the_same_bytes_and_old_pages_go(study_report, tmp_path):
    stale = tmp_path / "mini/tables/ml_sgm_gone.html"
    stale.parent.mkdir(parents=True)
    stale.write_text("from a study that made this table")
    with contextlib.chdir(study_report.parents[2]):
        write_report.main(cases.GIVEN, cases.CONFIG, cases.places(), tmp_path)
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (study_report, tmp_path / "mini")
    )
    assert first == second


def test_the_overview_answers(study_report):
    text = " ".join((study_report / "index.html").read_text().split())
    runs = len(study(study_report)["runs"])
    assert f"{runs} trainings" in text
    assert "the control: nothing for a graph to find" in text
    assert re.search(
        r"cells have a published value; on average ours is [\d.]+ points (below|above) it", text
    )
    assert re.search(
        r"Of \d+ pairs of rows that the papers rank by mAP, \d+ have the same order", text
    )


def test_a_report_of_some_tables_says_what_the_others_would_train(study_report):
    text = (study_report / "index.html").read_text().split('id="rest"')[1]
    listed = re.findall(r'<code>(\w+)</code></th><td>table</td><td class="number">(\d+)<', text)
    with contextlib.chdir(study_report.parents[2]):
        whole, book = (
            read_study(cases.CONFIG, {"seeds": [0, 1]}),
            read_study(cases.CONFIG, cases.GIVEN),
        )
    assert {name for name, _ in listed} == {*tables.of_study(whole)} - {*cases.GIVEN["tables"]}
    known = {*rest.behind_tables(book, cases.GIVEN["tables"])}
    assert {"", "longer"} <= {run.variant for run in known}
    for name, count in listed:
        if not any(run.task.startswith("fewshot") for run in tables.runs(whole, [name])):
            assert int(count) == len({*rest.behind_tables(whole, [name])} - known), name
    assert not rest.read(whole, whole)


def test_a_table_names_the_methods_that_have_not_converged(study_report):
    said = "Not converged: twice the epochs give ADD-GCN +4.2 (checked on: drawn"
    texts = {path.stem: path.read_text() for path in (study_report / "tables").glob("*.html")}
    assert {name for name, text in texts.items() if said in text} == {"ml_sgm_II", "ml_sgm_control"}
    assert not [name for name, text in texts.items() if text.count("Not converged") > 1]


def test_a_report_of_some_figures_says_what_the_others_would_train():
    chosen = {"tables": ["ml_gcn_VOC"], "figures": ["ml_gcn_5"]}
    whole, book = (read_study(ROOT / "workflow/config", given) for given in ({}, chosen))
    found = {each.name: each for each in rest.read(whole, book) if each.kind == "figure"}
    assert {*found} == {*plans.of_study(whole)} - {"ml_gcn_5"}
    known = {*tables.runs(book, chosen["tables"])}
    known |= {*rest.behind_figure(book, "ml_gcn_5", plans.of_study(book)["ml_gcn_5"])}
    needed = {*rest.behind_figure(whole, "ml_sgm_8", plans.of_study(whole)["ml_sgm_8"])}
    assert found["ml_sgm_8"].trainings == len(needed - known) > 5
    assert found["ml_sgm_8"].caption.startswith("ML-SGM: mAP against the selection threshold")


def test_verdicts_come_first_and_lead_to_their_runs(study_report):
    first = (study_report / "index.html").read_text()
    assert "Of 2 claims, 1 can be judged here: 1 hold, 0 fail, 0 are undecided" in first
    assert first.index('id="verdicts"') < first.index('class="answers"')
    assert "drawn, VOC 2007 layout (30 report images, 2 seeds): " in first
    assert "Does a graph help?" not in first  # by seeds alone, which the intervals replace
    text = (study_report / "claims.html").read_text()
    assert "&lt;script&gt;document.title" in text and "&lt;img src=x" in text
    known = study(study_report)
    (row,) = re.findall(r"<tr>\s*<th[^>]*>ahead of ResNet-101.*?</tr>", text, re.S)
    places = re.search(r'data-runs="([\d ]+)"', row)[1].split(" ")
    assert [known["runs"][int(place)]["folder"] for place in places] == [
        f"mini/full/voc2007/{system}/seed{seed}"
        for system in ("ssgrl", "baseline")
        for seed in (0, 1)
    ]
    assert "2.0 [0.5, 3.5]" in row
    page = " ".join((study_report / "methods/ml_sgm.html").read_text().split())
    assert 'holds (1), not run (1): <a href="../claims.html?q=ML-SGM">' in page
    assert 'id="pairs"' in text and text.count(">a pair<") == 1


def test_a_report_without_verdicts_says_who_is_ahead_by_seeds(study_report, tmp_path):
    with contextlib.chdir(study_report.parents[2]):
        places = replace(cases.places(), claims=None)
        write_report.main(cases.GIVEN, cases.CONFIG, places, tmp_path)
    first = (tmp_path / "mini/index.html").read_text()
    assert "Does a graph help?" in first and 'id="verdicts"' not in first
    assert " (control)</th>" in first
    assert "every seed is above every seed of the baseline" in first and "interval" not in first
    assert "This report has no verdicts" in (tmp_path / "mini/claims.html").read_text()


def test_runs_that_were_trained_elsewhere_have_no_cost_here(study_report, tmp_path):
    """As in a clone that pulled them."""
    left = shutil.ignore_patterns(CIRCUMSTANCES)
    with contextlib.chdir(study_report.parents[2]):
        shutil.copytree("results/runs", tmp_path / "runs", ignore=left)
        places = replace(cases.places(), runs=tmp_path / "runs")
        write_report.main(cases.GIVEN, cases.CONFIG, places, tmp_path / "report")
    made = tmp_path / "report/mini"
    assert "<dd>unknown: the runs were trained elsewhere</dd>" in (made / "index.html").read_text()
    costs = (made / "costs.html").read_text()
    assert "trained elsewhere</td>" in costs and "processor seconds of a training" not in costs
    assert "This study trained it" in (made / "methods/ml_gcn.html").read_text()
    known, before = study(made)["runs"], study(study_report)["runs"]
    assert {run["cpu"] for run in known} == {None}
    assert [run["values"] for run in known] == [run["values"] for run in before]


def test_costs_are_those_counted_and_those_measured(study_report):
    text = (study_report / "costs.html").read_text()
    assert text.count(">resnet101</code>") == 2
    assert ">peak memory of a training step (MB)<" in text and ">812<" in text
    assert ">41.00<" in text and "were not measured" not in text


def test_accuracy_is_drawn_against_each_cost_with_the_machine_named(study_report):
    text = (study_report / "costs.html").read_text()
    drawings = re.findall(r'aria-label="mAP against ([^"]*)"', text)
    headings = [each.split(":")[0] for each in drawings]
    assert "parameters (M)" in headings and "processor seconds of a training here" in headings
    assert any("ML-GCN: 44, mAP" in each for each in drawings)
    assert "on made up, 2 cores" in text and "On &lt;script&gt;" in text
    for drawing in re.findall(r"<svg viewBox.*?</svg>", text, re.S):
        places = re.findall(r'class="name" x="([\d.-]+)" y="([\d.-]+)"', drawing)
        assert len(set(places)) == len(places) == drawing.count("<circle") > 2
        assert all(0 <= float(x) < 430 and 0 < float(y) < 290 for x, y in places)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.2, 8.9], [0, 2, 4, 6, 8, 10]), ([5.0, 5.0], [4, 4.5, 5, 5.5, 6]), ([0, 990], None)],
)
def test_ticks_are_round_and_around_all_values(values, expected):
    found = cost_plots.ticks(values)
    assert expected is None or found == expected
    assert found[0] <= min(values) and found[-1] >= max(values) and 4 <= len(found) <= 8


def test_a_figure_has_its_number_and_its_numbers(study_report):
    text = (study_report / "figures.html").read_text()
    assert "ML-SGM, figure 7" in text
    assert re.search(
        r"<th scope=.col.>a</th><th scope=.col.>b</th>.*<td>1</td><td>2</td>", text, re.S
    )


def a_gain(method, baseline, intervals=None):
    """Of two systems with these values, a seed each."""
    values, runs = {}, {}
    for system, found in (("ml_gcn", method), ("baseline@max", baseline)):
        runs[system] = [run_of("mini", "full", "voc2007", system, k) for k in range(len(found))]
        values |= {run.folder: value for run, value in zip(runs[system], found, strict=True)}
    return against_baseline.gain(*runs.values(), values, intervals or {})


def test_gains_by_hand():
    found = a_gain([71.0, 74.0], [70.0, 69.0])
    assert (found.mean, found.seeds, found.band) == (3.0, (1.5, 4.5), (-0.5, 0.5))
    fewer = a_gain([71.0], [70.0, 69.0])  # against the baseline of the same seed
    assert (fewer.mean, fewer.seeds, fewer.band) == (1.0, (1.0,), (0.0, 0.0))
    assert found.std == pytest.approx((4.5 + 0.5) ** 0.5)
    assert found.verdict == against_baseline.AHEAD
    assert a_gain([70.5, 71.0], [70.0, 70.8]).verdict == against_baseline.LEVEL
    assert a_gain([60.0, 61.0], [62.0, 61.5]).verdict == against_baseline.BEHIND
    alone = a_gain([70.0], [60.0])
    assert alone.verdict == against_baseline.UNKNOWN
    assert overview.Place("", False, {"a": alone}, "").verdicts == []
    both = overview.Place("", False, {"a": alone, "b": found}, "")
    assert both.verdicts == [("ahead", 1), ("level", 0), ("behind", 0)]


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [((0.1, 9.0), "ahead"), ((-0.1, 9.0), "no clear difference"), ((-9.0, -0.1), "behind")],
)
def test_the_interval_of_the_claims_decides_and_seeds_do_not(ends, verdict):
    """Each seed is far above the baseline's, which alone would be ahead."""
    found = a_gain([71.0, 74.0], [70.0, 69.0], {("voc2007", "ml_gcn", "baseline@max"): ends})
    assert (found.interval, found.verdict) == (ends, verdict)
    scale = overview.Place("", False, {"ml_gcn": found}, "").scale
    assert scale.low <= ends[0] and ends[1] <= scale.high  # the line is whole
    other = a_gain([71.0, 74.0], [70.0, 69.0], {("voc2007", "ml_gcn", "baseline"): ends})
    assert (other.interval, other.verdict) == (None, "ahead")


def test_strips_have_the_intervals_of_the_claims(study_report):
    text = (study_report / "index.html").read_text()
    (cell,) = re.findall(
        r"<td data-runs[^>]*>(?:(?!</td>).)*\[\+0\.5, \+3\.5\].*?</td>", text, re.S
    )
    assert '<span class="verdict ahead">ahead</span>' in cell
    assert '<line class="interval ahead"' in cell and " ± " not in cell
    assert "The line is the interval." in text and "every seed is above" not in text
    page = " ".join((study_report / "methods/ssgrl.html").read_text().split())
    assert 'points, <span class="verdict ahead">ahead</span>' in page
    assert "ahead and behind are those whose interval excludes zero" in page


def test_a_strip_has_room_for_every_seed():
    found = a_gain([60.0, 75.0], [70.0, 69.0])
    scale = overview.Place("", False, {"ml_gcn": found}, "").scale
    assert (scale.low, scale.high) == (-10, 6)
    assert [scale(points) for points in (-10, 6)] == [4, overview.WIDTH - 4]
    assert scale.length(0, 0) > 0


def test_each_dataset_has_a_scale_of_its_own():
    near, far = a_gain([70.5, 71.0], [70.0, 69.0]), a_gain([40.0, 75.0], [70.0, 69.0])
    low, wide = (overview.Place("", False, {"ml_gcn": each}, "").scale for each in (near, far))
    assert (low.low, low.high) == (-1, 2) and (wide.low, wide.high) == (-30, 6)


def test_a_control_stands_beside_its_dataset_before_all_others():
    book = read_study(ROOT / "workflow/config", {})
    one = a_gain([60.0, 75.0], [70.0, 69.0])
    found = {"coco2014": [one] * 3, "scenes_control": [one], "nuswide": [one], "scenes": [one] * 2}
    titles = ["drawn, with structure", "drawn, without structure", "drawn, MS-COCO layout"]
    placed = overview.places(book, found)
    assert [place.title for place in placed[:3]] == titles
    assert [place.control for place in placed] == [False, True, False, False]


def test_each_method_is_compared_with_a_baseline_that_exists():
    book = read_study(ROOT / "workflow/config", {})
    for method in book.methods:
        name, _, variant = against_baseline.against(book, method).partition("@")
        assert name == against_baseline.BASELINE
        assert variant in book.variants(name)


def test_the_order_of_rows_by_hand():
    rows = [("a", 90.0, 1.0), ("b", 91.0, 3.0), ("c", 92.0, 2.0), ("d", 92.0, 9.0)]
    lines = [
        pd.Series({"column": column, "published": str(old), "reproduced": str(new)})
        for column in ("mAP", "CF1")
        for _, old, new in rows
    ]
    assert against_published.order(lines) == (
        4,
        5,
    )  # of six pairs one is tied in print; b, c is turned


def test_durations_and_memory_are_in_the_largest_unit_of_which_there_are_two():
    assert [site.duration(seconds) for seconds in (0.31, 119, 130, 7100, 7300)] == [
        *("0.3 s", "119 s", "2.2 min", "118 min", "2.0 h")
    ]  # fmt: skip
    assert [site.memory(megabytes) for megabytes in (663.2, 1240)] == ["663 MB", "1.2 GB"]


def test_names_in_notes_are_set_apart_and_stay_text():
    assert site.prose("`<b>` & `c`") == "<code>&lt;b&gt;</code> &amp; <code>c</code>"


def test_a_figure_without_a_picture_is_named(tmp_path):
    (tmp_path / "f.md").write_text(cases.FIGURE)
    with pytest.raises(ValueError, match=r"f.md lacks \['f\.svg', 'f\.png'\]"):
        figure_files.read(tmp_path / "f.md")
    for kind in (".png", ".svg"):
        (tmp_path / f"f{kind}").touch()
    figure = figure_files.read(tmp_path / "f.md")
    assert (figure.notes, figure.table) == (("a note",), (("a", "b"), ("1", "2")))


def test_the_rule_makes_the_pages():
    given = ["--config", "tables=[ml_sgm_VIII]"]  # which needs no run
    command = [sys.executable, "-m", "snakemake", "-n", "-R", "write_report", *given, "--"]
    done = subprocess.run(
        [*command, "results/report"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^write_report +1$", done.stdout + done.stderr, re.M)
