"""The audit finds a planted mistake of each kind, and nothing else."""

import csv
import json
import random
import shutil

import pytest
from audit_cases import CLAIMS, CLEAN, FIRST, PLANTED, write
from conftest import ROOT

from labelgraph.__main__ import main
from labelgraph.review.audit import checking, claims, listing
from labelgraph.review.audit.findings import KINDS

PUBLISHED = ROOT / "workflow/published"


def found(folder):
    return [
        (each.table, each.column, each.printed, each.recomputed, each.kind, each.sure)
        for each in checking.run(folder)
    ]


def test_tables_without_a_mistake_have_no_finding(tmp_path, capsys):
    assert checking.run(write(tmp_path / "clean")) == []
    assert main(["audit", "--published", str(tmp_path / "clean")]) == 0
    assert capsys.readouterr().out == "0 findings: 0 certain, 0 likely, 0 hints\n"


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_is_found_and_nothing_else(tmp_path, mistake):
    row, cells, expected = PLANTED[mistake]
    rows = CLEAN | {row: CLEAN.get(row, {}) | cells}
    if mistake == "another size":
        rows |= {("ml_sgm", "I", "coco2014", "fourth", "(576, 576)"): {"mAP": "70.5"}}
    assert sorted(found(write(tmp_path, rows))) == sorted(expected)


def test_a_row_marked_as_the_papers_own_that_is_copied(tmp_path):
    cells = {f"AP:{letter}": "80.0" for letter in "abcdefghij"} | {"mAP": "80.0"}
    rows = CLEAN | {
        ("ml_gcn", "A", "voc2007", "base", ""): cells,
        ("ml_sgm", "II", "voc2007", "base", ""): cells,
    }
    assert found(write(tmp_path / "plain", rows)) == []
    titles = {("ml_sgm", "II", "base"): "Base*"}
    assert found(write(tmp_path / "starred", rows, titles=titles)) == [
        ("II", "mAP", "80.0", "80.0", "copied row", "likely")
    ]


def test_one_name_for_two_systems(tmp_path):
    titles = {("ml_sgm", "I", "third"): "SST", ("ml_sgm", "V", "new"): "SST"}
    titles |= {("ml_sgm", table, "new"): "SST" for table in ("I", "V", "VIII", "IX")}
    names = [each for each in checking.run(write(tmp_path, titles=titles)) if each.kind == "name"]
    assert [(each.row, each.sure) for each in names] == [("SST (448, 448)", "hint")]


WRONG_CLAIMS = {
    "value": (0, "75.0", "75.2", ("2", "mAP", "75.2", "75.0", "claim", "certain")),
    "gain": (1, "5.0", "5.2", ("2", "mAP", "5.2", "5.0", "claim", "certain")),
    "gain of unrounded values": (1, "5.0", "5.1", ("2", "mAP", "5.1", "5.0", "claim", "hint")),
    "above": (2, "new *,coco2014 old *", "old mAP,coco2014 new mAP",
              ("2", "mAP", "70.0", "75.0", "claim", "certain")),
    "wins": (3, "*,,2", "*,,1", ("2", "mAP", "1", "2", "claim", "certain")),
    "best": (4, "new * mAP", "third * mAP", ("I", "mAP", "74.0", "75.0", "claim", "certain")),
    "lead": (5, "new (448, 448)", "third (448, 448)", ("I", "CP", "79.0", "80.0", "claim", "hint")),
    "percent": (6, ",17", ",12", ("IX", "images_per_second", "12", "17", "claim", "certain")),
    "a row that is not there": (0, "new", "base", ("2", "mAP", "75.0", "", "claim", "certain")),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG_CLAIMS)
def test_a_claim_that_the_table_contradicts(tmp_path, kind):
    place, old, new, expected = WRONG_CLAIMS[kind]
    assert old in CLAIMS[place]
    lines = [*CLAIMS[:place], CLAIMS[place].replace(old, new, 1), *CLAIMS[place + 1 :]]
    assert found(write(tmp_path, claims=lines)) == [expected]


def test_a_claim_about_another_row_is_recognised(tmp_path):
    """A gain that only fits if sizes are mixed; a value of another size."""
    lines = [
        'ml_sgm,I,gain,gain,"coco2014 new (448, 448) mAP","coco2014 third (448, 448) mAP",2.0',
        'ml_sgm,I,its mAP,value,"coco2014 new (448, 448) mAP",,76.0',
    ]
    gain, value = checking.run(write(tmp_path, claims=lines))
    assert gain.sure == value.sure == "likely"
    assert gain.reason.endswith("it is right for New (448, 576) against Third")
    assert value.reason.endswith("76.0 is mAP of New (448, 576)")


def test_a_claim_about_a_figure_has_no_cells_to_be_compared_with(tmp_path):
    lines = [
        "gm_mlic,Fig. 4,best value,best,coco2014 new k = 2 mAP,,",
        "gm_mlic,Fig. 4,falls,above,coco2014 new k = 2 mAP,coco2014 new k = 3 mAP,",
    ]
    folder = write(tmp_path, claims=lines)
    best, above = claims.read(folder)
    assert best.figure == above.figure == "4"
    assert above.against == claims.Place("coco2014", "new", "k = 3", "mAP")
    assert checking.run(folder) == []


def test_rounding_alone_is_never_a_finding(tmp_path):
    """Rows printed from exact values, to one digit: half of them round up, half down."""
    draw = random.Random(0)
    rows = {}
    for number in range(300):
        p, r = draw.uniform(30, 99), draw.uniform(30, 99)
        names = [f"AP:{label}" for label in range(20)]
        aps = [draw.uniform(40, 100) for _ in names]
        parts = [sorted(draw.uniform(20, 90) for _ in range(9))]
        exact = {"OP": p, "OR": r, "OF1": 2 * p * r / (p + r)}
        exact |= {"CP": p, "CR": r, "CF1": 2 * p * r / (p + r)}
        exact |= dict(zip(names, aps, strict=True)) | {"mAP": sum(aps) / 20}
        key = ("ml_sgm", "II", "voc2007", f"m{number}")
        rows[(*key, "")] = {name: f"{value:.1f}" for name, value in exact.items()}
        for tens, value in enumerate(*parts, 1):
            rows["ml_sgm", "V", "voc2007", f"m{number}", f"{tens}0%"] = {"mAP": f"{value:.1f}"}
        rows["ml_sgm", "V", "voc2007", f"m{number}", "avg"] = {"mAP": f"{sum(*parts) / 9:.1f}"}
    assert [each for each in checking.run(write(tmp_path, rows, [])) if each.sure != "hint"] == []


@pytest.mark.parametrize(("printed", "wrong"), [("74.5", True), ("74.6", False), ("74.8", True)])
def test_the_limit_of_what_rounding_explains(tmp_path, printed, wrong):
    """80.0 and 70.0 stand for 79.95 to 80.05 and 69.95 to 70.05: from 74.617 to 74.717."""
    rows = CLEAN | {FIRST: CLEAN[FIRST] | {"OP": "80.0", "OR": "70.0", "OF1": printed}}
    kinds = [each.kind for each in checking.run(write(tmp_path, rows))]
    assert ("harmonic F1" in kinds) == wrong


def test_the_committed_list_is_what_the_code_finds():
    findings = checking.run(PUBLISHED)
    assert (ROOT / "results/tables/audit.csv").read_text() == listing.as_csv(findings)
    assert (ROOT / "results/tables/audit.md").read_text() == listing.as_markdown(findings)
    assert {each.kind for each in findings} == {*KINDS}


def test_findings_are_noted_beside_the_numbers():
    """The notes of workflow/published/ were written by hand, and the audit does not read them."""
    noted = set()
    for paper in ("ml_gcn", "gm_mlic", "ia_gcn", "ml_sgm"):
        with (PUBLISHED / f"{paper}.csv").open(newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["note"]]
        noted |= {(paper, row["table"], row["dataset"], row["metric"]) for row in rows}
    for each in checking.run(PUBLISHED):
        if each.kind in ("number", "claim", "quoted value", "harmonic F1") or "mean" in each.kind:
            place = (each.paper, each.table, each.dataset, each.column)
            # A claim that mixes sizes is noted beside the cell that it comes from.
            assert place in noted or each.sure == "hint", each


def test_the_command_prints_and_writes_the_list(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["audit", "--json", "--csv", str(tmp_path / "list.csv")]) == 1
    listed = json.loads(capsys.readouterr().out)
    with (tmp_path / "list.csv").open(newline="") as stream:
        assert [*csv.DictReader(stream)] == listed
    assert len(listed) == len(checking.run(PUBLISHED))
    assert main(["audit", "--least", "certain"]) == 1
    shown = capsys.readouterr().out
    assert "certain: ia_gcn, table 2, Atten-Reinforce, voc2007 mAP" in shown
    assert "hint:" not in shown


BROKEN = {
    "no file": (lambda folder: (folder / "ia_gcn.csv").unlink(), "ia_gcn.csv is missing"),
    "fields": (
        lambda folder: (folder / "ia_gcn.csv").write_text("a\nb,c\n"),
        "ia_gcn.csv, line 2: 2 fields, expected 7",
    ),
    "no title": (
        lambda folder: (folder / "ia_gcn.csv").write_text("a\n9,voc2007,x,,mAP,1.0,\n"),
        "systems.csv has no title for this row",
    ),
    "binary": (
        lambda folder: (folder / "ia_gcn.csv").write_bytes(b"\xff\xfe\0\0"),
        "ia_gcn.csv is not csv text",
    ),
    "claim": (
        lambda folder: (folder / "claims.csv").write_text("a\ngm_mlic,2,x,boast,a b c,,\n"),
        "claims.csv, line 2: kind is 'boast', not one of",
    ),
    "claimed number of a figure": (
        lambda folder: (folder / "claims.csv").write_text("a\ngm_mlic,Fig. 4,x,value,a b c,,1\n"),
        "claims.csv, line 2: Fig. 4 prints no numbers, so kind cannot be 'value'",
    ),
    "claimed cell": (
        lambda folder: (folder / "claims.csv").write_text("a\ngm_mlic,2,x,value,mAP,,1.0\n"),
        "cell 'mAP': expected DATASET METHOD [SETTING] METRIC",
    ),
    "no counts": (
        lambda folder: (folder / "image_counts.csv").unlink(),
        "image_counts.csv is missing",
    ),
    "counts": (
        lambda folder: (folder / "image_counts.csv").write_text(
            "a\nx,coco2014,many,1,,,text,paper\n"
        ),
        "image_counts.csv, line 2: train and test are 'many' and '1', not two counts",
    ),
    "counted twice": (
        lambda folder: (folder / "image_counts.csv").write_text(
            "a\n" + 2 * "x,coco2014,2,1,,,text,paper\n"
        ),
        "image_counts.csv, line 3: x on coco2014 is given twice",
    ),
    "labels": (
        lambda folder: (folder / "image_counts.csv").write_text(
            "a\nx,coco2014,2,1,few,,text,paper\n"
        ),
        "image_counts.csv, line 2: labels is 'few', not a number",
    ),
    "sure": (
        lambda folder: (folder / "image_counts.csv").write_text(
            "a\nx,coco2014,2,1,,,text,surely\n"
        ),
        "image_counts.csv, line 2: sure is 'surely', not one of",
    ),
    "claim without a number": (
        lambda folder: (folder / "claims.csv").write_text("a\ngm_mlic,2,x,value,a b c,,\n"),
        "`value` is needed by",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_get_a_sentence(tmp_path, capsys, kind):
    harm, told = BROKEN[kind]
    harm(write(tmp_path / "published"))
    assert main(["audit", "--published", str(tmp_path / "published")]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "voc2007 sst_pl 10% mAP",
            "voc2007 sst_p 10% mAP",
            "system 'sst_p'; did you mean 'sst_pl'?",
        ),
        ("vg200 sst_pl 10% mAP", "vg20 sst_pl 10% mAP", "dataset 'vg20'; did you mean 'vg200'?"),
        ("sst_pl 10% mAP", "sst_pl 10% MAP", "metric 'MAP'; did you mean 'mAP'?"),
    ],
)
def test_a_misspelt_name_is_a_mistake_of_the_file_and_not_of_the_paper(
    old, new, said, tmp_path, capsys
):
    folder = tmp_path / "published"
    shutil.copytree(PUBLISHED, folder)
    text = (folder / "claims.csv").read_text()
    (folder / "claims.csv").write_text(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    assert main(["audit", "--published", str(folder)]) == 2
    assert f"claims.csv, line {line}: no table has the {said}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "table,dataset,method,setting,metric,value,note\n"])
def test_a_paper_without_lines_is_named(text, tmp_path, capsys):
    folder = tmp_path / "published"
    shutil.copytree(PUBLISHED, folder)
    (folder / "ia_gcn.csv").write_text(text)
    assert main(["audit", "--published", str(folder)]) == 2
    assert "ia_gcn.csv has no table '1'" in capsys.readouterr().err
