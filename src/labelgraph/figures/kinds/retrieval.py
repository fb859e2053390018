"""The images whose features are nearest to those of a query, for two systems.

Shapes: N reported images, F features.
"""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.figures import image_choice
from labelgraph.figures.canvas import (
    LINE,
    WIDE,
    Canvas,
    frame,
    key,
    origin,
    photograph,
    wrapped,
)
from labelgraph.figures.style import (
    BLACK,
    BLUE,
    RED,
    SKY,
    Drawing,
)
from labelgraph.files.small import read_arrays
from labelgraph.manifest.manifest import YES

ASKED = 1000  # images that are queries in the table
GAP, HIGH, QUERY = 0.07, 0.66, 1.25  # inches; QUERY: the width of a query's column
KEY = (
    ("Left: the query. Frames: it shows", BLACK),
    ("all labels of the query", BLUE),
    ("some of them", SKY),
    ("none", RED),
)
HOW = (
    "Nearest first, by the distance of the pooled features. Under each image, how many of the"
    " query's labels it shows; its frame is dark blue where it shows all of them, light blue where"
    " some, red where none."
)
FROZEN = "The encoder does not learn in this study, so the two differ in their pooling alone."


def draw(figure: dict[str, Any]) -> Drawing:
    ((_, files),) = figure["files"].items()
    report = image_choice.read(files["targets"], files["predictions"])
    queries = image_choice.choose(figure["queries"], report)
    every = np.unique([*queries, *range(min(ASKED, len(report.images)))])
    near = {
        system: nearest(features(path, report), every, figure["top"])
        for system, path in files["inspections"].items()
    }
    wide = (WIDE - QUERY - 0.2) / figure["top"] - GAP
    high = 2 * (HIGH + 2 * LINE + 0.06) + 0.1
    canvas = Canvas(WIDE, len(queries) * high + 0.1, [origin(figure)])
    key(canvas, KEY, len(queries) * high - 0.04)
    for place, row in enumerate(queries):
        one_query(canvas, figure, report, row, near, place * high, wide)
    table = labels_found(figure, report, near)
    remarks = [image_choice.in_words(figure["queries"], figure["systems"]), HOW]
    return Drawing(canvas.figure, table, remarks + [FROZEN] * figure["frozen"], photographs=True)


def one_query(canvas, figure, report, row: int, near, top: float, wide: float) -> None:
    """The query, and beside it the images that each system finds."""
    files = next(iter(figure["files"].values()))
    axes = canvas.picture(photograph(files["root"], report.images[row]), 0, top + 0.14, QUERY, 0.94)
    frame(axes, "black", 0.8)
    names = [report.labels[column] for column in report.shown(row)]
    for line, text in enumerate(wrapped(names, QUERY, 2)):
        canvas.words(text, 0, top + 1.12 + line * LINE)
    for number, (system, title) in enumerate(figure["systems"].items()):
        below = top + LINE + 0.03 + number * (HIGH + 2 * LINE + 0.06)
        canvas.words(title, QUERY + 0.2, below - LINE)
        for place, other in enumerate(near[system][row]):
            left = QUERY + 0.2 + place * (wide + GAP)
            pixels = photograph(files["root"], report.images[other])
            axes = canvas.picture(pixels, left, below, wide, HIGH)
            same, all_of_it = shared(report, row, other), len(names)
            frame(axes, BLUE if same == all_of_it else SKY if same else RED)
            canvas.words(
                f"{same} of {all_of_it}", left + wide / 2, below + HIGH + 0.03, ha="center"
            )


def features(path: str, report: image_choice.Report) -> np.ndarray:
    """The features (N, F), in the order of the report."""
    stored = read_arrays(Path(path))
    place = {name: row for row, name in enumerate(stored["images"].tolist())}
    return stored["features"][[place[name] for name in report.images.tolist()]].astype(np.float64)


def nearest(values: np.ndarray, queries: np.ndarray, top: int) -> dict[int, np.ndarray]:
    """Rows of the `top` images nearest to each query; of equally near ones the first."""
    squares = (values**2).sum(1)
    found = {}
    for part in np.array_split(queries, -(-len(queries) // 256)):
        distance = squares[part, None] + squares - 2 * values[part] @ values.T
        distance[np.arange(len(part)), part] = np.inf
        order = np.argsort(distance, axis=1, kind="stable")[:, :top]
        found |= dict(zip(part.tolist(), order, strict=True))
    return found


def shared(report: image_choice.Report, row: int, other: int) -> int:
    """How many of the query's labels the other image shows."""
    return int((report.target[other, report.shown(row)] == YES).sum())


def labels_found(figure, report: image_choice.Report, near: dict[str, dict]) -> list[list[str]]:
    """Over many queries: the proportion of a query's labels that the images found for it show."""
    head = f"labels of the query in the first {figure['top']}"
    rows = [["system", head, "queries"]]
    for system, title in figure["systems"].items():
        each = [
            shared(report, row, other) / len(report.shown(row))
            for row, others in near[system].items()
            if len(report.shown(row))
            for other in others
        ]
        rows.append([title, f"{100 * np.mean(each):.1f}%", str(len(each) // figure["top"])])
    return rows
