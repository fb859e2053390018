"""The audit's rules on the top 3, on misplaced columns and on test sets, with sums done by hand."""

import csv

import pytest
from audit_cases import FULL, write
from conftest import ROOT

from labelgraph.review.audit import checking

PUBLISHED = ROOT / "workflow/published"
TOP_THREE = "labels an image"
TEXT = "ml_sgm,{dataset},{train},{test},{labels},,its text,paper"
COCO = TEXT.format(dataset="coco2014", train=82783, test=40504, labels="2.9")
NUS = TEXT.format(dataset="nuswide", train=161789, test=107859, labels="2.4")


def found(folder, kind, rows, counts, **more):
    """Row -> the finding of this kind; at most one a row."""
    keys = {("ml_sgm", "I", "coco2014", name, ""): cells for name, cells in rows.items()}
    if "nuswide" in counts[0]:
        keys = {("ml_sgm", "I", "nuswide", name, ""): cells for name, cells in rows.items()}
    listed = checking.run(write(folder, keys | more.pop("others", {}), [], counts=counts, **more))
    listed = [each for each in listed if each.kind == kind]
    assert len({(each.paper, each.row) for each in listed}) == len(listed)
    return {each.row: each for each in listed}


def cut(op, recall):
    return {"mAP": "70.0", "OP_top3": op, "OR_top3": recall}


def test_top_three_that_are_fewer_than_three_labels(tmp_path):
    """62.0 / 88.0 x 2.9 = 2.0432; 61.95 / 88.05 x 2.85 = 2.0052; 62.05 / 87.95 x 2.95 = 2.0813."""
    each = found(tmp_path, TOP_THREE, {"new": FULL}, [COCO])["New"]
    assert (each.column, each.printed, each.recomputed) == ("OR_top3", "62.0", "2.04 labels")
    assert each.sure == "hint"
    assert "not three, so at most three, probably those above a threshold" in each.reason
    assert "62.0 / 88.0 x 2.9 = 2.04, with rounding 2.01 to 2.08 (2.9 true labels:" in each.reason


def test_exactly_three_labels_are_no_finding_unless_other_rows_have_fewer(tmp_path):
    """62.1 / 60.0 x 2.9 = 3.0015; 56.0 / 58.0 x 2.9 = 2.8, but 56.05 / 57.95 x 2.95 = 2.853."""
    strict = {"strict": cut("60.0", "62.1"), "early": cut("58.0", "56.0")}
    assert found(tmp_path, TOP_THREE, strict, [COCO]) == {}
    mixed = strict | {"few": cut("88.0", "62.0"), "fewer": cut("90.0", "60.0")}
    listed = found(tmp_path, TOP_THREE, mixed, [COCO])
    assert listed.keys() == {"Strict", "Early", "Few", "Fewer"}
    text = "exactly three for every image, where 2 other rows have 1.93 to 2.04"
    assert f"3.00 labels an image, which can be {text}" in listed["Strict"].reason
    assert f"2.80 labels an image, close to {text}" in listed["Early"].reason


def test_more_than_three_labels_contradict_the_heading(tmp_path):
    """70.0 / 60.0 x 2.9 = 3.383; the least is 69.95 / 60.05 x 2.85 = 3.320."""
    each = found(tmp_path, TOP_THREE, {"new": cut("60.0", "70.0")}, [COCO])["New"]
    assert each.sure == "likely"
    assert "3.38 labels an image, more than three, which the top 3 cannot have" in each.reason


def test_without_a_number_of_labels_nothing_is_counted(tmp_path):
    counts = [TEXT.format(dataset="coco2014", train=1, test=1, labels="")]
    assert found(tmp_path, TOP_THREE, {"new": FULL}, counts) == {}


def f1s(*values):
    names = ("CF1", "OF1", "CF1_top3", "OF1_top3")
    return {name: value for name, value in zip(names, values, strict=True) if value}


TABLE = {
    "srn": {"mAP": "61.8"} | f1s("56.9", "73.2", "47.7", "62.2"),
    "kd": {"mAP": "60.1"} | f1s("58.7", "73.7", "53.8", "71.1"),
    "cma": {"mAP": "61.4"} | f1s("60.5", "73.8", "55.7", "69.5"),
    "ours": {"mAP": "64.6"} | f1s("62.4", "72.5", "57.3", "71.7"),
}


def test_an_f1_that_falls_far_more_than_the_others_points_to_exactly_three(tmp_path):
    """Falls of 11.0, 2.6, 4.3 and 0.8: the median is 3.45. 0.622 x (3 + 2.4) / 2 = 1.6794 hits,
    OP 1.6794 / 3 = 55.98 and OR 1.6794 / 2.4 = 69.98."""
    listed = found(tmp_path, TOP_THREE, TABLE, [NUS])
    assert listed.keys() == {"Srn"}
    each = listed["Srn"]
    assert (each.column, each.printed, each.sure) == ("OF1_top3", "62.2", "hint")
    assert "falls by 11.0 (73.2 to 62.2), in 3 other rows by 0.8 to 4.3" in each.reason
    assert "62.2 % x (3 + 2.4) / 2 = 1.68 hits an image, OP 56.0 and OR 70.0" in each.reason


@pytest.mark.parametrize("top", ["66.4", "72.0"])
def test_a_fall_below_twice_the_median_is_none(tmp_path, top):
    """6.8 is less than 2 x 3.45; where the median is less than 3 points, 3 counts."""
    rows = TABLE | {"srn": TABLE["srn"] | {"OF1_top3": top}}
    assert found(tmp_path, TOP_THREE, rows, [NUS]) == {}


def test_half_of_each_pair_of_f1s_is_probably_one_pair(tmp_path):
    """OF1 - CF1 of all labels: 16.3, 15.0, 13.3, 10.1; here 72.3 - 56.2 = 16.1."""
    rows = TABLE | {"pla": f1s("56.2", "", "", "72.3"), "zsl": f1s("", "", "45.7", "")}
    listed = found(tmp_path, "shifted column", rows, [NUS])
    assert listed.keys() == {"Pla"}  # a system with a single number has no half in two places
    each = listed["Pla"]
    assert (each.column, each.printed, each.sure) == ("OF1_top3", "72.3", "hint")
    assert "only CF1 of all labels and OF1 of the top 3, where 4 other rows have" in each.reason
    assert "72.3 - 56.2 = 16.1 is within the 10.1 to 16.3 of these rows" in each.reason
    assert "it has no mAP either" in each.reason


@pytest.mark.parametrize(
    "row", [f1s("56.2", "", "50.2", ""), f1s("56.2", "72.3", "", ""), f1s("56.2", "72.3", "", "70")]
)
def test_whole_pairs_and_one_kind_of_f1_are_not_shifted(tmp_path, row):
    assert found(tmp_path, "shifted column", TABLE | {"pla": row}, [NUS]) == {}


def test_where_half_pairs_are_usual_none_is_shifted(tmp_path):
    row = f1s("56.2", "", "", "72.3")
    rows = {"srn": TABLE["srn"], "one": f1s("50.0", "", "", ""), "pla": row}
    assert found(tmp_path, "shifted column", rows, [NUS]) == {}


@pytest.mark.parametrize(
    ("printed", "sure", "text"),
    [
        (f1s("56.2", "72.3", "", ""), "likely", "table 1, Pla has 72.3 as OF1 of all labels"),
        (
            f1s("56.2", "", "", "72.3"),
            "hint",
            "gm_mlic, table 1 places the two numbers in the same",
        ),
    ],
)
def test_what_another_table_prints_of_the_system_counts(tmp_path, printed, sure, text):
    others = {("gm_mlic", "1", "nuswide", "pla", ""): printed}
    rows = TABLE | {"pla": f1s("56.2", "", "", "72.3")}
    each = found(tmp_path, "shifted column", rows, [NUS], others=others)["Pla"]
    assert each.sure == sure
    assert text in each.reason


def rates(whole, top):
    names = ("CP", "CR", "CF1", "OP", "OR", "OF1")
    top_names = [f"{name}_top3" for name in names]
    return dict(zip((*names, *top_names), (*whole.split(), *top.split()), strict=True))


LESS, MORE = "88.1 62.9 73.4 89.6 65.3 75.6", "84.1 70.4 76.7 85.1 73.9 79.1"
SWAPPED = "swapped columns"


def test_exchanged_columns(tmp_path):
    """73.9 / 85.1 x 2.9 = 2.518 of the top 3 against 65.3 / 89.6 x 2.9 = 2.113 of all labels."""
    rows = {"dsdl": rates(LESS, MORE), "right": rates(MORE, LESS)}
    listed = found(tmp_path, SWAPPED, rows, [COCO])
    assert listed.keys() == {"Dsdl"}
    each = listed["Dsdl"]
    assert (each.column, each.printed, each.recomputed) == ("OF1_top3", "79.1", "75.6")
    assert each.sure == "likely"
    for text in ("CR 70.4 against 62.9", "OP 85.1 against 89.6", "2.52 against 2.11"):
        assert text in each.reason
    # The labels of an exchanged row are those of the other cut, so they are not judged.
    assert found(tmp_path, TOP_THREE, rows, [COCO]).keys() == {"Right"}


def test_exactly_three_labels_may_recall_more_than_labels_above_a_threshold(tmp_path):
    """72.4 / 70.0 x 2.9 = 2.9994: three labels are no part of the 2.11 above the threshold."""
    strict = rates(LESS, "69.0 71.0 70.0 70.0 72.4 71.2")
    assert found(tmp_path, SWAPPED, {"new": strict}, [COCO]) == {}


def test_one_value_that_goes_the_right_way_is_no_exchange(tmp_path):
    row = rates(LESS, "89.0 70.4 78.6 85.1 73.9 79.1")
    assert found(tmp_path, SWAPPED, {"new": row}, [COCO]) == {}


TEST = "test images"
MAP = {"mAP": "70.0"}
THIRD = "third,coco2014,82081,{test},,{left_out},its code,{sure}"
LEFT = THIRD.format(test=40137, left_out="images without labels", sure="code")


def test_a_row_that_was_scored_on_other_images(tmp_path):
    """40,504 - 40,137 = 367, and 367 / 40,504 = 0.906 %."""
    listed = found(tmp_path, TEST, {"third": MAP, "new": MAP}, [COCO, LEFT])
    assert listed.keys() == {"Third"}
    each = listed["Third"]
    assert (each.column, each.printed, each.sure) == ("mAP", "70.0", "hint")
    assert each.reason == (
        "Third was scored on 40,137 test images (its code), the paper of the table has 40,504 (its"
        " text): 367 fewer, that is 0.9 %; Third leaves out images without labels"
    )


def test_the_same_images_are_no_finding(tmp_path):
    same = THIRD.format(test=40504, left_out="", sure="code")
    assert found(tmp_path, TEST, {"third": MAP}, [COCO, same]) == {}


def test_an_unconfirmed_count_is_called_so(tmp_path):
    counts = [COCO, THIRD.format(test=40137, left_out="", sure="unconfirmed")]
    each = found(tmp_path, TEST, {"third": MAP}, counts)["Third"]
    assert each.reason.startswith("Third was probably scored on 40,137 test images (its code; unc")


def test_a_papers_own_training_is_on_the_papers_images(tmp_path):
    """With a star, or with other values than the row has in other papers."""
    starred = {("ml_sgm", "I", "third"): "Third*"}
    assert found(tmp_path, TEST, {"third": MAP}, [COCO, LEFT], titles=starred) == {}
    elsewhere = {("gm_mlic", "1", "coco2014", "third", ""): {"mAP": "69.0"}}
    assert found(tmp_path, TEST, {"third": MAP}, [COCO, LEFT], others=elsewhere) == {}
    copied = {("gm_mlic", "1", "coco2014", "third", ""): MAP}
    listed = found(tmp_path, TEST, {"third": MAP}, [COCO, LEFT], titles=starred, others=copied)
    assert listed.keys() == {"Third*"}  # the star is wrong


def test_counts_of_two_selections(tmp_path):
    """82,081 goes with 40,137 and 82,783 with 40,504; a paper that has the first and the last."""
    others = {("ia_gcn", "1", "coco2014", "ia_gcn", ""): MAP}
    counts = [COCO, LEFT, "ia_gcn,coco2014,82081,40504,2.9,,4.1,paper"]
    listed = found(tmp_path, TEST, {"ml_sgm": MAP}, counts, others=others)
    assert listed.keys() == {"Ia_Gcn"}
    each = listed["Ia_Gcn"]
    assert (each.printed, each.sure) == ("82,081 and 40,504", "hint")
    assert "82,081 goes with 40,137 test images in third, which leaves out images" in each.reason
    assert "40,504 goes with 82,783 training images in ml_sgm" in each.reason


def test_the_published_tables():
    listed = checking.run(PUBLISHED)

    def rows(kind, column=""):
        return {
            (each.paper, each.table, each.row)
            for each in listed
            if each.kind == kind and each.column.startswith(column)
        }

    assert rows("shifted column") == {("gm_mlic", "3", "PLA"), ("ml_sgm", "IV", "PLA")}
    assert rows(SWAPPED) == {("ml_sgm", "III", "DSDL")}
    assert rows(TOP_THREE, "OF1") == {
        *(("gm_mlic", "3", "SRN"), ("ml_sgm", "IV", "SRN"), ("ml_sgm", "IV", "ResNet-101*")),
    }
    sizes = {
        each.row: each.recomputed
        for each in listed
        if each.kind == TOP_THREE and (each.paper, each.table) == ("ml_gcn", "COCO")
    }
    assert sizes["CNN-RNN"] == "2.78 labels"  # 66.4 / 69.2 x 2.9
    assert sizes["ResNet-101"] == "2.04 labels"  # 62.8 / 89.1 x 2.9
    assert "ML-ZSL" not in sizes  # prints no OP and OR
    quoted = rows(TEST)
    assert ("ml_sgm", "IV", "SRN") in quoted and ("gm_mlic", "2", "SRN") in quoted
    assert ("ml_sgm", "III", "SRN") not in quoted  # both have 40,504
    assert ("gm_mlic", "2", "ML-GCN") not in quoted  # both have 40,137
    assert ("ia_gcn", "1", "ML-GCN") not in quoted  # trained anew by IA-GCN


def test_every_count_is_of_a_row_of_the_tables():
    with (PUBLISHED / "image_counts.csv").open(newline="") as stream:
        counted = {(line["who"], line["dataset"]) for line in csv.DictReader(stream)}
    known = set()
    for paper in ("ml_gcn", "gm_mlic", "ia_gcn", "ml_sgm"):
        with (PUBLISHED / f"{paper}.csv").open(newline="") as stream:
            known |= {(line["method"], line["dataset"]) for line in csv.DictReader(stream)}
    assert counted <= known
