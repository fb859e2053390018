"""Accuracy against cost: for each dataset, its methods' mAP over what they cost, as drawings.

Lengths are pixels of a drawing; the words' places are computed in hundreds of pixels.
"""

import math
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from labelgraph.figures import label_placement
from labelgraph.report import against_baseline, overview
from labelgraph.report.results import Results
from labelgraph.tables import titles
from labelgraph.tables.cost_columns import COSTS

SHOWN = ("params_m", "gflops", "forward_ratio", "step_ratio")  # of the lists of costs
WIDTH, HEIGHT = 430, 290
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 40  # around the axes
UNIT = 100  # pixels
SMALL, CAPITAL, LINE = 6.3, 8.2, 12  # pixels: mean widths of letters, and the height of a line
LEAST = 3  # methods of a drawing
LONGEST = 24  # letters of a name


@dataclass(frozen=True)
class Dot:
    title: str
    shown: str  # the title, shortened
    plain: bool  # a baseline
    x: float
    y: float
    word: tuple[float, float]  # where its name begins, at the lower edge
    end: tuple[float, float] | None  # of a line from the dot to a name far from it
    said: str  # the numbers


@dataclass(frozen=True)
class Drawing:
    heading: str  # what the horizontal axis is
    across: tuple[tuple[float, str], ...]  # ticks
    up: tuple[tuple[float, str], ...]
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Point:
    title: str
    plain: bool
    cost: float
    accuracy: float


def read(results: Results) -> list[tuple[str, list[Drawing]]]:
    """Title of a dataset -> its drawings, in the order of the overview."""
    found = {}
    for dataset in ordered(results):
        drawings = of_dataset(results, dataset)
        if drawings:
            found[titles.dataset(results.book, dataset)] = drawings
    return list(found.items())


def ordered(results: Results) -> list[str]:
    """The datasets on which methods have all labels, those of the overview first."""
    runs = [run for run in results.runs if run.task == against_baseline.TASK]
    known = {titles.dataset(results.book, run.dataset): run.dataset for run in runs}
    places = overview.compared(results)
    first = [known[place.title] for place in places if not place.control]
    return list(dict.fromkeys([*first, *known.values()]))


def of_dataset(results: Results, dataset: str) -> list[Drawing]:
    accuracy, seconds = of_runs(results, dataset)
    counted = {
        key: {line["method"]: line[key] for lines in results.costs.values()
              for line in lines if key in line}
        for key in SHOWN
    }  # fmt: skip
    costs = {COSTS[key][0]: values for key, values in counted.items()}
    costs["processor seconds of a training here"] = seconds
    drawings = []
    for heading, values in costs.items():
        points = [
            Point(titles.system(results.book, name, [f"{against_baseline.TASK}/{dataset}"]),
                  name.partition("@")[0] == against_baseline.BASELINE, values[name], mean)
            for name, mean in accuracy.items() if name in values
        ]  # fmt: skip
        if len(points) >= LEAST:
            drawings.append(drawing(heading, points))
    return drawings


def of_runs(results: Results, dataset: str) -> tuple[dict[str, float], dict[str, float]]:
    """Mean mAP, and mean processor seconds of a training, of each method as it is."""
    maps: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    for run, record in zip(results.runs, results.pooled["runs"], strict=True):
        value = results.main[run.folder]
        place = run.task, run.dataset, run.variant
        if value is not None and place == (against_baseline.TASK, dataset, ""):
            maps.setdefault(run.system, []).append(value)
            if record["cpu"] is not None:  # it ran here
                seconds.setdefault(run.system, []).append(record["cpu"])
    return (
        {name: fmean(values) for name, values in maps.items()},
        {name: fmean(values) for name, values in seconds.items()},
    )


def drawing(heading: str, points: list[Point]) -> Drawing:
    across = ticks([point.cost for point in points])
    up = ticks([point.accuracy for point in points])
    places = np.array([
        [scaled(point.cost, across, LEFT, WIDTH - RIGHT),
         scaled(point.accuracy, up, HEIGHT - BOTTOM, TOP)]
        for point in points
    ])  # fmt: skip
    names = [shortened(point.title) for point in points]
    words = placed(places, names)
    return Drawing(
        heading=heading,
        across=tuple((round(scaled(t, across, LEFT, WIDTH - RIGHT), 1), f"{t:g}") for t in across),
        up=tuple((round(scaled(t, up, HEIGHT - BOTTOM, TOP), 1), f"{t:g}") for t in up),
        dots=tuple(
            Dot(
                point.title,
                name,
                point.plain,
                *rounded(place),
                rounded(word),
                far_end(place, word, name),
                f"{point.title}: {point.cost:.4g}, mAP {point.accuracy:.1f}",
            )
            for point, place, name, word in zip(points, places, names, words, strict=True)
        ),
    )


def ticks(values: list[float]) -> list[float]:
    """Round numbers around all values, four to eight of them."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 1, high + 1
    rough = (high - low) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = power * next(part for part in (1, 2, 5, 10) if rough <= part * power)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(place * step, 10) for place in range(first, last + 1)]


def scaled(value: float, marks: list[float], start: float, end: float) -> float:
    return start + (end - start) * (value - marks[0]) / (marks[-1] - marks[0])


def placed(places: np.ndarray, names: list[str]) -> np.ndarray:
    """Lower left corners of the names, right of the axis.

    `label_placement` counts upwards, drawings downwards.
    """
    flip, corner = np.array([[1, -1]]), np.array([[-LEFT, HEIGHT]])
    points = (places * flip + corner) / UNIT
    widths = [width(name) / UNIT for name in names]
    room = np.array([WIDTH - LEFT, HEIGHT]) / UNIT
    corners = label_placement.place(points, widths, LINE / UNIT, room)
    return (corners * UNIT - corner) * flip


def far_end(place: np.ndarray, word: np.ndarray, name: str) -> tuple[float, float] | None:
    size = np.array([width(name), LINE])
    end = label_placement.nearest_end(place, word - [0, LINE], size)
    return rounded(end) if np.linalg.norm(end - place) > 14 else None


def width(name: str) -> float:
    capitals = sum(letter.isupper() for letter in name)
    return CAPITAL * capitals + SMALL * (len(name) - capitals)


def rounded(place: np.ndarray) -> tuple[float, float]:
    return round(float(place[0]), 1), round(float(place[1]), 1)


def shortened(title: str) -> str:
    return title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}…"
