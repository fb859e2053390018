"""Settings of networks -> their speed on this machine, relative to the encoder: .json and .md."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.costs import timing
from labelgraph.files.small import write_json, write_text
from labelgraph.jobs.provenance import hardware


def main(setup: dict[str, Any], networks: dict[str, dict], output: Path) -> None:
    found = timing.measure(setup, networks, lambda system: print(system, file=sys.stderr))
    write_json(output, found)
    write_text(output.with_suffix(".md"), timing.markdown(setup, hardware(), found))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="measure_costs", description=__doc__)
    parser.add_argument("--setup", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--networks", type=json.loads, required=True, help="JSON text")
    parser.add_argument(
        "--output", type=Path, required=True, help="the .json; the .md goes beside it"
    )
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
