"""The regions of images before and after they are weighted: what counts is light, the rest dark."""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.figures import _choosing as choosing
from labelgraph.figures._sheet import LINE, Sheet, box, photograph, wrapped
from labelgraph.figures._style import ORANGE, PAGE, Drawing
from labelgraph.files import read_arrays

SIDE, GAP, HIGH = 2, 0.08, 0.86  # images side by side; inches between pictures, of a picture
STRONG = 5  # regions of which the box is drawn
DARK = 0.25  # brightness of what no region covers
HEADS = ("image", "regions", "weighted regions")


def draw(figure: dict[str, Any]) -> Drawing:
    ((dataset, files),), (system,) = figure["files"].items(), figure["systems"]
    report = choosing.read(files["targets"], files["predictions"])
    rows = choosing.choose(figure["images"], report)
    stored = read_arrays(Path(files["inspections"][system]))
    wide = (PAGE - (3 * SIDE - 1) * GAP) / (3 * SIDE)
    high = HIGH + 2 * LINE + 0.08
    sheet = Sheet(PAGE, -(-len(rows) // SIDE) * high + 0.16)
    table = [["image", "shown", "regions", "largest weight", "smallest weight"]]
    for place, row in enumerate(rows):
        left = place % SIDE * 3 * (wide + GAP)
        top = 0.16 + place // SIDE * high
        number = stored["images"].tolist().index(str(report.images[row]))
        boxes, factor = stored["boxes"][number], stored["factor"][number]
        there = (boxes[:, 2:] > boxes[:, :2]).all(1)
        boxes, factor = boxes[there], np.abs(factor[there])
        pixels = photograph(files["root"], report.images[row])
        shades = (None, np.ones(len(boxes)), factor)
        for step, (head, weight) in enumerate(zip(HEADS, shades, strict=True)):
            start = left + step * (wide + GAP)
            if place < SIDE:
                sheet.words(head, start, 0.0)
            picture = pixels if weight is None else lit(pixels, boxes, weight)
            axes = sheet.picture(picture, start, top, wide, HIGH)
            for edges in strongest(boxes, weight):
                box(axes, edges, ORANGE, linewidth=0.7)
        names = [report.labels[column] for column in report.shown(row)]
        for line, text in enumerate(wrapped(names, 3 * wide, 1)):
            sheet.words(text, left, top + HIGH + 0.03 + line * LINE)
        ends = [f"{factor.max():.2f}", f"{factor.min():.2f}"] if len(factor) else ["", ""]
        table.append([str(report.images[row]), ", ".join(names), str(len(boxes)), *ends])
    remarks = [choosing.in_words(figure["images"], figure["systems"]), HOW]
    return Drawing(sheet.figure, table, remarks, photographs=True)


HOW = (
    "Brightness: how much weight the regions over a place have together, its highest value white;"
    f" before weighting each counts the same. Boxes: the {STRONG} regions of the largest weight."
    " The weight is the size of the factor that the region is multiplied by."
)


def strongest(boxes: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """The boxes to be drawn: all where they weigh the same, else the heaviest."""
    if weight is None:
        return boxes[:0]
    if np.ptp(weight) == 0:
        return boxes
    return boxes[np.argsort(-weight, kind="stable")[:STRONG]]


def lit(pixels: np.ndarray, boxes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    height, width, _ = pixels.shape
    light = np.zeros((height, width))
    ends = np.rint(boxes * np.array([width, height, width, height])).astype(int)
    for (left, top, right, bottom), share in zip(ends, weight, strict=True):
        light[top:bottom, left:right] += share
    light = DARK + (1 - DARK) * light / max(light.max(), 1e-9)
    return (pixels * light[..., None]).astype(np.uint8)
