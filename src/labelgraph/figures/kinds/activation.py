"""Class activation maps of two systems, and the boxes derived from them."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from labelgraph.figures import activation_maps, image_choice
from labelgraph.figures.canvas import (
    LINE,
    WIDE,
    Canvas,
    box,
    inches,
    origin,
    photograph,
    shortened,
)
from labelgraph.figures.style import (
    BLUE,
    GREEN,
    NORMAL,
    PINK,
    RED,
    Drawing,
)
from labelgraph.files.small import read_arrays

INKS = (BLUE, GREEN, PINK)  # of an image's labels
GAP, HIGH = 0.05, 0.74  # inches between pictures, and of a picture
VERDICT = {True: "touches the label", False: "elsewhere", None: ""}
LEGEND = (
    "Coloured where the map is strong. Box: around its largest part; red and dashed where its"
    " strongest cell touches no object of the label. The number is the label's probability."
)
HOW = (
    "Left, the photograph with the objects of its labels. Right, each label's map, coloured where"
    " it is strong, with the label's probability and the box around the largest part above 20% of"
    " the map's highest value; red and dashed where its strongest cell touches no such object."
)


def draw(figure: dict[str, Any]) -> Drawing:
    ((_, files),) = figure["files"].items()
    report = image_choice.read(files["targets"], files["predictions"])
    rows = image_choice.choose(figure["images"], report)
    looks = {name: read_arrays(Path(path)) for name, path in files["inspections"].items()}
    objects = activation_maps.read_objects(files["manifest"], report.images[rows].tolist())
    wide = (WIDE - 2 * GAP) / (1 + 2 * len(INKS)) - GAP
    pictures = [photograph(files["root"], report.images[row]) for row in rows]
    heights = [min(HIGH, wide * len(pixels) / pixels.shape[1]) for pixels in pictures]
    tops = [0.16, *(0.16 + np.cumsum([high + LINE + 0.08 for high in heights]))]
    canvas = Canvas(WIDE, tops[-1] - 0.08, [origin(figure), LEGEND])
    for place, title in enumerate(figure["systems"].values()):
        canvas.words(title, start(place * len(INKS), wide), 0, fontsize=NORMAL, fontweight="bold")
    table = [["image", "label", "system", "probability", "place"]]
    for row, pixels, top, high in zip(rows, pictures, tops, heights, strict=False):
        name = str(report.images[row])
        shown = [report.labels[column] for column in report.shown(row)][: len(INKS)]
        axes = canvas.picture(pixels, 0, top + LINE, wide, high)
        for label, edges in objects[name]:
            if label in shown:
                box(axes, edges, INKS[shown.index(label)], linewidth=0.7, under=0.7)
        places = ((system, label) for system in figure["systems"] for label in shown)
        for system, label in places:
            number = [*figure["systems"]].index(system) * len(INKS) + shown.index(label)
            sure = report.probability[system][row, report.labels.index(label)]
            words(canvas, label, sure, start(number, wide), top, wide, INKS[shown.index(label)])
            seen = activation_maps.read(looks[system], name, label)
            picture = activation_maps.overlaid(pixels, seen)
            axes = canvas.picture(picture, start(number, wide), top + LINE, wide, high)
            right = activation_maps.touches(
                seen, [edges for other, edges in objects[name] if other == label]
            )
            locate(axes, seen, INKS[shown.index(label)], right)
            line = Path(name).stem, label, figure["systems"][system], f"{sure:.2f}", VERDICT[right]
            table.append([*line])
    remarks = [image_choice.in_words(figure["images"], figure["systems"]), HOW]
    return Drawing(canvas.figure, table, remarks, photographs=True)


def words(canvas: Canvas, label: str, sure: float, left: float, top: float, wide: float, ink: str):
    """A label, shortened to fit, and its probability."""
    text = shortened(label, wide - inches(f"  {sure:.2f}"))
    canvas.words(f"{text} {sure:.2f}", left, top, color=ink)


def locate(axes: Axes, seen: activation_maps.Seen, ink: str, right: bool | None) -> None:
    """Draws the map's box; `right` is None if the boxes of the label's objects are not known."""
    wrong = {"colour": RED, "linestyle": "--"}
    box(axes, seen.in_photograph(seen.box), **(wrong if right is False else {"colour": ink}))


def start(place: int, wide: float) -> float:
    """Left edge of a map: after the photograph and a gap, with another gap between systems."""
    return (1 + place) * (wide + GAP) + GAP * (1 + place // len(INKS))
