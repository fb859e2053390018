"""The labels to which two systems give the highest probabilities, below photographs."""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.figures import image_choice
from labelgraph.figures.canvas import (
    LINE,
    WIDE,
    Canvas,
    key,
    origin,
    photograph,
    shortened,
    wrapped,
)
from labelgraph.figures.style import (
    BLACK,
    BLUE,
    GREY,
    RED,
    Drawing,
)
from labelgraph.manifest.manifest import NO

COLUMNS = 4
GAP, HIGH = 0.14, 1.24  # inches between columns, and of a photograph
TRUTH = 2  # lines
INKS, SIDES = (RED, BLUE), ("left", "right")  # of the two systems, as in the papers


def draw(figure: dict[str, Any]) -> Drawing:
    cells = [cell for dataset in figure["datasets"] for cell in cells_of(figure, dataset)]
    wide = (WIDE - (COLUMNS - 1) * GAP) / COLUMNS
    high = HIGH + (figure["top"] + TRUTH) * LINE + 0.2
    rows = -(-len(cells) // COLUMNS)
    canvas = Canvas(WIDE, rows * high + 0.08, [origin(figure)])
    marks = [("✓ the image shows it, ✗ it does not", GREY)]
    sides = [
        f"{title}, {side}" for title, side in zip(figure["systems"].values(), SIDES, strict=True)
    ]
    key(canvas, [*zip(sides, INKS, strict=True), *marks], 0.03)
    for place, (root, report, row) in enumerate(cells):
        left, top = place % COLUMNS * (wide + GAP), 0.22 + place // COLUMNS * high
        canvas.picture(photograph(root, report.images[row]), left, top, wide, HIGH)
        write(canvas, report, row, figure, left, top + HIGH + 0.04, wide)
    remarks = [image_choice.in_words(figure["images"], figure["systems"])]
    return Drawing(canvas.figure, table(cells, figure), remarks, photographs=True)


def cells_of(figure: dict[str, Any], dataset: str) -> list[tuple[str, image_choice.Report, int]]:
    """For each photograph shown: the folder of its dataset, the report, and its row in it."""
    files = figure["files"][dataset]
    report = image_choice.read(files["targets"], files["predictions"])
    rows = image_choice.choose(figure["images"], report)
    if not rows:
        raise ValueError(
            f"{figure['name']}: no reported image of {dataset} has {figure['images']['labels']}"
            " labels; change `images` in figures.yaml"
        )
    return [(files["root"], report, row) for row in rows]


def highest(report: image_choice.Report, system: str, row: int, top: int) -> list[int]:
    """Columns of the `top` labels by probability; of equal ones the first."""
    return np.argsort(-report.probability[system][row], kind="stable")[:top].tolist()


def write(canvas, report, row: int, figure: dict[str, Any], left: float, top: float, wide: float):
    """The labels of both systems in two columns, and those that the image shows."""
    for place, (system, ink) in enumerate(zip(figure["systems"], INKS, strict=True)):
        start = left + place * wide / 2
        for line, column in enumerate(highest(report, system, row, figure["top"])):
            right = report.target[row, column] != NO  # a difficult one is no mistake
            text = shortened(f"{'✓' if right else '✗'} {report.labels[column]}", wide / 2 - 0.03)
            look = {"color": ink, "fontstyle": "normal" if right else "italic"}
            canvas.words(text, start, top + line * LINE, **look)
    names = [report.labels[column] for column in report.shown(row)]
    for line, text in enumerate(wrapped(["shown:", *names], wide, TRUTH)):
        canvas.words(text, left, top + (figure["top"] + line) * LINE + 0.03, color=BLACK)


def table(cells: list, figure: dict[str, Any]) -> list[list[str]]:
    rows = [["image", "shown", *figure["systems"].values()]]
    for _, report, row in cells:
        found = [highest(report, system, row, figure["top"]) for system in figure["systems"]]
        lists = [report.shown(row), *found]
        words = [", ".join(report.labels[column] for column in columns) for columns in lists]
        rows.append([Path(str(report.images[row])).stem, *words])
    return rows
