"""A small set of published tables without mistakes, and mistakes of each kind to plant."""

import csv
from pathlib import Path

RATES = ("mAP", "CP", "CR", "CF1", "OP", "OR", "OF1")
TOP = [f"{name}_top3" for name in RATES[1:]]
FULL = {
    **dict(zip(RATES, ("75.0", "80.0", "70.0", "74.7", "82.0", "71.0", "76.1"), strict=True)),
    **dict(zip(TOP, ("85.0", "60.0", "70.3", "88.0", "62.0", "72.7"), strict=True)),
}
CLEAN = {  # (paper, table, dataset, method, setting) -> metric -> printed, by hand
    ("ml_gcn", "A", "voc2007", "old", "Plain"): {"AP:cat": "90.1", "AP:dog": "81.0", "mAP": "85.6"},
    ("ml_gcn", "A", "voc2007", "old", "Better"): {
        "AP:cat": "92.0",
        "AP:dog": "84.1",
        "mAP": "88.0",
    },
    ("ml_gcn", "B", "coco2014", "old", "Plain"): {"mAP": "70.0", "OF1": "71.1"},
    ("ml_gcn", "B", "coco2014", "old", "Better"): {"mAP": "72.0", "OF1": "73.1"},
    ("gm_mlic", "1", "voc2007", "old", ""): {"AP:cat": "90.1", "AP:dog": "81.0", "mAP": "85.6"},
    ("gm_mlic", "2", "coco2014", "old", ""): {"mAP": "70.0", "OF1": "71.1"},
    ("gm_mlic", "2", "coco2014", "new", ""): {"mAP": "75.0", "OF1": "76.1"},
    ("ia_gcn", "1", "voc2007", "old", ""): {"AP:cat": "90.1", "AP:dog": "81.0", "mAP": "85.6"},
    ("ml_sgm", "I", "coco2014", "new", "(448, 448)"): FULL,
    ("ml_sgm", "I", "coco2014", "third", "(448, 448)"): {"mAP": "74.0", "CP": "79.0"},
    ("ml_sgm", "I", "coco2014", "new", "(448, 576)"): {"mAP": "76.0", "CP": "81.0"},
    ("ml_sgm", "V", "vg200", "new", "10%"): {"mAP": "40.1"},
    ("ml_sgm", "V", "vg200", "new", "50%"): {"mAP": "44.0"},
    ("ml_sgm", "V", "vg200", "new", "90%"): {"mAP": "47.3"},
    ("ml_sgm", "V", "vg200", "new", "avg"): {"mAP": "43.8"},
    ("ml_sgm", "VIII", "", "base", "Base"): {"params_m": "42.51", "gflops": "31.53"},
    ("ml_sgm", "VIII", "", "new", "+Part"): {"params_m": "44.00", "gflops": "31.60"},
    ("ml_sgm", "IX", "coco2014", "new", ""): {"images_per_second": "50.0", "mAP": "75.0"},
    ("ml_sgm", "IX", "coco2014", "third", ""): {"images_per_second": "60.0", "mAP": "74.0"},
    ("ml_sgm", "IX", "coco2014", "new", "w/o part"): {"images_per_second": "55.0", "mAP": "74.5"},
}
CLAIMS = [  # all true of the tables above
    "gm_mlic,2,its mAP,value,coco2014 new mAP,,75.0",
    "gm_mlic,2,over the old,gain,coco2014 new mAP,coco2014 old mAP,5.0",
    "gm_mlic,2,over the old in all,above,coco2014 new *,coco2014 old *,",
    "gm_mlic,2,best in both,wins,coco2014 new *,,2",
    'ml_sgm,I,best at each size,best,"coco2014 new * mAP",,',
    'ml_sgm,I,praised,lead,"coco2014 new (448, 448) CP",,',
    "ml_sgm,IX,slower,percent,coco2014 new images_per_second,coco2014 third images_per_second,17",
]


COUNTS = "who,dataset,train,test,labels,left_out,source,sure"


def write(
    folder: Path,
    rows: dict = CLEAN,
    claims: list = CLAIMS,
    titles: dict | None = None,
    counts: tuple = (),
):
    """The files of workflow/published/."""
    folder.mkdir(exist_ok=True)
    for paper in ("ml_gcn", "gm_mlic", "ia_gcn", "ml_sgm"):
        lines = [["table", "dataset", "method", "setting", "metric", "value", "note"]]
        for (owner, *place), cells in rows.items():
            if owner == paper:
                lines += [[*place, metric, text, ""] for metric, text in cells.items()]
        save(folder / f"{paper}.csv", lines)
    lines = [["paper", "table", "method", "setting", "title", "order"]]
    keys = dict.fromkeys((row[0], row[1], *row[3:]) for row in rows)  # without the dataset
    for place, key in enumerate(keys, 1):
        lines.append([*key, (titles or {}).get(key[:3], key[2].title()), str(place)])
    save(folder / "systems.csv", lines)
    header = "paper,table,claim,kind,cell,against,value"
    (folder / "claims.csv").write_text("\n".join([header, *claims]) + "\n")
    (folder / "image_counts.csv").write_text("\n".join([COUNTS, *counts]) + "\n")
    return folder


def save(path: Path, lines: list[list[str]]) -> None:
    with path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(lines)


FIRST = ("ml_sgm", "I", "coco2014", "new", "(448, 448)")
PLAIN = ("ml_gcn", "A", "voc2007", "old", "Plain")
QUOTED = ("ia_gcn", "1", "voc2007", "old", "")
AVERAGE = ("ml_sgm", "V", "vg200", "new", "avg")

# row, cells that change -> findings: row's table, column, printed, recomputed, kind, sure
PLANTED = {
    "a digit is missing": (
        ("ml_sgm", "V", "vg200", "new", "50%"),
        {"mAP": "44."},
        [("V", "mAP", "44.", "", "number", "certain")],
    ),
    "more than all": (
        ("ml_sgm", "I", "coco2014", "new", "(448, 576)"),
        {"CP": "810.0"},
        [("I", "CP", "810.0", "", "number", "certain")],
    ),
    "other digits": (
        ("ml_sgm", "I", "coco2014", "new", "(448, 576)"),
        {"CP": "81.05"},
        [("I", "CP", "81.05", "", "number", "likely")],
    ),
    "mean of labels": (
        ("ml_gcn", "A", "voc2007", "old", "Better"),
        {"mAP": "88.2"},
        [("A", "mAP", "88.2", "88.05", "mean of labels", "certain")],
    ),
    "mean of proportions": (
        AVERAGE,
        {"mAP": "44.0"},
        [("V", "mAP", "44.0", "43.80", "mean of proportions", "certain")],
    ),
    "OF1 below": (
        FIRST,
        {"OF1": "75.8"},
        [
            ("I", "OF1", "75.8", "76.1", "quoted value", "likely"),
            ("I", "OF1", "75.8", "76.10", "harmonic F1", "certain"),
        ],
    ),
    "CF1 above": (
        FIRST,
        {"CF1": "75.0"},
        [("I", "CF1", "75.0", "74.67", "harmonic F1", "certain")],
    ),
    "CF1 below, alone": (
        FIRST,
        {"CF1": "74.0"},
        [("I", "CF1", "74.0", "74.67", "harmonic F1", "likely")],
    ),
    "both CF1 below": (
        FIRST,
        {"CF1": "74.0", "CF1_top3": "69.0"},
        [
            ("I", "CF1", "74.0", "74.67", "harmonic F1", "hint"),
            ("I", "CF1_top3", "69.0", "70.34", "harmonic F1", "hint"),
        ],
    ),
    "top 3 recall more": (
        FIRST,
        {"OR_top3": "74.0", "OF1_top3": "80.4"},
        [("I", "OR_top3", "74.0", "71.0", "top 3", "likely")],
    ),
    "top 3 less precise": (
        FIRST,
        {"OP_top3": "80.0", "OF1_top3": "69.9"},
        [("I", "OP_top3", "80.0", "82.0", "top 3", "hint")],
    ),
    "quoted wrong": (
        QUOTED,
        {"AP:cat": "90.2"},
        [("1", "AP:cat", "90.2", "90.1", "quoted value", "likely")],
    ),
    "another training": (
        QUOTED,
        {"AP:cat": "90.5", "AP:dog": "82.7", "mAP": "86.6"},
        [("1", "mAP", "86.6", "85.6", "other run", "hint")],
    ),
    "another variant": (
        ("gm_mlic", "2", "coco2014", "old", ""),
        {"mAP": "72.0", "OF1": "73.1"},
        [
            ("1", "mAP", "85.6", "", "variant", "likely"),
            ("2", "mAP", "72.0", "", "variant", "likely"),
            ("2", "mAP", "5.0", "3.0", "claim", "certain"),
        ],
    ),
    "another size": (
        ("ml_sgm", "IX", "coco2014", "fourth", ""),
        {"images_per_second": "61.0", "mAP": "70.5"},
        [("IX", "mAP", "70.5", "", "image size", "hint")],
    ),
    "less from more": (
        ("ml_sgm", "V", "vg200", "new", "50%"),
        {"mAP": "40.0"},
        [
            ("V", "mAP", "43.8", "42.47", "mean of proportions", "certain"),
            ("V", "mAP", "40.0", "40.1", "order", "hint"),
        ],
    ),
    "a part that costs nothing": (
        ("ml_sgm", "VIII", "", "new", "+Part"),
        {"params_m": "42.40"},
        [("VIII", "params_m", "42.40", "42.51", "order", "certain")],
    ),
    "slower without a part": (
        ("ml_sgm", "IX", "coco2014", "new", "w/o part"),
        {"images_per_second": "49.0"},
        [("IX", "images_per_second", "49.0", "50.0", "order", "hint")],
    ),
}
