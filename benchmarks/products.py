"""Linear layers of a batch's edges: as a matrix product and as this project works them, in one run.

    python benchmarks/products.py [--repeats 5]

Forward and backward on one thread, with the pins of a training step (benchmarks/pinning.py).
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

from labelgraph.numerics import PINS

if PINS.items() - os.environ.items():  # some count only when a process starts
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | PINS)

import torch
from torch import Tensor
from torch.nn import functional

from labelgraph.parts import products

TURNS = 10  # of each, one after the other
EDGES = {  # images, rows of each image, values of a row, results
    "ML-SGM, mini: between instances and labels": (16, 80, 16, 16),
    "ML-SGM, laptop: between instances and labels": (32, 80, 32, 32),
    "GM-MLIC, laptop: between instances and labels": (32, 160, 32, 32),
    "GM-MLIC, laptop: between labels": (32, 400, 32, 32),
    "SSGRL, mini: gates of label states": (24, 20, 96, 144),
    "SSGRL, laptop: gates of label states": (32, 20, 128, 192),
}


def seconds(layer: Callable[..., Tensor], given: list[Tensor], wanted: Tensor) -> float:
    start = time.process_time()
    torch.autograd.grad(layer(*given), given, wanted)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    print("| edges | rows | product, ms | ours, ms | times |\n| --- | ---: | ---: | ---: | ---: |")
    for name, (images, rows, size, results) in EDGES.items():
        shapes = (images, rows, size), (results, size), (results,)
        given = [torch.randn(shape, requires_grad=True) for shape in shapes]
        wanted = torch.randn(images, rows, results)
        layers = functional.linear, products.linear
        times = [[], []]
        for _ in range(repeats * TURNS):
            for kept, layer in zip(times, layers, strict=True):
                kept.append(seconds(layer, given, wanted))
        slow, fast = (1000 * statistics.median(kept) for kept in times)
        print(f"| {name} | {images * rows} | {slow:.2f} | {fast:.2f} | {slow / fast:.1f} |")


if __name__ == "__main__":
    main()
