"""How mAP depends on the number of steps: each method again with half to four times its epochs.

    python benchmarks/steps.py mini benchmarks/steps.csv docs/steps.svg --data SECOND_DRAWING

Trains what the file lacks, on the data of `benchmarks/tune.py`, which no table reports, and draws
the curves as SVG and PNG. The linear layer that is trained in steps has the best settings that
`tune.py` found; the line is the optimum of the same problem.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import tune

from labelgraph import numerics
from labelgraph.figures import curves, style

STEPPED = {"lr": 0.056, "weight_decay": 0.9, "epochs": 9, "batch": 8, "spread": 0.3}
SYSTEMS = ("baseline", "ml_sgm", "c_tran", "ssgrl", "add_gcn")
TIMES = (0.5, 1.0, 2.0, 4.0)
SEEDS = (0, 1)
DATA = {"task": "full", "dataset": "voc2007"}
TICKS = (100, 200, 500, 1000, 2000)
IMAGES = 360  # fit images
Rows = list[dict[str, Any]]


def missing(study: str, done: Rows) -> Rows:
    there = {(row["system"], row["trial"], row["seed"]) for row in done}
    found = []
    for system in SYSTEMS:
        about = {"study": study, "system": system, "stage": "steps", **DATA}
        usual = STEPPED if system == "baseline" else tune.start(about | {"seed": 0})
        for seed in SEEDS:
            for trial, times in enumerate(TIMES):
                epochs = {"epochs": max(1, round(times * usual["epochs"]))}
                row = about | usual | epochs | {"trial": trial, "seed": seed}
                found += [row] * ((system, trial, seed) not in there)
    return found


def curve(study: str, rows: Rows, system: str) -> curves.Curve:
    own = [row for row in rows if row["system"] == system]
    trials = [[row for row in own if row["trial"] == trial] for trial in range(len(TIMES))]
    steps = [each[0]["epochs"] * -(-IMAGES // each[0]["batch"]) for each in trials]
    pairs = [curves.mean_and_std([row["map"] / 100 for row in each]) for each in trials]
    title = "linear (average pooling), in steps"
    if system != "baseline":
        title = tune.book(study).method(system).title
    return curves.Curve(title, steps, *map(list, zip(*pairs, strict=True)))


def draw(study: str, rows: Rows, optimum: float) -> style.Drawing:
    figure = style.new(style.PAGE * 0.75, 2.8)
    axes = figure.add_axes((0.09, 0.15, 0.48, 0.8))
    found = [curve(study, rows, system) for system in SYSTEMS]
    for place, each in enumerate(found):
        curves.plot(axes, each, place)
    line = {"color": style.GREY, "linewidth": 1.0, "linestyle": "--"}
    axes.axhline(optimum, label="linear (average pooling), optimum", **line)
    axes.set(xscale="log", xlabel="steps of the optimizer", ylabel="mAP")
    axes.set_xticks(TICKS, [f"{tick:,}" for tick in TICKS])
    axes.set_xticks([], minor=True)
    curves.finish(axes, found, "")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.02))
    return style.Drawing(figure)


def main(given: argparse.Namespace) -> None:
    rows = tune.rows_in(given.file)
    with ProcessPoolExecutor(given.jobs) as pool:
        for row in pool.map(partial(tune.trained, given.data, 0.0), missing(given.study, rows)):
            tune.write(given.file, row)
    optimum = {"study": given.study, "system": "baseline", "stage": "optimum", "trial": 0} | DATA
    optimum |= tune.start(optimum | {"seed": 0}) | {"seed": 0}
    best = tune.trained(given.data, 0.0, optimum)["map"]
    with style.look():
        drawing = draw(given.study, tune.rows_in(given.file), best)
        style.write(drawing, "mAP against steps of the optimizer", given.figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("study")
    parser.add_argument("file", type=Path)
    parser.add_argument("figure", type=Path)
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--jobs", type=int, default=2)
    numerics.set_seed(0)
    main(parser.parse_args())
