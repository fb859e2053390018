"""Time of all our metrics against that of torchmetrics' mAP alone, on scores of COCO's size.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py

The two take turns on one thread. torchmetrics gets its best case: probabilities in a tensor,
integer targets, and no validation of its arguments.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torchmetrics.functional.classification import multilabel_average_precision

from labelgraph.score.metrics import evaluate

SETTINGS = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=40504, help="COCO 2014 validation: 40504")
    parser.add_argument("--labels", type=int, default=80)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    shape = arguments.images, arguments.labels
    share = generator.uniform(0.002, 0.07, arguments.labels)  # (C,) mean 2.9 labels an image
    target = (generator.random(shape) < share).astype(np.int8)  # (N, C)
    scores = (generator.normal(size=shape) + 2.0 * target - 1).astype(np.float32)  # (N, C)
    probabilities = torch.from_numpy(scores).sigmoid()
    integers = torch.from_numpy(target).long()

    def ours() -> float:
        return evaluate(scores, target, **SETTINGS)["map"]["scikit_learn"]

    def theirs() -> float:
        return multilabel_average_precision(
            probabilities, integers, arguments.labels, validate_args=False
        ).item()

    apart = abs(ours() - theirs())  # also the warm-up
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(arguments.repeats)]
    all_conventions, map_alone = map(statistics.median, zip(*pairs, strict=True))
    report = {
        "labelgraph_seconds": round(all_conventions, 4),
        "torchmetrics_seconds": round(map_alone, 4),
        "ratio": round(statistics.median(one / other for one, other in pairs), 4),
        "map_apart": apart,
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
