"""How fast a device trains: measured, chosen, or scaled from published figures.

A time is a + b x multiply-adds. On a processor a and b are measured for each method (steptimes.py).
On a GPU a is nothing, and b comes from `labelgraph bench heads --device cuda`, from a number that
the user gives, or from what others measured; each estimate says which, and how far off it may be.
"""

import csv
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from labelgraph.costs import networks, work
from labelgraph.files.small import read_json, write_json
from labelgraph.study.config import Book, run_of

MEASURED = Path("results/costs/speeds.json")  # what `labelgraph bench` found on this machine
PUBLISHED = Path("workflow/published")
TABLE = "ml_sgm_IX"  # speeds on a 2080 Ti
ERROR = 1.3  # either way, where the speed was measured: a margin, which no comparison supports yet
PASSES = 3  # a training step is a forward and a backward pass, which costs two


@dataclass(frozen=True)
class Line:
    """Seconds: `fixed` + `each` x multiply-adds."""

    fixed: float
    each: float

    def seconds(self, products: float) -> float:
        return self.fixed + self.each * products


@dataclass(frozen=True)
class Pace:
    """Of a method: a training step, a forward pass, and what a job takes before its first step."""

    step: Line
    forward: Line
    start: float


@dataclass(frozen=True)
class Speeds:
    device: str
    basis: str  # a sentence: where the numbers come from
    usual: Pace
    paces: dict[str, Pace]  # by method
    fast: float  # the interval, as factors of an estimated time
    slow: float

    def pace(self, method: str) -> Pace:
        return self.paces.get(method, self.usual)


def of_rate(rate: float) -> Pace:
    """`rate`: multiply-adds a second."""
    line = Line(0.0, 1 / rate)
    return Pace(line, line, 0.0)


def read() -> dict[str, dict[str, Any]]:
    """Device and number format -> what was measured."""
    return read_json(MEASURED) if MEASURED.exists() else {}


def remember(name: str, found: dict[str, Any]) -> None:
    write_json(MEASURED, read() | {name: found})


def measured_gpu(book: Book, wanted: str | None) -> Speeds | None:
    """From `labelgraph bench heads` with the number format of the study, if it ran on a GPU."""
    train = book.usual.train
    for name, found in reversed(read().items()):
        setup = found["setup"]
        alike = (setup["device"], setup["precision"], setup["channels_last"]) == (
            *("cuda", train.precision),
            train.channels_last,
        )
        if alike and (wanted or "").lower() in name.lower():
            return of_bench(name, found)
    return None


def of_bench(name: str, found: dict[str, Any]) -> Speeds:
    def pace(line: dict[str, Any]) -> Pace:
        products = line["gflops"] * 1e9
        step = 1 / (line["step_images_per_second"] * products * PASSES)
        return Pace(Line(0.0, step), Line(0.0, 1 / (line["images_per_second"] * products)), 0.0)

    first, *others = found["methods"]
    basis = (
        f"`labelgraph bench heads` measured {first['step_images_per_second']:.0f} images a second"
        f" of {first['method']} in training on this GPU; other sizes are scaled by multiply-adds."
        f" The interval is a margin of a factor of {ERROR} either way, not a measurement"
    )
    paces = {line["method"]: pace(line) for line in others}
    return Speeds(name, basis, pace(first), paces, 1 / ERROR, ERROR)


def chosen(book: Book, images_per_second: float) -> Speeds:
    """A speed that the user gives: images a second of the encoder alone, in training."""
    encoder = book.usual.encoder
    whole = work.stages(encoder.name, encoder.size)[0]
    slow = spread(book)
    basis = (
        f"you chose {images_per_second:g} images a second of {encoder.name} in training at"
        f" {encoder.size} pixels; methods are scaled by multiply-adds, which was"
        f" {slow:.2f} times too fast for the worst method of ML-SGM's Table IX"
    )
    rate = images_per_second * whole.each * PASSES
    return Speeds("a GPU of your choice", basis, of_rate(rate), {}, 1.0, slow)


def spread(book: Book) -> float:
    """How much slower a method of Table IX is than its multiply-adds say, at most."""
    printed = table_ix()
    base = printed["baseline"] * of_system(book, "baseline")
    systems = book.tables[TABLE]["runs"]
    return max(base / (printed[row] * of_system(book, systems[row])) for row in printed)


def of_system(book: Book, system: str) -> float:
    """Multiply-adds of one image at test time, in the setup of Table IX."""
    run = run_of(book.study, "full", "coco2014", system, 0)
    block = networks.settings(book, [system])[system]
    training = book.settings(run).training
    training = training.model_copy(update={"model": block, "encoder": book.defaults.encoder})
    size = networks.setup(book)["size"]
    return work.network(training, networks.LABELS, size).forward(1)


def table_ix() -> dict[str, float]:
    """Row -> images a second, as printed."""
    with (PUBLISHED / "ml_sgm.csv").open(encoding="utf-8", newline="") as stream:
        return {
            "/".join(filter(None, (line["method"], line["setting"]))): float(line["value"])
            for line in csv.DictReader(stream)
            if (line["table"], line["metric"]) == ("IX", "images_per_second")
        }


def published(book: Book, wanted: str | None) -> Speeds:
    """Scaled from what others measured, which nobody measured with this code."""
    figures = others()
    names = ["2080 Ti", *dict.fromkeys(line["device"] for line in figures)]
    if wanted is None or plain(wanted) in plain(names[0]):
        return of_table_ix(book, figures)
    known = [name for name in names if plain(wanted) in plain(name)]
    if not known:
        raise ValueError(
            f"no speed of a GPU named {wanted!r} is known; there are {names}. Give your own with"
            " --images-per-second, or measure it with `labelgraph bench heads --device cuda`"
        )
    return of_others(book, known[0], figures)


def plain(name: str) -> str:
    return name.lower().replace(" ", "")


def others() -> list[dict[str, str]]:
    with (PUBLISHED / "speeds.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def rates(figures: list[dict[str, str]], device: str) -> dict[str, float]:
    """Number format -> multiply-adds a second in training."""
    return {
        line["precision"]: float(line["images_per_second"])
        * PASSES
        * work.stages(line["encoder"], int(line["size"]))[0].each
        for line in figures
        if line["device"] == device
    }


def gain(figures: list[dict[str, str]]) -> float:
    """How much faster mixed precision was than full, at most."""
    found = [rates(figures, device) for device in {line["device"] for line in figures}]
    return max(each["mixed"] / each["full"] for each in found)


def of_table_ix(book: Book, figures: list[dict[str, str]]) -> Speeds:
    printed = table_ix()["baseline"]
    rate = printed * of_system(book, "baseline")
    half = book.usual.train.precision != "float32"
    fast, slow = (gain(figures) if half else 1.0), spread(book)
    basis = (
        f"nothing was measured with this code on a GPU. ML-SGM's Table IX prints {printed} images a"
        f" second of ResNet-101 at test time on a 2080 Ti, at 448 pixels; a training step is taken"
        f" to cost {PASSES} times as much, and methods are scaled by multiply-adds. The slow end is"
        f" {slow:.2f} times slower, as the worst method of that table is; the fast end"
        f" {fast:.2f} times faster, which is what mixed precision gained on NVIDIA's V100"
    )
    return Speeds("2080 Ti", basis, of_rate(rate), {}, 1 / fast, slow)


def of_others(book: Book, device: str, figures: list[dict[str, str]]) -> Speeds:
    """From NVIDIA's own training to its training in full precision with Table IX's worst method."""
    rate, worst = rates(figures, device), spread(book)
    lowest = rate["full"] / worst
    middle = sqrt(rate["mixed"] * lowest)
    basis = (
        f"nothing was measured with this code on a GPU. The fast end is NVIDIA's own training of"
        f" ResNet-50 on one {device} in mixed precision, scaled by multiply-adds; the slow end its"
        f" training in full precision, {worst:.2f} times slower, as the worst method of ML-SGM's"
        f" Table IX is; the estimate is the geometric mean of both"
    )
    fast, slow = middle / rate["mixed"], middle / lowest
    return Speeds(device, basis, of_rate(middle), {}, fast, slow)
