"""A metric of every row of a table as a dot: a panel for each dataset, the best row on top."""

import textwrap
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from labelgraph.figures import curves, style
from labelgraph.files.small import read_json
from labelgraph.score.metrics import value

ROW, TOP, BELOW = 0.25, 0.3, 0.7  # inches: a row; the panels' titles; the axis and the key
WIDE, NAMES, NUMBERS, GAP = 6.4, 1.7, 0.68, 0.16  # the page; beside a panel; between panels
LETTERS = 27  # of a name on one line
HOW = (
    "A dot is the mean over seeds, its bar the standard deviation over seeds. Rows are sorted by"
    " their means in the first panel. The panels span equally many points, so distances can be"
    " compared between them. The dashed line is the mean of {}."
)
Values = dict[str, tuple[float | None, float | None]]  # row -> mean and deviation, in percent


def draw(figure: dict[str, Any]) -> style.Drawing:
    found = {dataset: read(figure, dataset) for dataset in figure["datasets"]}
    first = next(iter(found.values()))
    rows = sorted(figure["rows"], key=lambda row: -(first[row][0] or 0.0))
    wide = (WIDE - NAMES - NUMBERS * len(found) - GAP * (len(found) - 1)) / len(found)
    high = ROW * len(rows) + TOP + BELOW
    page = style.new(WIDE, high)
    spans = {dataset: span(values) for dataset, values in found.items()}
    half = 0.54 * max(end - start for start, end in spans.values())
    for number, (dataset, title) in enumerate(figure["datasets"].items()):
        left, values = NAMES + number * (wide + NUMBERS + GAP), found[dataset]
        place = left / WIDE, BELOW / high, wide / WIDE, ROW * len(rows) / high
        axes = page.add_axes(place)
        middle = sum(spans[dataset]) / 2
        axes.set(xlim=(middle - half, middle + half), xlabel=f"{figure['metric']} (%)")
        axes.set_title(title, loc="left", fontweight="bold")
        panel(axes, [values[row] for row in rows], [row in figure["plain"] for row in rows])
        names = ["\n".join(textwrap.wrap(row, LETTERS)) for row in rows if not number]
        axes.set_yticks(range(len(names)), names, fontsize=style.NORMAL, linespacing=0.95)
        if (mean := values[figure["reference"]][0]) is not None:
            axes.axvline(mean, **LINE)
    page.legend(handles=handles(figure), **KEY)
    return style.Drawing(page, table(figure, found, rows), [HOW.format(figure["reference"])])


def read(figure: dict[str, Any], dataset: str) -> Values:
    """Mean and standard deviation over seeds of each row."""
    return {
        row: curves.mean_and_std(
            [value(read_json(Path(path)), figure["metric"]) for path in files[dataset]]
        )
        for row, files in figure["rows"].items()
    }


def span(values: Values) -> tuple[float, float]:
    """Where the lowest bar begins and the highest one ends."""
    known = [(mean, spread or 0.0) for mean, spread in values.values() if mean is not None]
    low = min((mean - part for mean, part in known), default=0.0)
    high = max((mean + part for mean, part in known), default=100.0)
    return low, max(high, low + curves.LEAST)


LINE = {"color": style.GREY, "linestyle": (0, (4, 3)), "linewidth": 0.9, "zorder": 1}
PLAIN, OTHER = {"color": style.GREY, "marker": "s"}, {"color": style.BLUE, "marker": "o"}
MARK = {"markersize": 4.6, "linestyle": "none", "capsize": 2.2, "elinewidth": 1.1, "zorder": 3}


def panel(axes: Axes, values: list[tuple[float | None, float | None]], plain: list[bool]) -> None:
    """A dot, its bar and its numbers for each row, the first on top."""
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, pad=6)
    axes.spines["left"].set_visible(False)
    axes.hlines(range(len(values)), *axes.get_xlim(), color=style.PALE, linewidth=0.6, zorder=0)
    axes.xaxis.get_major_locator().set_params(nbins=7, steps=[1, 2, 5, 10], integer=True)
    beside = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points"}
    for place, (mean, spread) in enumerate(values):
        if mean is not None:
            axes.errorbar(mean, place, xerr=spread, **MARK, **(PLAIN if plain[place] else OTHER))
            text = words(mean, spread)
            axes.annotate(text, (1, place), (6, 0), va="center_baseline", **beside)


def words(mean: float, spread: float | None) -> str:
    return f"{mean:.1f}" if spread is None else f"{mean:.1f} ± {spread:.1f}"


KEY = {"loc": "lower center", "ncols": 3, "handletextpad": 0.4, "columnspacing": 1.4}


def handles(figure: dict[str, Any]) -> list[Line2D]:
    """What the marks mean."""
    marks = {"linestyle": "none", "markersize": MARK["markersize"]}
    looks = [{"label": text} | marks for text in figure["legend"]]
    return [
        Line2D([], [], **looks[0], **OTHER),
        Line2D([], [], **looks[1], **PLAIN),
        Line2D([], [], label=f"mean of {figure['reference']}", **LINE),
    ]


def table(figure: dict[str, Any], found: dict[str, Values], rows: list[str]) -> list[list[str]]:
    """The numbers behind the dots."""
    head = [f"{title}: {what}" for title in figure["datasets"].values() for what in ("mean", "std")]
    lines = [["system", *head]]
    for row in rows:
        numbers = [part for values in found.values() for part in values[row]]
        lines.append([row, *("" if part is None else f"{part:.2f}" for part in numbers)])
    return lines
