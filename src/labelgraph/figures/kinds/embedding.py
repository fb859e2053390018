"""The vectors that a system has learnt for the labels, in two dimensions by t-SNE.

Shapes: C labels, d numbers for each.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from labelgraph.figures import style
from labelgraph.figures.canvas import (
    EDGE,
    LINE,
    WIDE,
    Canvas,
    inches,
)
from labelgraph.figures.label_placement import DISTANCES, nearest_end, place
from labelgraph.files.small import read_arrays

SEED = 0
PARTNERS = 3  # most frequent companions that the table asks for
GAP = 0.2  # inches between panels
HEAD = 0.2 + LINE  # inches above a panel
ROOM = 0.45  # of the distance between points that are spread evenly
STEPS = 300
INSIDE = 0.15  # inches between the outermost points and the frame


LEGEND = (
    "A line joins each label with the one it shares most images with; labels joined so have one"
    " colour and mark."
)
HOW = (
    "t-SNE of cosine distances. Points too near to each other for their words are moved apart. A"
    " line joins each label with the one it shares most images with, measured by the cosine of"
    " their counts; labels joined in this way have one colour and mark. The table: how many labels"
    f" are nearest to one of their {PARTNERS} most frequent companions."
)


def draw(figure: dict[str, Any]) -> style.Drawing:
    panels = [
        (title, name, *read(files, system))
        for files, name in zip(figure["files"].values(), figure["datasets"].values(), strict=True)
        for system, title in figure["systems"].items()
    ]
    most = max(len(names) for _, _, names, _, _ in panels)
    wide = WIDE if len(panels) > 1 or most > 30 else style.COLUMN - 2 * EDGE
    wide = (wide - GAP * (len(panels) - 1)) / len(panels)
    high = min((0.85 if most <= 40 else 1.2) * wide, 4.8)
    canvas = Canvas(wide * len(panels) + GAP * (len(panels) - 1), high + HEAD, [LEGEND])
    rows = [["system", "dataset", "nearest label is a frequent companion", "by chance"]]
    for number, (title, dataset, names, vectors, counts) in enumerate(panels):
        left = number * (wide + GAP)
        for line, text in enumerate((title, dataset)):
            canvas.words(text, left, 0.02 + line * LINE, fontsize=style.NORMAL)
        axes = canvas.axes(left, HEAD, wide, high)
        scatter(axes, names, flat(vectors), counts, np.array([wide, high]))
        rates = companion_rate(vectors, counts), 100 * PARTNERS / (len(names) - 1)
        rows.append([title, dataset, *(f"{rate:.0f}%" for rate in rates)])
    return style.Drawing(canvas.figure, rows, [HOW])


def read(files: dict[str, Any], system: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The labels' names, vectors (C, d) and co-occurrence counts (C, C)."""
    stored = read_arrays(Path(files["inspections"][system]))
    counted = read_arrays(Path(files["counts"]))
    place_of = {name: place for place, name in enumerate(counted["names"].tolist())}
    rows = [place_of[name] for name in stored["labels"].tolist()]
    vectors = stored["vectors"].astype(np.float64)
    return stored["labels"].tolist(), vectors, counted["counts"][np.ix_(rows, rows)]


def flat(vectors: np.ndarray) -> np.ndarray:
    """The vectors in two dimensions, (C, 2) between 0 and 1."""
    from sklearn.manifold import TSNE  # slow to import

    fit = TSNE(
        perplexity=min(15.0, (len(vectors) - 1) / 4),
        metric="cosine",
        init="pca",
        method="exact",
        random_state=SEED,
    )
    found = fit.fit_transform(vectors)
    return (found - found.min(0)) / np.maximum(np.ptp(found, axis=0), 1e-9)


def apart(points: np.ndarray, page: np.ndarray) -> np.ndarray:
    """The points with at least some distance between them, for words: ROOM of an even spread.

    Each step moves all pairs that are too near, half the way each; nothing leaves the page.
    """
    least = ROOM * float(np.sqrt(page.prod() / len(points)))
    turn = np.arange(len(points)) * 2.4
    own_way = 1e-3 * np.stack([np.cos(turn), np.sin(turn)], 1)  # of points in one place
    for _ in range(STEPS):
        at = points + own_way
        gap = at[:, None] - at  # (C, C, 2)
        length = np.linalg.norm(gap, axis=2)
        np.fill_diagonal(length, np.inf)
        near = np.clip(least - length, 0, None)
        if near.max() < 0.02 * least:
            break
        move = (0.5 * near / length)[..., None] * gap
        points = np.clip(points + move.sum(1), INSIDE, page - INSIDE)
    return points


def likeness(counts: np.ndarray) -> np.ndarray:
    """(C, C) cosine similarity of two labels' images; 0 on the diagonal and for unused labels."""
    alone = np.maximum(np.diagonal(counts), 1)
    found = counts / np.sqrt(alone[:, None] * alone)
    np.fill_diagonal(found, 0)
    return found


def groups(partner: np.ndarray) -> np.ndarray:
    """(C,) the group of each label: the labels that lines join directly or indirectly."""
    group = np.arange(len(partner))
    for _ in partner:
        for one, other in enumerate(partner):
            group[one] = group[other] = min(group[one], group[other])
    return np.unique(group, return_inverse=True)[1]


def scatter(
    axes: Axes, names: list[str], spots: np.ndarray, counts: np.ndarray, page: np.ndarray
) -> None:
    """Draws points, words and lines; `page`: the panel's size in inches."""
    points = apart(INSIDE + spots * (page - 2 * INSIDE), page)
    alike = likeness(counts)
    partner = np.where(alike.any(1), alike.argmax(1), np.arange(len(names)))
    group = groups(partner)
    for one, other in enumerate(partner):
        axes.plot(*points[[one, other]].T, color=style.PALE, linewidth=1, zorder=1)
    for one, number in enumerate(group):
        look = {
            "color": style.COLOURS[number % len(style.COLOURS)],
            "marker": style.MARKERS[(number + number // len(style.COLOURS)) % len(style.MARKERS)],
        }
        axes.plot(*points[one], linestyle="none", zorder=2, **look)
    widths, high = [inches(name) for name in names], 0.8 * LINE
    corners = place(points, widths, high, page)
    for name, point, low, width, number in zip(names, points, corners, widths, group, strict=True):
        colour = style.COLOURS[number % len(style.COLOURS)]
        axes.text(*low, name, fontsize=style.SMALL, color=colour, va="bottom", zorder=3)
        end = nearest_end(point, low, np.array([width, high]))
        if np.linalg.norm(end - point) > 1.5 * DISTANCES[0]:
            axes.plot(*np.array([point, end]).T, color=colour, linewidth=0.4, zorder=1)
    axes.set(xlim=(0, page[0]), ylim=(0, page[1]), xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=style.PALE)


def companion_rate(vectors: np.ndarray, counts: np.ndarray) -> float:
    """Percent of the labels whose nearest other label is a frequent companion."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    near = unit @ unit.T
    np.fill_diagonal(near, -np.inf)
    companions = np.argsort(-likeness(counts), axis=1, kind="stable")[:, :PARTNERS]
    return 100 * float((near.argmax(1)[:, None] == companions).any(1).mean())
