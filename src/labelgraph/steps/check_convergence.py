"""Scores and predictions of a method with and without more epochs -> whether it has converged."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.files.small import write_json
from labelgraph.review.convergence import checking


def main(check: dict[str, Any], runs: Path, targets: Path, output: Path) -> None:
    write_json(output, checking.check(check, runs, targets))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="check_convergence", description=__doc__)
    parser.add_argument("--check", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--runs", type=Path, required=True, help="results/runs/<study>/<place>")
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
