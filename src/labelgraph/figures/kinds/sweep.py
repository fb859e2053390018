"""A metric against one setting of a method, a panel for each setting and dataset."""

import string
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from labelgraph.figures import curves, style
from labelgraph.files.small import read_json
from labelgraph.score.metrics import value

PANEL = 1.55  # inches high


def draw(figure: dict[str, Any]) -> style.Drawing:
    names = list(dict.fromkeys(curve["name"] for curve in figure["curves"]))
    places = [(name, each) for each in figure["datasets"] for name in names]
    columns = len(names) if len(names) > 1 else len(places)
    width = style.COLUMN if columns < 3 else style.PAGE
    high = len(places) // columns
    page = style.new(width, PANEL * high + 0.45, layout="constrained")
    panels = page.subplots(high, columns, squeeze=False)
    rows = [["setting", "dataset", "value", figure["metric"], "std", "seeds", "published"]]
    for place, (axes, key) in enumerate(zip(panels.flat, places, strict=True)):
        curve = next(c for c in figure["curves"] if (c["name"], c["dataset"]) == key)
        title = figure["datasets"][curve["dataset"]]
        narrow = title.replace(", ", ",\n")  # a panel is narrower than a long title
        heading = f"{narrow}\n" if len(figure["datasets"]) > 1 else ""
        printed = published(figure, curve["dataset"])
        paper = f"in the paper: {printed}" if printed else ""
        axes.set_title(f"({string.ascii_lowercase[place]}) {heading}{paper}", loc="left")
        axes.set_ylabel(f"{figure['metric']} (%)" if axes in panels[:, 0] else "")
        rows += panel(axes, curve, title, figure, printed)
    if len(figure["datasets"]) == 1:
        (title,) = figure["datasets"].values()
        page.suptitle(title, x=0.01, ha="left", fontsize=style.NORMAL, fontweight="bold")
    marks = 3 if width > style.COLUMN else 2  # in a line
    page.legend(handles=handles(rows), loc="outside lower center", ncols=marks)
    return style.Drawing(page, rows, remarks(rows))


def panel(axes: Axes, curve, title: str, figure, printed: str) -> list[list[str]]:
    """Draws the curve, and returns its lines of the table."""
    points = curve["points"]
    numbers = all(isinstance(point["x"], int | float) for point in points)
    x = [point["x"] if numbers else place for place, point in enumerate(points)]
    found = [
        [value(read_json(Path(path)), figure["metric"]) for path in point["scores"]]
        for point in points
    ]
    middle = [curves.mean_and_std(values) for values in found]
    line = curves.Curve(title, x, *map(list, zip(*middle, strict=True)))
    chosen = [point["x"] == curve["chosen"] for point in points].index(True)
    if line.std[chosen] and len({len(values) for values in found}) > 1:
        ends = [line.mean[chosen] + sign * line.std[chosen] for sign in (-1, 1)]
        axes.axhspan(*ends, color=style.PALE, alpha=0.5, linewidth=0, zorder=0)
    curves.plot(axes, line, 0)
    if line.mean[chosen] is not None:
        axes.plot(x[chosen], line.mean[chosen], zorder=4, **RING)
    axes.set_xticks(x, spaced(x, [point["label"] for point in points], chosen))
    axes.set_xlabel(f"{curve['name']} {curve['symbol']}")
    axes.margins(x=0.1)
    curves.finish(axes, [line], f"no label of {title}\nhas a positive")
    return [
        [
            curve["symbol"],
            title,
            point["label"] + (" (chosen)" if place == chosen else ""),
            *("" if number is None else f"{number:.2f}" for number in middle[place]),
            str(len(found[place])),
            printed if place == chosen else "",
        ]
        for place, point in enumerate(points)
    ]


def spaced(x: list[float], labels: list[str], chosen: int) -> list[str]:
    """Labels below an axis; if two would touch, only the chosen one or the first is kept."""
    room, kept = 0.08 * (max(x) - min(x)), [chosen]
    for place in range(len(x)):
        if all(abs(x[place] - x[other]) >= room for other in kept):
            kept.append(place)
    return [label if place in kept else "" for place, label in enumerate(labels)]


RING = {
    "marker": "o",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgecolor": style.RED,
    "color": style.RED,
    "linestyle": "none",
}


def handles(rows: list[list[str]]) -> list[Line2D | Patch]:
    """The legend of the marks; a band is drawn where the method's own value has more seeds."""
    band = Patch(color=style.PALE, alpha=0.5, label="its ± std, across")
    bar = {"color": style.BLUE, "marker": "|", "markersize": 8, "linestyle": "none"}
    return [
        Line2D([], [], label="the method's own value", **RING),
        Line2D([], [], label="± std over seeds", **bar),
        *([band] if len({row[5] for row in rows[1:]}) > 1 else []),
    ]


def published(figure: dict[str, Any], dataset: str) -> str:
    """The published value of the method with its own settings, named `table/method/setting`."""
    key = (figure["published"] or {}).get(dataset)
    if not key:
        return ""
    table, method, *setting = key.split("/", 2)
    printed = pd.read_csv(figure["printed"], dtype=str, keep_default_na=False)
    wanted = {
        "table": table,
        "dataset": dataset,
        "method": method,
        "setting": "".join(setting),
        "metric": figure["metric"],
    }
    for column, text in wanted.items():
        printed = printed[printed[column] == text]
    if len(printed) != 1:
        raise ValueError(f"{figure['name']}: {figure['printed']} has no one value {wanted}")
    return printed["value"].item()


def remarks(rows: list[list[str]]) -> list[str]:
    seeds = {row[5] for row in rows[1:]}
    found = ["In the paper: the published value, with the paper's own settings."]
    if len(seeds) == 1:
        return [*found, f"Seeds of each point: {seeds.pop()}."]
    fewest, most = min(seeds, key=int), max(seeds, key=int)
    return [
        *found,
        f"Seeds of each point: {fewest}; of the method's own value {most}. The grey band is the"
        " standard deviation of these: points may differ that much by chance.",
    ]
