"""The papers' numbers: complete, unambiguous, and the digits that are printed."""

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from decimal import Decimal

import pytest
from conftest import ROOT

FOLDER = ROOT / "workflow/published"
COLUMNS = ["table", "dataset", "method", "setting", "metric", "value", "note"]
CELLS = {  # counted from the papers: rows times columns, less the dashes
    "ml_gcn": {"COCO": 86, "VOC": 252, "depth": 18},
    "gm_mlic": {"1": 168, "2": 104, "3": 25, "4": 20},
    "ml_sgm": {
        "II": 231,
        "III": 182,
        "IV": 36,
        "V": 213,
        "VI": 12,
        "VII": 14,
        "VIII": 10,
        "IX": 14,
    },
    "ia_gcn": {"1": 42, "2": 210, "3": 28, "4": 28, "5": 21, "6": 21},
}
SUMS = {  # of all printed values of a table, from a second transcription
    "ml_gcn": "6314.3 22860.9 1447.0",
    "gm_mlic": "15388.6 7907.1 1539.9 1638.7",
    "ml_sgm": "21322.7 14139.9 2208.9 14374.3 485.6 1208.0 412.75 972.2",
    "ia_gcn": "3275.5 18928.8 2281.5 2489.4 1799.5 1593.1",
}
PRINTS = {  # of all columns but `note`, so that a note may be reworded and a cell may not change
    "ml_gcn": "6ea9889a1a5afd8dbc3ec3820f095e45006a8e8f6985d0c03636bef96ce2ff3e",
    "gm_mlic": "16a13ea19410753f9af39e26a168da1b767a2164b7f4029b2efb9091e4ba46b5",
    "ml_sgm": "a9d8243179889b976138845e0ad5b87bd5dc854506407c07c5c9d0fe2e33a376",
    "ia_gcn": "6c643a0806b7422312cac62a3c2a37a32ef2eb099947181be04a3e0bf5b3de40",
}
LABELS = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
RATES = ("CP", "CR", "CF1", "OP", "OR", "OF1")
PERCENT = {"mAP", *RATES, *(f"{rate}_top3" for rate in RATES), *(f"AP:{name}" for name in LABELS)}
COST = {"params_m", "gflops", "images_per_second"}
MISPRINTS = {
    ("2", "voc2007", "cnn_rnn", "", "AP:train"): "99.",
    ("2", "voc2007", "atten_reinforce", "", "mAP"): "9.2",
}
SPOTS = [
    ("ml_gcn", "COCO", "coco2014", "ml_gcn", "Re-weighted", "OF1_top3", "76.7"),
    ("ml_gcn", "depth", "voc2007", "ml_gcn", "3-layer", "mAP", "93.6"),
    ("gm_mlic", "1", "voc2007", "gm_mlic", "", "AP:pottedplant", "87.0"),
    ("gm_mlic", "2", "coco2014", "gm_mlic", "", "CR_top3", "67.3"),
    ("ia_gcn", "4", "voc2007", "ia_gcn", "Base+ID_LCM+Var_Inf", "OF1", "89.1"),
    ("ia_gcn", "6", "coco2014", "ia_gcn", "Com_Sco", "CP", "57.8"),
    ("ml_sgm", "II", "voc2007", "add_gcn", "", "AP:bottle", "80.6"),
    ("ml_sgm", "III", "coco2014", "ml_sgm", "(448, 576)", "OR_top3", "72.4"),
    ("ml_sgm", "V", "vg200", "sst_pl", "10%", "mAP", "38.8"),
    ("ml_sgm", "V", "coco2014", "sarb", "avg", "mAP", "77.9"),
    ("ml_sgm", "VI", "vg500", "ml_sgm", "5-shot", "mAP", "31.9"),
    ("ml_sgm", "VIII", "", "ml_sgm", "+GCL", "params_m", "57.62"),
    ("ml_sgm", "IX", "coco2014", "ssgrl", "", "images_per_second", "34.3"),
]

each_paper = pytest.mark.parametrize("paper", CELLS)


def read(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[column] for column in COLUMNS[:5])


def printed_rows(paper: str) -> dict[tuple[str, ...], dict[str, dict[str, str]]]:
    """(table, dataset, method, setting) -> metric -> cell."""
    rows = defaultdict(dict)
    for cell in read(paper):
        rows[key(cell)[:4]][cell["metric"]] = cell
    return rows


@pytest.mark.parametrize("name", [*CELLS, "systems", "claims", "image_counts"])
def test_the_file_is_plain_csv(name):
    text = (FOLDER / f"{name}.csv").read_bytes().decode("utf-8")
    again = io.StringIO()
    csv.writer(again, lineterminator="\n").writerows(csv.reader(io.StringIO(text, newline="")))
    assert text == again.getvalue()  # LF only, quotes only where needed


@each_paper
def test_columns_and_counts_and_no_cell_twice(paper):
    rows = read(paper)
    assert len(set(map(key, rows))) == len(rows)
    assert list(rows[0]) == COLUMNS
    assert Counter(row["table"] for row in rows) == CELLS[paper]
    assert list(dict.fromkeys(row["table"] for row in rows)) == list(CELLS[paper])


@each_paper
def test_every_digit_counts(paper):
    sums = defaultdict(Decimal)
    for row in read(paper):
        sums[row["table"]] += Decimal(row["value"])
    assert " ".join(map(str, sums.values())) == SUMS[paper]


@each_paper
def test_no_cell_was_altered(paper):
    """All 1,735 were compared with a second, independent reading of the papers' text."""
    with (FOLDER / f"{paper}.csv").open(encoding="utf-8", newline="") as stream:
        lines = ["\t".join(row[:6]) for row in csv.reader(stream)]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == PRINTS[paper]


@each_paper
def test_words_are_known(paper):
    for row in read(paper):
        assert row["dataset"] in {"voc2007", "coco2014", "nuswide", "vg200", "vg500", ""}
        assert (row["dataset"] == "") == (row["table"] == "VIII")
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", row["method"])
        assert row["metric"] in PERCENT | COST


@each_paper
def test_values_are_numbers_or_listed_misprints(paper):
    odd = {}
    for row in read(paper):
        digits = 2 if row["metric"] in {"params_m", "gflops"} else 1
        if not re.fullmatch(rf"[1-9]\d\.\d{{{digits}}}", row["value"]):
            odd[key(row)] = row["value"]
            assert row["note"].startswith("Misprint")
    assert odd == (MISPRINTS if paper == "ia_gcn" else {})


@pytest.mark.parametrize("spot", SPOTS, ids=lambda spot: " ".join(spot[:-1]))
def test_spot(spot):
    paper, *wanted, value = spot
    assert [row["value"] for row in read(paper) if key(row) == tuple(wanted)] == [value]


@each_paper
def test_rows_with_class_precisions_are_complete(paper):
    wanted = [*(f"AP:{name}" for name in LABELS), "mAP"]
    rows = [row for row in printed_rows(paper).values() if "AP:bird" in row]
    assert len(rows) == {"ml_gcn": 12, "gm_mlic": 8, "ml_sgm": 11, "ia_gcn": 10}[paper]
    assert all(list(row) == wanted for row in rows)


def departures(row: dict[str, dict[str, str]]):
    """Cells that do not follow from the cells beside them, beyond what rounding allows."""
    value = {metric: float(cell["value"]) for metric, cell in row.items()}
    for letter in "CO":
        for end in ("", "_top3"):
            p, r, f = (f"{letter}{part}{end}" for part in ("P", "R", "F1"))
            if {p, r, f} <= value.keys():
                harmonic = 2 * value[p] * value[r] / (value[p] + value[r])
                if abs(value[f] - harmonic) > 0.1:
                    yield row[f]
    classes = [value[metric] for metric in value if metric.startswith("AP:")]
    if classes and abs(value["mAP"] - sum(classes) / len(classes)) > 0.1:
        yield row["mAP"]


@each_paper
def test_arithmetic_that_fails_is_noted(paper):
    found = [cell for row in printed_rows(paper).values() for cell in departures(row)]
    assert len(found) == {"ml_gcn": 3, "gm_mlic": 15, "ml_sgm": 7, "ia_gcn": 3}[paper]
    assert all("mean" in cell["note"] for cell in found)


def test_averages_of_nine_proportions():
    blocks = defaultdict(dict)
    for row in read("ml_sgm"):
        if row["table"] == "V":
            blocks[row["dataset"], row["method"]][row["setting"]] = row
    assert len(blocks) == 24
    for (dataset, method), cells in blocks.items():
        average = cells.pop("avg")
        if method == "sarb":
            assert cells == {}
            continue
        assert list(cells) == [f"{tens}0%" for tens in range(1, 10)]
        mean = sum(float(cell["value"]) for cell in cells.values()) / 9
        misprint = (dataset, method) == ("coco2014", "ml_gcn")
        assert (abs(float(average["value"]) - mean) > 0.1) == misprint
        assert average["note"] or not misprint


@each_paper
def test_every_row_has_a_title_and_keeps_its_place(paper):
    lines = [line for line in read("systems") if line["paper"] == paper]
    place = {(x["table"], x["method"], x["setting"]): int(x["order"]) for x in lines}
    assert len(place) == len(lines)
    assert all(x["title"] and "[" not in x["title"] for x in lines)
    rows = [(row[:2], (row[0], row[2], row[3])) for row in printed_rows(paper)]
    assert place.keys() == {name for _, name in rows}
    orders = defaultdict(list)
    for block, name in rows:
        orders[block].append(place[name])
    for found in orders.values():
        assert list(dict.fromkeys(found)) == list(range(1, found[-1] + 1))


def test_readme_lists_every_slug():
    text = (FOLDER / "README.md").read_text(encoding="utf-8").split("## Slugs")[1].split("\n## ")[0]
    slugs = {row["method"] for paper in CELLS for row in read(paper)}
    assert re.findall(r"^\| `(\w+)`", text, re.M) == sorted(slugs)
