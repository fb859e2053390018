"""The regions of images before and after weighting; regions with little weight fade."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from labelgraph.figures import image_choice
from labelgraph.figures.canvas import (
    LINE,
    WIDE,
    Canvas,
    box,
    origin,
    photograph,
    wrapped,
)
from labelgraph.figures.style import ORANGE, Drawing
from labelgraph.files.small import read_arrays

SIDE, GAP, HIGH = 2, 0.08, 0.86  # images side by side; inches between pictures, of a picture
STRONG = 5  # regions of which the box is drawn
HEADS = ("image", "regions", "weighted regions")
LEGEND = (
    f"Orange: all regions, then the {STRONG} with the most weight. Colours fade where no region has"
    " much weight."
)
HOW = (
    "A place has its colours as far as the heaviest region over it weighs as much as the image's"
    f" heaviest; before weighting all weigh the same. Boxes: all regions, then the {STRONG}"
    " heaviest. The weight is the size of the factor that the region is multiplied by."
)


def draw(figure: dict[str, Any]) -> Drawing:
    ((_, files),), (system,) = figure["files"].items(), figure["systems"]
    report = image_choice.read(files["targets"], files["predictions"])
    rows = image_choice.choose(figure["images"], report)
    stored = read_arrays(Path(files["inspections"][system]))
    wide = (WIDE - (3 * SIDE - 1) * GAP) / (3 * SIDE)
    high = HIGH + LINE + 0.1
    canvas = Canvas(WIDE, -(-len(rows) // SIDE) * high + 0.1, [origin(figure), LEGEND])
    table = [["image", "shown", "regions", "largest weight", "smallest weight"]]
    for place, row in enumerate(rows):
        left, top = place % SIDE * 3 * (wide + GAP), 0.16 + place // SIDE * high
        name = str(report.images[row])
        boxes, weight = weighted(stored, name)
        pixels = photograph(files["root"], name)
        shades = (None, np.ones(len(boxes)), weight)
        for step, (head, shade) in enumerate(zip(HEADS, shades, strict=True)):
            start = left + step * (wide + GAP)
            if place < SIDE:
                canvas.words(head, start, 0.0)
            picture = pixels if shade is None else faded(pixels, boxes, shade)
            outline(canvas.picture(picture, start, top, wide, HIGH), boxes, shade)
        names = [report.labels[column] for column in report.shown(row)]
        canvas.words(wrapped(names, 3 * wide, 1)[0], left, top + HIGH + 0.03)
        ends = [f"{weight.max():.2f}", f"{weight.min():.2f}"] if len(weight) else ["", ""]
        table.append([Path(name).stem, ", ".join(names), str(len(boxes)), *ends])
    remarks = [image_choice.in_words(figure["images"], figure["systems"]), HOW]
    return Drawing(canvas.figure, table, remarks, photographs=True)


def weighted(stored: dict[str, np.ndarray], image: str) -> tuple[np.ndarray, np.ndarray]:
    """An image's regions (N, 4), and their weights (N,)."""
    row = stored["images"].tolist().index(image)
    boxes, factor = stored["boxes"][row], stored["factor"][row]
    there = (boxes[:, 2:] > boxes[:, :2]).all(1)
    return boxes[there], np.abs(factor[there])


def outline(axes: Axes, boxes: np.ndarray, weight: np.ndarray | None) -> None:
    """Draws all boxes if their weights are equal, otherwise those with the highest weights."""
    if weight is None:
        return
    if np.ptp(weight) == 0:
        for edges in boxes:
            box(axes, edges, ORANGE, linewidth=0.5, under=0)
        return
    for place in np.argsort(-weight, kind="stable")[:STRONG]:
        box(axes, boxes[place], ORANGE, linewidth=0.9)


def faded(pixels: np.ndarray, boxes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The photograph in pale grey, with each region as clear as its weight."""
    height, width, _ = pixels.shape
    strength = np.zeros((height, width, 1))
    ends = np.rint(boxes * np.array([width, height, width, height])).astype(int)
    for (left, top, right, bottom), part in zip(ends, weight, strict=True):
        place = strength[top:bottom, left:right]
        np.maximum(place, part / max(weight.max(), 1e-9), out=place)
    pale = 0.35 * pixels.mean(2, keepdims=True) + 0.65 * 255
    return (strength * pixels + (1 - strength) * pale).astype(np.uint8)
