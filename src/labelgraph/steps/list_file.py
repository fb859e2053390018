"""A user's file of word vectors or boxes -> an index that the workflow uses in its place.

Snakemake reads some characters in paths as syntax, and a user's path may have any. The index
changes with the file's content.
"""

import argparse
import sys
from pathlib import Path

from labelgraph.files.small import sha256, write_json


def main(file: Path, output: Path) -> None:
    write_json(output, {"file": str(file), "bytes": file.stat().st_size, "sha256": sha256(file)})


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="list_file", description=__doc__)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="the index; .json")
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
