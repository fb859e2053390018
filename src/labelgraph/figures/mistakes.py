"""Photographs that a system is surest to be right about, and is wrong about."""

from typing import Any

import numpy as np

from labelgraph.figures import _choosing as choosing
from labelgraph.figures._sheet import LINE, WIDE, Sheet, frame, photograph, shortened
from labelgraph.figures._style import BLACK, BLUE, GREY, RED, Drawing
from labelgraph.manifest import NO, YES

GAP, HIGH, LINES = 0.1, 0.84, 7
KINDS = {"false_positive": "wrongly given", "false_negative": "missed"}

NONE = "no reported image has this mistake"


def draw(figure: dict[str, Any]) -> Drawing:
    (dataset,), (system,) = figure["datasets"], figure["systems"]
    files = figure["files"][dataset]
    report = choosing.read(files["targets"], files["predictions"])
    places = sum(wanted["count"] for wanted in figure["mistakes"])
    wide = (WIDE - (places - 1) * GAP) / places
    sheet = Sheet(WIDE, 0.45 + HIGH + LINES * LINE)
    sheet.words("+ given, but not shown", 0, 0.02, color=RED)
    sheet.words("− shown, but not given", WIDE / 3, 0.02, color=BLUE)
    sheet.words("given and shown", 2 * WIDE / 3, 0.02, color=BLACK)
    left, rows = 0.0, [["mistake", "image", "probability", "given", "shown"]]
    for wanted in figure["mistakes"]:
        found = worst(report, system, wanted)
        head = f"{wanted['label']}, {KINDS[wanted['kind']]}"
        sheet.words(head, left, 0.22, fontweight="bold")
        for row, probability in found:
            axes = sheet.picture(
                photograph(files["root"], report.images[row]), left, 0.4, wide, HIGH
            )
            frame(axes, GREY, 0.6)
            write(sheet, lines(report, system, row, wanted), left, wide)
            rows.append(line(report, system, row, wanted, probability))
            left += wide + GAP
        if len(found) < wanted["count"]:
            sheet.words("no more such images" if found else NONE, left, 0.45, color=GREY)
        left += (wanted["count"] - len(found)) * (wide + GAP)
    remarks = [in_words(figure)]
    return Drawing(sheet.figure, rows, remarks, photographs=True)


def worst(report: choosing.Report, system: str, wanted: dict[str, Any]) -> list[tuple[int, float]]:
    """Images with the mistake, and the probability of its label; the surest mistakes first."""
    if wanted["label"] not in report.labels:
        raise ValueError(f"no label {wanted['label']!r}; there are {report.labels}")
    column = report.labels.index(wanted["label"])
    probability, target = report.probability[system][:, column], report.target[:, column]
    if wanted["kind"] == "false_positive":
        rows, sure = np.flatnonzero((target == NO) & (probability > 0.5)), -probability
    else:
        rows, sure = np.flatnonzero((target == YES) & (probability <= 0.5)), probability
    rows = rows[np.argsort(sure[rows], kind="stable")][: wanted["count"]]
    return [(int(row), float(probability[row])) for row in rows]


def given(report: choosing.Report, system: str, row: int) -> list[str]:
    chosen = np.flatnonzero(report.probability[system][row] > 0.5)
    return [report.labels[column] for column in chosen]


def shown(report: choosing.Report, row: int) -> list[str]:
    return [report.labels[column] for column in report.shown(row)]


def lines(report: choosing.Report, system: str, row: int, wanted: dict[str, Any]) -> list[tuple]:
    """Text, colour and weight of each line: the mistake itself first."""
    said, true = given(report, system, row), shown(report, row)
    found = [(f"+ {name}", RED, name) for name in said if name not in true]
    found += [(f"− {name}", BLUE, name) for name in true if name not in said]
    found.sort(key=lambda entry: entry[2] != wanted["label"])
    found += [(name, BLACK, name) for name in said if name in true]
    if len(found) > LINES:
        left = len(found) - LINES + 1
        found[LINES - 1 :] = [(f"and {left} more", GREY, "")]
    return [(text, ink, name == wanted["label"]) for text, ink, name in found]


def write(sheet: Sheet, entries: list[tuple], left: float, wide: float) -> None:
    for place, (text, ink, bold) in enumerate(entries):
        weight = "bold" if bold else "normal"
        sheet.words(
            shortened(text, wide), left, 0.45 + HIGH + place * LINE, color=ink, fontweight=weight
        )


def line(report, system: str, row: int, wanted: dict[str, Any], probability: float) -> list[str]:
    mistake = f"{wanted['label']}, {wanted['kind'].replace('_', ' ')}"
    words = ", ".join(given(report, system, row)), ", ".join(shown(report, row))
    return [mistake, str(report.images[row]), f"{probability:.2f}", *words]


def in_words(figure: dict[str, Any]) -> str:
    asked = " and ".join(
        f"the {wanted['count']} surest {wanted['kind'].replace('_', ' ')}s of {wanted['label']}"
        for wanted in figure["mistakes"]
    )
    return f"Images: {asked}; a label is given from a probability of 0.5."
