"""Predictions of a table's runs -> how far each lies behind the best of its column, as csv."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.files.small import write_text
from labelgraph.score.resampling import Numbers
from labelgraph.tables import leaders


def main(
    table: dict[str, Any], published: Path | None, runs: Path, splits: Path, output: Path
) -> None:
    found = leaders.compare(table, leaders.read_printed(published), Numbers(runs, splits))
    write_text(output, found.to_csv(index=False, lineterminator="\n"))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="compare_rows", description=__doc__)
    parser.add_argument("--table", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--published", type=Path, help="without a file nothing is published")
    parser.add_argument("--runs", type=Path, required=True, help="results/runs/<study>")
    parser.add_argument("--splits", type=Path, required=True, help="data/splits/<study>")
    parser.add_argument("--output", type=Path, required=True, help="the .csv")
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
