"""Time and memory of the draws behind verdicts, for runs of COCO's size.

OMP_NUM_THREADS=1 python benchmarks/verdicts.py
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from labelgraph.files.small import write_arrays, write_json
from labelgraph.score import metrics
from labelgraph.score.resampling import End, Numbers

SETTINGS = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}
PLACE = "full/coco2014"


def write_runs(root: Path, images: int, labels: int, runs: int) -> None:
    draw = np.random.default_rng(0)
    names = [f"{label}" for label in range(labels)]
    about = {
        "images": np.array([f"{number:012}.jpg" for number in range(images)]),
        "labels": np.array(names),
    }
    share = draw.uniform(0.002, 0.07, labels)  # mean 2.9 labels an image
    target = (draw.random((images, labels)) < share).astype(np.int8)
    write_arrays(root / "splits" / PLACE / "targets.npz", target=target, **about)
    for run in range(runs):
        scores = (draw.normal(size=target.shape) + 3 * target - 2).astype(np.float32)
        folder = root / "runs" / PLACE / f"system{run}/seed0"
        write_arrays(folder / "predictions.npz", scores=scores, **about)
        found = metrics.evaluate(scores, target, **SETTINGS)
        write_json(folder / "scores.json", metrics.named(found, names, []))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=40137)
    parser.add_argument("--labels", type=int, default=80)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_runs(root, given.images, given.labels, given.runs)
        for wanted in (["mAP"], ["mAP", "CF1", "OF1", "CF1_top3", "OF1_top3"]):
            numbers = Numbers(root / "runs", root / "splits")
            ends = [
                End(f"system{run}", name, (PLACE,), (0,))
                for run in range(given.runs)
                for name in wanted
            ]
            start = time.process_time()
            numbers.read(ends)
            spent = (time.process_time() - start) / given.runs
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{', '.join(wanted)}: {spent:.1f} s a run, {memory:.0f} MB at most")


if __name__ == "__main__":
    main()
