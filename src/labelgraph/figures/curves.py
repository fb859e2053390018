"""Curves and their standard deviation; colour, marker and line differ, so grey print is legible."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from labelgraph.figures.style import (
    COLOURS,
    DASHES,
    GREY,
    MARKERS,
    PALE,
    SMALL,
)

LEAST = 4.0  # the vertical axis spans at least this, so that noise does not fill a panel


@dataclass(frozen=True)
class Curve:
    """Mean and standard deviation at each place, None where there is none."""

    label: str
    x: list[float]
    mean: list[float | None]
    std: list[float | None]

    def known(self) -> np.ndarray:
        return np.array([value is not None for value in self.mean], bool)


def mean_and_std(values: list[float | None]) -> tuple[float | None, float | None]:
    """In percent; the standard deviation over seeds if there are several."""
    known = [100 * value for value in values if value is not None]
    if not known:
        return None, None
    return float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None


def plot(axes: Axes, curve: Curve, place: int) -> None:
    """`place`: the number of the curve, which determines its look."""
    known = curve.known()
    x, mean = np.array(curve.x, float)[known], np.array(curve.mean, float)[known]
    std = np.array([value or 0.0 for value in np.array(curve.std, object)[known]], float)
    look = {
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[place % len(MARKERS)],
        "linestyle": DASHES[place % len(DASHES)],
    }
    axes.plot(x, mean, label=curve.label, clip_on=False, zorder=3, **look)
    bars = std > 0
    if bars.any():
        bar = {"linestyle": "none", "capsize": 1.5, "elinewidth": 0.8, "capthick": 0.8}
        axes.errorbar(x[bars], mean[bars], std[bars], color=look["color"], zorder=2, **bar)


def finish(axes: Axes, curves: list[Curve], nothing: str) -> None:
    """Sets the limits and draws lines behind the curves; without curves, writes `nothing`."""
    axes.grid(axis="y", color=PALE, linewidth=0.5)
    low, high = limits(curves)
    if low is None:
        axes.text(0.5, 0.5, nothing, transform=axes.transAxes, **MIDDLE)
        axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
        axes.spines[:].set_visible(False)
        return
    axes.set_ylim(low, high)
    axes.yaxis.get_major_locator().set_params(nbins=5)


MIDDLE = {"ha": "center", "va": "center", "color": GREY, "fontsize": SMALL, "wrap": True}


def limits(curves: list[Curve]) -> tuple[float | None, float | None]:
    ends = [
        value + sign * (std or 0.0)
        for curve in curves
        for value, std in zip(curve.mean, curve.std, strict=True)
        if value is not None
        for sign in (-1, 1)
    ]
    if not ends:
        return None, None
    middle, half = (min(ends) + max(ends)) / 2, max(max(ends) - min(ends), LEAST) / 2
    return middle - 1.1 * half, middle + 1.1 * half
