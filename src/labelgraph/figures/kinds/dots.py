"""A metric of every row of a table as a dot: a panel for each dataset, the best row on top."""

import textwrap
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from labelgraph.figures import curves, style
from labelgraph.figures.sheet import Sheet
from labelgraph.files.small import read_json
from labelgraph.score.metrics import value

ROW, TOP, BELOW = 0.25, 0.24, 0.64  # inches: a row; the panels' titles; the axis and the key
WIDE, NAMES, NUMBERS, GAP = 6.3, 1.6, 0.68, 0.16  # the sheet; beside a panel; between panels
LETTERS = 27  # of a name on one line
LETTER = style.NORMAL
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
    sheet = Sheet(WIDE, TOP + ROW * len(rows) + BELOW)
    for place, row in enumerate(rows):
        name = "\n".join(textwrap.wrap(row, LETTERS))
        write(sheet, name, NAMES - 0.08, place, ha="right", linespacing=0.95)
    wide = (WIDE - NAMES - NUMBERS * len(found) - GAP * (len(found) - 1)) / len(found)
    spans = {dataset: span(values) for dataset, values in found.items()}
    half = 0.54 * max(high - low for low, high in spans.values())
    for number, (dataset, title) in enumerate(figure["datasets"].items()):
        left, values = NAMES + number * (wide + NUMBERS + GAP), found[dataset]
        sheet.words(title, left, 0.02, fontsize=LETTER, fontweight="bold")
        axes = sheet.axes(left, TOP, wide, ROW * len(rows))
        middle = sum(spans[dataset]) / 2
        axes.set(xlim=(middle - half, middle + half), xlabel=f"{figure['metric']} (%)")
        panel(axes, [values[row] for row in rows], [row in figure["plain"] for row in rows])
        if (mean := values[figure["reference"]][0]) is not None:
            axes.axvline(mean, **LINE)
        for place, row in enumerate(rows):
            write(sheet, words(values[row]), left + wide + 0.06, place)
    key(sheet, figure["reference"])
    remarks = [HOW.format(figure["reference"])]
    return style.Drawing(sheet.figure, table(figure, found, rows), remarks)


def read(figure: dict[str, Any], dataset: str) -> Values:
    """Mean and standard deviation over seeds of each row."""
    return {
        row: curves.mean_and_spread(
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


def write(sheet: Sheet, text: str, left: float, place: int, **options: Any) -> None:
    """Words in the middle of a row."""
    sheet.words(text, left, TOP + (place + 0.5) * ROW, va="center", fontsize=LETTER, **options)


def words(number: tuple[float | None, float | None]) -> str:
    return " ± ".join(f"{part:.1f}" for part in number if part is not None)


LINE = {"color": style.GREY, "linestyle": (0, (4, 3)), "linewidth": 0.9, "zorder": 1}
LINEAR, OTHER = {"color": style.GREY, "marker": "s"}, {"color": style.BLUE, "marker": "o"}
MARK = {"markersize": 4.6, "linestyle": "none", "capsize": 2.2, "elinewidth": 1.1, "zorder": 3}


def panel(axes: Axes, values: list[tuple[float | None, float | None]], plain: list[bool]) -> None:
    """A dot and its bar for each row, from top to bottom; `plain` rows are linear layers."""
    axes.set(ylim=(len(values) - 0.5, -0.5), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.hlines(range(len(values)), *axes.get_xlim(), color=style.PALE, linewidth=0.6, zorder=0)
    axes.xaxis.get_major_locator().set_params(nbins=7, steps=[1, 2, 5, 10], integer=True)
    for place, (mean, spread) in enumerate(values):
        if mean is not None:
            axes.errorbar(mean, place, xerr=spread, **MARK, **(LINEAR if plain[place] else OTHER))


def key(sheet: Sheet, reference: str) -> None:
    """What the marks mean, below the panels."""
    marks = {"linestyle": "none", "markersize": MARK["markersize"]}
    handles = [
        Line2D([], [], label="relates labels to each other", **marks, **OTHER),
        Line2D([], [], label="linear layer alone", **marks, **LINEAR),
        Line2D([], [], label=f"mean of {reference}", **LINE),
    ]
    sheet.figure.legend(
        handles=handles, loc="lower center", ncols=3, fontsize=style.SMALL,
        handletextpad=0.4, columnspacing=1.4, borderaxespad=0.2,
    )  # fmt: skip


def table(figure: dict[str, Any], found: dict[str, Values], rows: list[str]) -> list[list[str]]:
    """The numbers behind the dots."""
    head = [f"{title}: {what}" for title in figure["datasets"].values() for what in ("mean", "std")]
    lines = [["system", *head]]
    for row in rows:
        numbers = [part for values in found.values() for part in values[row]]
        lines.append([row, *("" if part is None else f"{part:.2f}" for part in numbers)])
    return lines
