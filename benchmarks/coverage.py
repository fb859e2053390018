"""How often do the intervals of claims hold the truth? Simulated systems, images and seeds.

Two systems score images of which some are hard for both. A seed makes a system stronger or weaker,
and adds noise of its own. The truth is the difference that very many images and seeds give; with
one seed, that of this seed. `seeds_sd` is how far seeds differ, in the unit of a score.

    python benchmarks/coverage.py benchmarks/coverage.csv
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from scipy.stats import norm

from labelgraph.score import bootstrap, metrics
from labelgraph.score.estimates import estimate

LABELS, DRAWS, STRENGTH = 6, 200, 1.5
SETTINGS = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}
CASES = [  # images, seeds, how far seeds differ, by how much the first system is stronger
    (300, 1, 0.0, 0.0),
    (300, 1, 0.0, 0.3),
    (300, 2, 0.1, 0.0),
    (300, 3, 0.0, 0.0),
    (300, 3, 0.05, 0.0),
    (300, 3, 0.1, 0.3),
    (300, 3, 0.2, 0.0),
    (300, 4, 0.1, 0.0),
    (60, 3, 0.1, 0.0),
]
NAMES = ("mAP", "AP:0", "OF1")


def systems(draw: np.random.Generator, images: int, strengths: np.ndarray) -> tuple:
    """Targets (N, C), and scores (2, S, N, C) of two systems of these strengths (2, S)."""
    target = (draw.random((images, LABELS)) < 0.15).astype(np.int8)
    hard = draw.normal(size=(images, LABELS))  # the same for all
    taste = draw.normal(size=(2, 1, images, LABELS)) * 0.5  # of a system, with every seed
    noise = draw.normal(size=(2, strengths.shape[1], images, LABELS)) * 0.7
    signal = strengths[:, :, None, None] * (2 * target - 1)
    return target, signal + hard + taste + noise - 1


def strengths(draw: np.random.Generator, seeds: int, spread: float, ahead: float) -> np.ndarray:
    found = STRENGTH + spread * draw.normal(size=(2, seeds))
    return found + np.array([[ahead], [0.0]])


def differences(target: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Metric -> (S,) first minus second."""
    found = [
        [metrics.evaluate(some, target, **SETTINGS) for some in of_system] for of_system in scores
    ]
    flat = [
        [metrics.flat(metrics.named(each, [*map(str, range(LABELS))], [])) for each in some]
        for some in found
    ]
    return {
        name: np.array([one[name] - other[name] for one, other in zip(*flat, strict=True)])
        for name in NAMES
    }


def drawn(draw: np.random.Generator, target: np.ndarray, scores: np.ndarray) -> dict:
    """Metric -> (S, R) first minus second, over the same draws."""
    counts = bootstrap.draws(len(target), DRAWS, int(draw.integers(2**31)))
    labels = [*map(str, range(LABELS))]
    found = [
        [bootstrap.values(counts, some, target, labels, SETTINGS, NAMES) for some in of_system]
        for of_system in scores
    ]
    return {
        name: np.array([one[name] - other[name] for one, other in zip(*found, strict=True)])
        for name in NAMES
    }


def truth(draw: np.random.Generator, spread: float, ahead: float) -> dict[str, float]:
    """Over evenly spaced quantiles of the seeds' strengths. With equal systems it is zero."""
    if not ahead:
        return dict.fromkeys(NAMES, 0.0)
    places = norm.ppf((np.arange(20) + 0.5) / 20) if spread else np.zeros(1)
    many = STRENGTH + spread * places + np.array([[ahead], [0.0]])
    parts = [differences(*systems(draw, 30000, many[:, [seed]])) for seed in range(len(places))]
    return {name: float(np.mean([part[name] for part in parts])) for name in NAMES}


def case(images: int, seeds: int, spread: float, ahead: float, repetitions: int) -> list[list]:
    draw = np.random.default_rng([images, seeds, int(1000 * spread), int(1000 * ahead)])
    wanted = truth(draw, spread, ahead)
    counts = {name: np.zeros(3, int) for name in NAMES}
    for _ in range(repetitions):
        target, scores = systems(draw, images, strengths(draw, seeds, spread, ahead))
        values, over = differences(target, scores), drawn(draw, target, scores)
        for name in NAMES:
            found = estimate(values[name], over[name])
            inside = found.low <= wanted[name] <= found.high
            counts[name] += inside, found.low > 0, found.high < 0
    return [
        [images, seeds, spread, ahead, name, f"{100 * wanted[name]:.2f}", repetitions]
        + [f"{100 * count / repetitions:.1f}" for count in counts[name]]
        for name in NAMES
    ]


def main(output: Path, repetitions: int) -> None:
    names = ["images", "seeds", "seeds_sd", "ahead", "metric", "truth", "repetitions"]
    with output.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*names, "covered", "holds", "fails"])
        for each in CASES:
            writer.writerows(case(*each, repetitions))
            stream.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--repetitions", type=int, default=1000)
    main(**vars(parser.parse_args(sys.argv[1:])))
