"""Where two systems see each label: class activation maps and the boxes that follow from them."""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.figures import _choosing as choosing
from labelgraph.figures import _maps as maps
from labelgraph.figures._sheet import LINE, WIDE, Sheet, box, inches, photograph, shortened
from labelgraph.figures._style import BLUE, GREEN, NORMAL, PINK, RED, Drawing
from labelgraph.files import read_arrays

INKS = (BLUE, GREEN, PINK)  # of an image's labels
GAP, HIGH = 0.05, 0.74  # inches between pictures, and of a picture
HOW = (
    "Left, the photograph with the objects of its labels. Right, each label's map, coloured where"
    " it is strong, with the label's probability and the box around the largest part above 20% of"
    " the map's highest value; red and dashed where its strongest cell touches no such object."
)


def draw(figure: dict[str, Any]) -> Drawing:
    ((_, files),) = figure["files"].items()
    report = choosing.read(files["targets"], files["predictions"])
    rows = choosing.choose(figure["images"], report)
    looks = {name: read_arrays(Path(path)) for name, path in files["inspections"].items()}
    objects = maps.read_objects(files["manifest"])
    wide = (WIDE - 2 * GAP) / (1 + 2 * len(INKS)) - GAP
    pictures = [photograph(files["root"], report.images[row]) for row in rows]
    heights = [min(HIGH, wide * len(pixels) / pixels.shape[1]) for pixels in pictures]
    tops = [0.16, *(0.16 + np.cumsum([high + LINE + 0.08 for high in heights]))]
    sheet = Sheet(WIDE, tops[-1] - 0.08)
    for place, title in enumerate(figure["systems"].values()):
        sheet.words(title, start(place * len(INKS), wide), 0, fontsize=NORMAL, fontweight="bold")
    table = [["image", "label", "system", "probability", "place"]]
    for row, pixels, top, high in zip(rows, pictures, tops, heights, strict=False):
        name = str(report.images[row])
        shown = [report.labels[column] for column in report.shown(row)][: len(INKS)]
        axes = sheet.picture(pixels, 0, top + LINE, wide, high)
        for label, edges in objects[name]:
            if label in shown:
                box(axes, edges, INKS[shown.index(label)], linewidth=0.7, under=0.7)
        for number, (system, title) in enumerate(figure["systems"].items()):
            for label, ink in zip(shown, INKS, strict=False):
                left = start(number * len(INKS) + shown.index(label), wide)
                seen = maps.read(looks[system], name, label)
                right = maps.touches(
                    seen, [edges for other, edges in objects[name] if other == label]
                )
                axes = sheet.picture(maps.overlaid(pixels, seen), left, top + LINE, wide, high)
                dashes = {"linestyle": "--"} if right is False else {}
                box(axes, seen.in_photograph(seen.box), RED if right is False else ink, **dashes)
                sure = f"{report.probability[system][row, report.labels.index(label)]:.2f}"
                text = shortened(label, wide - inches(f"  {sure}"))
                sheet.words(f"{text} {sure}", left, top, color=ink)
                verdict = {True: "touches the label", False: "elsewhere", None: ""}[right]
                table.append([Path(name).stem, label, title, sure, verdict])
    remarks = [choosing.in_words(figure["images"], figure["systems"]), HOW]
    return Drawing(sheet.figure, table, remarks, photographs=True)


def start(place: int, wide: float) -> float:
    """Left edge of a map: the photograph and some room come first, room again between systems."""
    return (1 + place) * (wide + GAP) + GAP * (1 + place // len(INKS))
