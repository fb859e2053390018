"""A training file -> how often labels occur, and occur together, in its fit images.

label_counts.npz: names (C,), images, counts (C, C), positives (C,), known (C,) entries.
"""

import argparse
import sys
from pathlib import Path

from labelgraph.files.small import read_arrays, write_arrays
from labelgraph.split import targets


def main(train: Path, output: Path) -> None:
    write_arrays(output, **targets.count(read_arrays(train)))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="count_labels", description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
