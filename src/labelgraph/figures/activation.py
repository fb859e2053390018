"""Where two systems see each label: class activation maps and the boxes that follow from them.

Shapes: C labels, h and w a map's height and width.
"""

from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image

from labelgraph.figures import _choosing as choosing
from labelgraph.figures._sheet import LINE, Sheet, box, inches, photograph, shortened
from labelgraph.figures._style import BLUE, GREEN, ORANGE, PAGE, RED, SMALL, Drawing
from labelgraph.files import read_arrays

INKS = (BLUE, ORANGE, GREEN)  # of an image's labels
BLOCKS, GAP = 2, 0.2  # blocks side by side
MARGIN, MAP = 0.16, 0.72  # of a system's name beside its maps; height of a map


def draw(figure: dict[str, Any]) -> Drawing:
    ((dataset, files),) = figure["files"].items()
    report = choosing.read(files["targets"], files["predictions"])
    rows = choosing.choose(figure["images"], report)
    looks = {name: read_arrays(Path(path)) for name, path in files["inspections"].items()}
    objects = read_objects(files["manifest"])
    wide = (PAGE - (BLOCKS - 1) * GAP) / BLOCKS
    high = 2 * (MAP + 0.05) + LINE + 0.22
    sheet = Sheet(PAGE, -(-len(rows) // BLOCKS) * high)
    table = [["image", "label", "system", "probability", "place"]]
    for place, row in enumerate(rows):
        corner = place % BLOCKS * (wide + GAP), place // BLOCKS * high
        pixels = photograph(files["root"], report.images[row])
        name = str(report.images[row])
        table += block(sheet, figure, report, row, pixels, looks, objects[name], corner, wide)
    remarks = [choosing.in_words(figure["images"], figure["systems"]), HOW]
    return Drawing(sheet.figure, table, remarks, photographs=True)


HOW = (
    "Left, the photograph with the objects of its labels. Right, a label's map and the box around"
    " the largest part above 20% of its highest value, with the label's probability; red and dashed"
    " where the map's highest place is inside no object of the label."
)


def read_objects(manifest: str) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Image -> label and box of each of its objects, in shares of the image."""
    stored = read_arrays(Path(manifest))
    names, sizes = stored["names"].tolist(), stored["sizes"]
    found: dict[str, list] = {name: [] for name in stored["images"].tolist()}
    images = stored["images"].tolist()
    for image, label, (x, y, w, h) in zip(
        stored["box_image"], stored["box_label"], stored["boxes"], strict=True
    ):
        edges = np.array([x, y, x + w, y + h]) / np.tile(sizes[image], 2)
        found[images[image]].append((names[label], edges.clip(0, 1)))
    return found


def block(sheet, figure, report, row, pixels, looks, objects, corner, wide) -> list[list[str]]:
    """The photograph, and for each of its labels a map of each system."""
    left, top = corner
    names = [report.labels[column] for column in report.shown(row)][: len(INKS)]
    across = (wide - MARGIN) / (len(INKS) + 1)
    axes = sheet.picture(pixels, left, top + LINE, across, 2 * MAP + 0.05)
    for name, edges in objects:
        if name in names:
            box(axes, edges, INKS[names.index(name)], linewidth=0.8)
    rows = []
    for high, (system, title) in enumerate(figure["systems"].items()):
        below = top + LINE + high * (MAP + 0.05)
        middle = below + MAP / 2
        sheet.words(
            shortened(title, MAP), left + across + 0.02, middle, rotation=90, va="center"
        )
        for place, (name, ink) in enumerate(zip(names, INKS, strict=False)):
            start = left + MARGIN + (place + 1) * across
            if not high:
                text = shortened(name, across - 0.04)
                sheet.words(text, start, top - 0.02, color=ink, fontweight="bold")
            found = seen(looks[system], report, row, name)
            inside = judged(found, [edges for other, edges in objects if other == name])
            axes = sheet.picture(overlaid(pixels, found), start, below, across - 0.04, MAP)
            wrong = inside is False
            look = {"linestyle": "--"} if wrong else {}
            box(axes, in_photograph(found["box"], found["window"]), RED if wrong else ink, **look)
            probability = report.probability[system][row, report.labels.index(name)]
            note(axes, f"{probability:.2f}")
            verdict = {True: "on the label", False: "elsewhere", None: ""}[inside]
            rows.append([str(report.images[row]), name, title, f"{probability:.2f}", verdict])
    return rows


def note(axes, text: str) -> None:
    ground = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    axes.text(0.98, 0.97, text, ha="right", va="bottom", fontsize=SMALL, bbox=ground)


def seen(look: dict[str, np.ndarray], report, row: int, name: str) -> dict[str, np.ndarray]:
    """A label's map (h, w), its box, and the window of the photograph that both are shares of."""
    image = look["images"].tolist().index(str(report.images[row]))
    column = look["labels"].tolist().index(name)
    return {
        "map": look["maps"][image, column],
        "box": look["boxes"][image, column],
        "window": look["window"],
    }


def in_photograph(edges: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Shares of a window as shares of the photograph."""
    return np.tile(window[:2], 2) + edges * np.tile(window[2:] - window[:2], 2)


def peak(found: dict[str, np.ndarray]) -> np.ndarray:
    """The middle of the highest cell, x and y in shares of the photograph."""
    height, width = found["map"].shape
    y, x = np.unravel_index(found["map"].argmax(), (height, width))
    middle = np.array([(x + 0.5) / width, (y + 0.5) / height])
    return in_photograph(np.tile(middle, 2), found["window"])[:2]


def judged(found: dict[str, np.ndarray], objects: list[np.ndarray]) -> bool | None:
    """Whether the peak is inside an object of the label; None where no object is known."""
    x, y = peak(found)
    inside = [low <= x <= high and top <= y <= end for low, top, high, end in objects]
    return any(inside) if objects else None


def overlaid(pixels: np.ndarray, found: dict[str, np.ndarray]) -> np.ndarray:
    """The photograph in grey, in the colours of the map where the map is."""
    height, width, _ = pixels.shape
    edges = np.rint(found["window"] * np.tile([width, height], 2)).astype(int)
    left, top, right, bottom = edges
    grey = np.repeat(pixels.mean(2, keepdims=True), 3, 2)
    size = (right - left, bottom - top)
    scaled = found["map"] - min(found["map"].min(), 0)
    image = Image.fromarray((scaled / max(scaled.max(), 1e-9)).astype(np.float32))
    wide = np.asarray(image.resize(size, Image.Resampling.BICUBIC)).clip(0, 1)
    colours = 255 * matplotlib.colormaps["viridis"](wide)[..., :3]
    canvas = 0.5 * grey + 80
    canvas[top:bottom, left:right] = 0.45 * grey[top:bottom, left:right] + 0.55 * colours
    return canvas.clip(0, 255).astype(np.uint8)
