"""Photographs on which a system makes a given mistake with the highest confidence."""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.figures import image_choice
from labelgraph.figures.canvas import (
    LINE,
    WIDE,
    Canvas,
    frame,
    origin,
    photograph,
    shortened,
)
from labelgraph.figures.style import (
    BLACK,
    BLUE,
    GREY,
    RED,
    Drawing,
)
from labelgraph.manifest.manifest import NO, YES

GAP, HIGH = 0.1, 0.84  # inches between photographs, and of one
LINES = 7  # of words below a photograph
SURE = 0.5  # the probability above which a label is given
KINDS = {"false_positive": "wrongly given", "false_negative": "missed"}
NONE, NO_MORE = "no reported image has this mistake", "no more such images"


def draw(figure: dict[str, Any]) -> Drawing:
    ((_, files),), (system,) = figure["files"].items(), figure["systems"]
    report = image_choice.read(files["targets"], files["predictions"])
    places = sum(wanted["count"] for wanted in figure["mistakes"])
    wide = (WIDE - (places - 1) * GAP) / places
    canvas = Canvas(WIDE, 0.45 + HIGH + LINES * LINE, [origin(figure)])
    canvas.words("+ given, but not shown", 0, 0.02, color=RED)
    canvas.words("− shown, but not given", WIDE / 3, 0.02, color=BLUE)
    canvas.words("given and shown", 2 * WIDE / 3, 0.02, color=BLACK)
    left, rows = 0.0, [["mistake", "image", "its probability", "wrongly given", "missed"]]
    for wanted in figure["mistakes"]:
        head = f"{wanted['label']}, {KINDS[wanted['kind']]}"
        canvas.words(head, left, 0.22, fontweight="bold")
        found = worst(report, system, wanted)
        for place, row in enumerate(found):
            name, start = str(report.images[row]), left + place * (wide + GAP)
            frame(
                canvas.picture(photograph(files["root"], name), start, 0.4, wide, HIGH), GREY, 0.6
            )
            labels = sorted_out(report, system, row)
            write(canvas, labels, wanted["label"], start, wide)
            sure = report.probability[system][row, report.labels.index(wanted["label"])]
            wrong = [", ".join(labels[sign]) for sign in ("+", "−")]
            rows.append([head, Path(name).stem, f"{sure:.2f}", *wrong])
        if len(found) < wanted["count"]:
            start = left + len(found) * (wide + GAP)
            canvas.words(NO_MORE if found else NONE, start, 0.45, color=GREY)
        left += wanted["count"] * (wide + GAP)
    return Drawing(canvas.figure, rows, [in_words(figure)], photographs=True)


def worst(report: image_choice.Report, system: str, wanted: dict[str, Any]) -> list[int]:
    """Rows of the images with the mistake, the most confident mistakes first."""
    if wanted["label"] not in report.labels:
        raise ValueError(f"no label {wanted['label']!r}; there are {report.labels}")
    column = report.labels.index(wanted["label"])
    probability, target = report.probability[system][:, column], report.target[:, column]
    if wanted["kind"] == "false_positive":
        wrong, order = (target == NO) & (probability > SURE), -probability
    else:
        wrong, order = (target == YES) & (probability <= SURE), probability
    rows = np.flatnonzero(wrong)
    return rows[np.argsort(order[rows], kind="stable")][: wanted["count"]].tolist()


def sorted_out(report: image_choice.Report, system: str, row: int) -> dict[str, list[str]]:
    """Labels wrongly given (+), missed (−), and rightly given."""
    given, target = report.probability[system][row] > SURE, report.target[row]
    groups = {
        "+": given & (target == NO),
        "−": ~given & (target == YES),
        "": given & (target != NO),  # a difficult label may be given
    }
    names = np.array(report.labels)
    return {sign: names[chosen].tolist() for sign, chosen in groups.items()}


def write(
    canvas: Canvas, labels: dict[str, list[str]], label: str, left: float, wide: float
) -> None:
    """A line for each label, the one in question first."""
    inks = {"+": RED, "−": BLUE, "": BLACK}
    found = [(f"{sign} {name}".strip(), inks[sign], name == label)
             for sign, names in labels.items() for name in names]  # fmt: skip
    found.sort(key=lambda entry: not entry[2])
    if len(found) > LINES:
        found[LINES - 1 :] = [(f"and {len(found) - LINES + 1} more", GREY, False)]
    for place, (text, ink, bold) in enumerate(found):
        look = {"color": ink, "fontweight": "bold" if bold else "normal"}
        canvas.words(shortened(text, wide), left, 0.45 + HIGH + place * LINE, **look)


def in_words(figure: dict[str, Any]) -> str:
    wished = " and ".join(
        f"the {wanted['count']} most confident {wanted['kind'].replace('_', ' ')}s of"
        f" {wanted['label']}"
        for wanted in figure["mistakes"]
    )
    return (
        f"Images: of the reported ones, {wished}. A label is given if its probability is above"
        f" {SURE}."
    )
