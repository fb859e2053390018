"""Settings of networks -> parameters and multiply-adds of each, and of ML-SGM's parts."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph import numerics
from labelgraph.costs import counting
from labelgraph.files.small import write_json


def main(setup: dict[str, Any], networks: dict[str, dict], output: Path) -> None:
    numerics.set_threads()
    write_json(output, counting.count(setup, networks))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="count_costs", description=__doc__)
    parser.add_argument("--setup", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--networks", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--output", type=Path, required=True)
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
