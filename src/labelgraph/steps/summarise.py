"""Scores of runs -> the mAP of each method, in the form of DVC's metrics and plots.

A JSON file for each method[@variant] with the mean over seeds in percent by task and dataset, and
one csv of all of them with standard deviations.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from labelgraph.files.small import read_json, write_json, write_text
from labelgraph.score.metrics import value


def main(scores: list[Path], folder: Path, csv: Path) -> None:
    found = defaultdict(list)
    for path in scores:
        task, dataset, system = path.parts[-5:-2]
        precision = value(read_json(path), "mAP")
        if precision is not None:
            found[system, task, dataset].append(100 * precision)
    systems: dict[str, dict] = {path.parts[-3]: {} for path in scores}
    lines = []
    for (system, task, dataset), each in sorted(found.items()):
        mean = round(float(np.mean(each)), 2)
        systems[system].setdefault(task, {})[dataset] = mean
        spread = round(float(np.std(each, ddof=1)), 2) if len(each) > 1 else ""
        lines.append([f"{task} {dataset} {system}", mean, spread, len(each)])
    for system, tasks in systems.items():
        write_json(folder / f"{system}.json", tasks)
    table = pd.DataFrame(sorted(lines), columns=["run", "mAP", "std", "seeds"])
    write_text(csv, table.to_csv(index=False, lineterminator="\n"))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="summarise", description=__doc__)
    parser.add_argument("scores", type=Path, nargs="*", help="scores.json of each run")
    parser.add_argument("--folder", type=Path, required=True, help="of the JSON files")
    parser.add_argument("--csv", type=Path, required=True)
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
