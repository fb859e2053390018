"""Comparing tables names the cells that differ, and nothing else."""

import csv
import io
import json
import re
import subprocess
from dataclasses import fields
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import ROOT
from scipy.stats import kendalltau

from labelgraph.__main__ import main
from labelgraph.review.claims import listing
from labelgraph.review.claims.verdicts import NOT_RUN, Line
from labelgraph.review.comparing import comparison, page, sources, tolerances
from labelgraph.review.comparing.ranks import ranked, tau
from labelgraph.review.comparing.sources import Side

HEADER = "row,column,published,reproduced,std,seeds,status"
LINES = [
    HEADER,
    "Old,AP:dog,99.,,,,quoted",
    "Old,mAP,84.0,,,,quoted",
    "New,AP:dog,91.0,50.00,1.00,3,reproduced",
    "New,mAP,92.0,60.00,0.50,3,reproduced",
    '"Extra, ours",AP:dog,,40.00,2.00,3,reproduced',
    '"Extra, ours",mAP,,55.00,0.40,3,reproduced',
]
COMMITTED = ROOT / "results/tables/mini"


def write(folder, lines=LINES, name="p_T.csv"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n")
    return str(folder)


def changed(old, new, lines=LINES):
    assert sum(old in line for line in lines) == 1
    return [line.replace(old, new) for line in lines]


def compare(capsys, *arguments):
    """Exit code and what is printed as JSON."""
    code = main(["compare", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def refused(capsys, *arguments):
    """The one line about tables that cannot be compared."""
    assert main(["compare", *map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said


def test_the_same_tables_do_not_differ(tmp_path, capsys):
    a, b = write(tmp_path / "a"), write(tmp_path / "b")
    code, found = compare(capsys, a, b)
    assert code == 0
    assert not found["differs"]
    assert found["cells"] == 6
    assert found["differences"] == []
    assert [each["tau"] for each in found["ranks"]] == [1, 1]


def test_one_digit_of_a_committed_table_is_found(tmp_path, capsys):
    """The cell is named with its difference."""
    for path in COMMITTED.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "ml_sgm_II.csv"
    old = next(line for line in path.read_text().splitlines() if line.startswith("Ours,mAP,"))
    row, column, printed, ours, *rest = old.split(",")
    other = f"{Decimal(ours) + Decimal('0.10')}"
    path.write_text(path.read_text().replace(old, ",".join([row, column, printed, other, *rest])))
    code, found = compare(capsys, COMMITTED, tmp_path)
    assert code == 1
    assert found["differences"] == [
        {
            "table": "ml_sgm_II",
            "row": "Ours",
            "column": "mAP",
            "field": "reproduced",
            "a": ours,
            "b": other,
            "difference": 0.1,
            "tolerance": 0,
            "beyond": True,
        }
    ]


def test_verdicts_beside_the_tables_are_no_cells(tmp_path, capsys):
    a, b = write(tmp_path / "a"), write(tmp_path / "b")
    write(tmp_path / "a", ["paper,table,claim", "ml_sgm,II,best"], "claims.csv")
    code, found = compare(capsys, a, b)
    assert (code, found["cells"]) == (0, 6)


def test_the_largest_difference_comes_first(tmp_path, capsys):
    a = write(tmp_path / "a")
    lines = changed("60.00", "60.02", changed("50.00", "48.00", changed("1.00,3", "1.01,3")))
    code, found = compare(capsys, a, write(tmp_path / "b", lines), "--tolerance", "0.015")
    assert code == 1
    assert [each["difference"] for each in found["differences"]] == [-2, 0.02, 0.01]
    assert [each["beyond"] for each in found["differences"]] == [True, True, False]


def test_what_is_printed_is_new_minus_old(tmp_path, capsys):
    old, new = write(tmp_path / "a"), write(tmp_path / "b", changed("60.00", "60.10"))
    main(["compare", old, new])
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert said[:2] == [["old", old], ["new", new]]
    assert ["p_T", "New", "mAP", "reproduced", "60.00", "60.10", "+0.10", "0"] in said


def test_our_own_commands_name_the_old_tables_first():
    pages = [ROOT / "README.md", ROOT / ".ci/run", *(ROOT / "docs").rglob("*.md")]
    command = re.compile(r"labelgraph compare (\S+) (\S+)")
    pairs = [pair for page in pages for pair in command.findall(page.read_text())]
    assert pairs
    for old, new in pairs:
        assert new != "published", (old, new)
        assert "HEAD:" not in new or old.startswith("HEAD~"), (old, new)


@pytest.mark.parametrize(
    ("tolerance", "code"),
    [
        ("0", 1),
        ("0.09", 1),
        ("0.1", 0),
        ("machine", 0),
        ("exact", 1),
        ("mAP=0.1", 0),
        ("AP=5", 1),
        ("all=0.1", 0),
        ("machine,mAP=0.05", 1),
        ("mAP=0.05,machine", 1),
    ],
)
def test_a_tolerance_is_for_each_metric(tmp_path, monkeypatch, capsys, tolerance, code):
    monkeypatch.chdir(ROOT)
    a, b = write(tmp_path / "a"), write(tmp_path / "b", changed("60.00", "60.10"))
    assert compare(capsys, a, b, "--tolerance", tolerance)[0] == code


@pytest.mark.parametrize(
    ("tolerance", "told"),
    [
        ("-1", "'-1' is not a tolerance; expected a number, 0 or more"),
        ("nan", "no tolerance 'nan'"),
        ("machin", "did you mean 'machine'?"),
        ("map=1", "did you mean 'mAP'?"),
        ("mAP=x", "'x' is not a tolerance"),
        ("9e999999", "no tolerance '9e999999'"),
    ],
)
def test_a_wrong_tolerance_is_named(tmp_path, monkeypatch, capsys, tolerance, told):
    monkeypatch.chdir(ROOT)
    a = write(tmp_path / "a")
    assert told in refused(capsys, a, a, f"--tolerance={tolerance}")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("60.00,0.50,3,reproduced", ",,,quoted", "status"),
        ("84.0", "84.1", "published"),
        ("99.,", "99.7,", "published"),
        ("0.50,3", "0.50,2", "seeds"),
        ("60.00,0.50", "60.00,", "std"),
    ],
)
def test_fields_that_are_not_measured_may_not_differ_at_all(tmp_path, capsys, old, new, field):
    a, b = write(tmp_path / "a"), write(tmp_path / "b", changed(old, new))
    code, found = compare(capsys, a, b, "--tolerance", "1000")
    assert code == 1
    assert [each["field"] for each in found["differences"]] == [field]


def test_what_appeared_and_vanished_is_listed_once(tmp_path, capsys):
    rows = [*LINES[:3], "New,mAP,92.0,60.00,0.50,3,reproduced", "Row,mAP,,1.00,,1,reproduced"]
    a, b = tmp_path / "a", tmp_path / "b"
    write(a), write(a, name="p_old.csv")
    write(b, [*rows, "Old,CF1,,2.00,,1,reproduced"]), write(b, name="p_new.csv")
    code, found = compare(capsys, a, b)
    assert code == 1
    assert found["differences"] == []
    nothing = {"tables": [], "rows": [], "columns": [], "cells": []}
    assert found["vanished"] == nothing | {
        "tables": ["p_old"],
        "rows": [{"table": "p_T", "row": "Extra, ours"}],
        "cells": [{"table": "p_T", "row": "New", "column": "AP:dog"}],
    }
    assert found["appeared"] == nothing | {
        "tables": ["p_new"],
        "rows": [{"table": "p_T", "row": "Row"}],
        "columns": [{"table": "p_T", "column": "CF1"}],
    }


FIVE = (5, 4, 3, 2, 1)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((5, 4, 3, 2, 1), 1),
        ((1, 2, 3, 4, 5), -1),
        ((5, 3, 4, 1, 2), 0.6),  # 10 pairs, 2 turned: (8 - 2) / 10
        ((4, 5, 3, 2, 1), 0.8),  # 1 turned: (9 - 1) / 10
        ((5, 5, 3, 2, 1), 9 / 90**0.5),  # 1 of 10 pairs is even: 9 / sqrt(10 * 9)
        ((1, 1, 1, 1, 1), None),
    ],
)
def test_tau_of_five_rows_by_hand(other, expected):
    found = tau(FIVE, other)
    assert found == (expected if expected is None else pytest.approx(expected))
    if expected is not None:
        assert found == pytest.approx(kendalltau(FIVE, other).statistic)


def test_equal_values_share_a_rank():
    assert ranked((70, 80, 80, 60)) == [3, 1, 1, 4]


def test_rows_that_change_ranks_are_listed(tmp_path, capsys):
    """Quoted rows have no rank: they were not run."""
    a, b = write(tmp_path / "a"), write(tmp_path / "b", changed("60.00", "54.00"))
    _, found = compare(capsys, a, b, "--tolerance", "10")
    assert found["ranks"][1] == {
        "table": "p_T",
        "column": "mAP",
        "rows": 2,
        "tau": -1,
        "moved": [{"row": "New", "a": 1, "b": 2}, {"row": "Extra, ours", "a": 2, "b": 1}],
    }


PRINTED = {"A": "90", "B": "80", "C": "80"}
HERE = {"A": "50.0", "B": "60.0", "C": "40.0"}


def side(folder, here):
    lines = [
        f"{row},mAP,{PRINTED[row]},{value},,{'1' * bool(value)}," for row, value in here.items()
    ]
    status = "reproduced" if all(here.values()) else "quoted"
    read = sources.read(write(folder, [HEADER, *(line + status for line in lines)]))
    return read if all(here.values()) else Side(sources.PUBLISHED, read.tables, published=True)


def test_the_order_by_map_leads_a_comparison_with_the_published_values(tmp_path):
    """Two pairs are ranked in print: A before B, which is turned here, and A before C."""
    printed, here = side(tmp_path / "a", dict.fromkeys(HERE, "")), side(tmp_path / "b", HERE)
    found = comparison.compare(printed, here, tolerances.Tolerances("0", {}))
    (order,) = found["orders"]
    assert (order["pairs"], order["kept"], order["tau"]) == (2, 1, 0)
    assert order["order"] == [
        {"row": "B", "a": 2, "b": 1},
        {"row": "A", "a": 1, "b": 2},
        {"row": "C", "a": 2, "b": 3},
    ]
    for shown in (page.text(found, "0", 20), page.html(found, "0")):
        assert "1 of 2 pairs of rows keep their order by mAP" in shown
        assert "B (2), A (1), C (2)" in shown
        assert shown.index("Order of the rows by mAP") < shown.index("Beyond the tolerance")
    same = comparison.compare(here, here, tolerances.Tolerances("0", {}))
    assert "Order of the rows" not in page.text(same, "0", 20)


HOSTILE = {
    "empty": (b"", "is empty"),
    "binary": (b"\x89PNG\r\n\x1a\n\x00\x00\xff", "is not text"),
    "zeros": (f"{HEADER}\n\0\0\0\n".encode(), "is a binary file"),
    "foreign": (b"method,score\nours,1\n", "it starts with 'method,score', not with 'row,column"),
    "prose": (b"# A table\n\nof something\n", "it starts with '# A table'"),
    "cut in a line": (f"{HEADER}\nOld,mAP,84.0,,,,quo".encode(), "ends in the middle of a line"),
    "cut in quotes": (f'{HEADER}\n"Old,mAP\n'.encode(), "is not csv"),
    "short line": (f"{HEADER}\nOld,mAP,84.0\n".encode(), "line 2: 3 fields, expected 7"),
    "blank line": (f"{HEADER}\n\nOld,mAP,84.0,,,,quoted\n".encode(), "line 2: 0 fields"),
    "status": (f"{HEADER}\nOld,mAP,84.0,,,,copied\n".encode(), "status is 'copied', expected one"),
    "words": (f"{HEADER}\nOld,mAP,84.0,good,,,quoted\n".encode(), "reproduced is 'good'"),
    "no number": (f"{HEADER}\nOld,mAP,nan,,,,quoted\n".encode(), "published is 'nan'"),
    "endless": (f"{HEADER}\nOld,mAP,,inf,,3,quoted\n".encode(), "reproduced is 'inf'"),
    "huge": (f"{HEADER}\nNew,mAP,,9e999999,,3,reproduced\n".encode(), "is '9e999999', expected"),
    "seeds": (f"{HEADER}\nOld,mAP,,1.0,,-3,reproduced\n".encode(), "seeds is '-3'"),
    "twice": (
        f"{HEADER}\n{LINES[2]}\n{LINES[2]}\n".encode(),
        "line 3: row 'Old', column 'mAP' again",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_is_not_a_table_is_refused(tmp_path, capsys, kind):
    content, told = HOSTILE[kind]
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/p_T.csv").write_bytes(content)
    good = write(tmp_path / "good")
    for pair in ((good, tmp_path / "bad"), (tmp_path / "bad/p_T.csv", good)):
        said = refused(capsys, *pair)
        assert "bad/p_T.csv" in said
        assert told in said


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere", "there is no nowhere; expected a folder of tables"),
        ("nowhere:tables", "there is no nowhere:tables, on disk or in git"),
        ("HEAD:nowhere", "there is no HEAD:nowhere, on disk or in git"),
        ("workflow", "workflow has no csv file"),
    ],
)
def test_a_missing_side_is_refused(tmp_path, monkeypatch, capsys, name, told):
    monkeypatch.chdir(ROOT)
    assert told in refused(capsys, write(tmp_path / "a"), name)


def test_rows_that_no_paper_has_are_called_as_the_tables_call_them(monkeypatch, tmp_path, capsys):
    """Their names depend on the study, so `published` takes them from the other side."""
    monkeypatch.chdir(ROOT)
    printed = sources.published(Side("any", {"gm_mlic_3": {}}), ROOT).tables["gm_mlic_3"]
    lines = [
        f'"{row}",{column},{cell.published},,,,quoted' for (row, column), cell in printed.items()
    ]
    lines += ['"ResNet-101, linear (max pooling)",mAP,,50.0,,1,reproduced']
    (tmp_path / "gm_mlic_3.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    code, found = compare(capsys, tmp_path, "published")
    assert (code, found["appeared"]["rows"], found["vanished"]["rows"]) == (0, [], [])
    assert len(found["ranks"]) == 0  # nothing is published of them


def test_two_published_sides_are_refused(capsys):
    assert "are both `published`" in refused(capsys, "published", "published")


def test_a_git_revision_is_read_without_a_checkout(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "tables")
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "tables"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    assert compare(capsys, "HEAD:tables", "tables")[0] == 0
    write(tmp_path / "tables", changed("60.00", "61.00"))
    for ends in (("HEAD:tables", "tables"), ("HEAD:tables/p_T.csv", "tables/p_T.csv")):
        code, found = compare(capsys, *ends)
        assert code == 1
        assert [each["difference"] for each in found["differences"]] == [1]


def test_ours_beside_the_published_values(monkeypatch, capsys):
    """Exactly the runs with a printed value are compared."""
    monkeypatch.chdir(ROOT)
    code, found = compare(capsys, COMMITTED, "published")
    assert code == 1
    texts = [path.read_text() for path in COMMITTED.glob("*.csv")]
    cells = [cell for text in texts for cell in csv.DictReader(io.StringIO(text))]
    ours = [cell for cell in cells if cell.get("status") == "reproduced"]
    both = [(cell["published"], cell["reproduced"]) for cell in ours]
    both = [pair for pair in both if all(pair)]
    assert found["cells"] == len(both)
    sizes = sorted(abs(Decimal(one) - Decimal(other)) for one, other in both)
    assert [abs(each["difference"]) for each in found["differences"]] == [
        float(size) for size in reversed(sizes) if size
    ]
    assert not any(found["appeared"].values())
    assert not any(found["vanished"].values())


def test_a_printed_value_that_was_altered_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    text = (COMMITTED / "ml_gcn_depth.csv").read_text()
    (tmp_path / "ml_gcn_depth.csv").write_text(text.replace("mAP,83.0,", "mAP,88.0,"))
    _, found = compare(capsys, tmp_path, "published", "--tolerance", "1000")
    (wrong,) = [each for each in found["differences"] if each["beyond"]]
    assert (wrong["field"], wrong["row"], wrong["b"]) == ("published", "2-layer", "83.0")


def test_verdicts_beside_the_tables_follow_the_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    write(tmp_path, (COMMITTED / "ml_gcn_depth.csv").read_text().splitlines(), "ml_gcn_depth.csv")
    line = dict.fromkeys((each.name for each in fields(Line)), "")
    line |= {"paper": "ml_gcn", "table": "depth", "cell": "coco2014 2-layer  mAP", "seeds": "0"}
    line |= {"here": "1.0", "low": "0.5", "high": "1.5"}
    hostile = "<b>best\x1b[31m"
    lines = [
        line | {"claim": hostile, "verdict": "holds"},
        line | {"claim": "x", "verdict": NOT_RUN},
    ]
    (tmp_path / "claims.csv").write_text(listing.as_csv([Line(**each) for each in lines]))
    output = tmp_path / "page.html"
    main(["compare", "published", str(tmp_path), "--html", str(output)])
    text = capsys.readouterr().out
    assert "verdicts on the papers' claims: holds 1" in text and "\x1b" not in text
    assert text.index("Order of the rows") < text.index("Verdicts on") < text.index("Beyond the")
    shown = output.read_text()
    assert "&lt;b&gt;best" in shown and "1.0 [0.5, 1.5]" in shown and "<b>" not in shown
    _, found = compare(capsys, "published", tmp_path)
    assert [each["claim"] for each in found["verdicts"]] == [hostile]


class Page(HTMLParser):
    """Every tag that opens closes, in order, and nothing is fetched."""

    def __init__(self):
        super().__init__()
        self.open, self.words, self.fetched = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)
        self.fetched += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_stands_alone_and_shows_names_as_they_are(tmp_path, capsys):
    name = "<script>alert(1)</script> & co"
    a, b = (tmp_path / side for side in "ab")
    write(a, changed('Extra, ours",mAP', f'{name}",mAP'))
    write(b, changed('Extra, ours",mAP', f'{name}",mAP', changed("55.00", "57.50")))
    output = tmp_path / "page.html"
    assert main(["compare", str(a), str(b), "--html", str(output)]) == 1
    assert "+2.50" in capsys.readouterr().out
    text = output.read_text()
    parsed = Page()
    parsed.feed(text)
    assert parsed.open == parsed.fetched == []
    assert "@import" not in text
    assert "url(" not in text
    assert {name, "+2.50", "55.00", "57.50"} <= set(parsed.words)


def test_names_cannot_drive_a_terminal(tmp_path, capsys):
    """A row's name comes from a file that somebody else may have written."""
    lines = [HEADER, '"Old\x1b[31m\u202e",mAP,,60.00,,1,reproduced']
    a, b = write(tmp_path / "a", lines), write(tmp_path / "b", changed("60.00", "61.00", lines))
    for more in ([], ["--json"]):
        assert main(["compare", a, b, *more]) == 1
        said = capsys.readouterr().out
        assert "Old\\u001b[31m\\u202e" in said
        assert "\x1b" not in said and "\u202e" not in said


def test_the_list_is_as_long_as_asked(tmp_path, capsys):
    lines = changed("50.00", "51.00", changed("60.00", "62.00", changed("40.00", "43.00")))
    a, b = write(tmp_path / "a"), write(tmp_path / "b", lines)
    main(["compare", a, b, "--most", "2"])
    shown = capsys.readouterr().out
    assert "+3.00" in shown
    assert "+1.00" not in shown
    assert "... and 1 more; --most 0 shows all" in shown
    main(["compare", a, b, "--most", "0"])
    assert "+1.00" in capsys.readouterr().out


def test_help_needs_no_checkout(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for verb in ("compare", "audit", "trace"):
        with pytest.raises(SystemExit) as ended:
            main([verb, "--help"])
        assert ended.value.code == 0
        assert "Exit code 1" in " ".join(capsys.readouterr().out.split())
    assert not list(Path().iterdir())
