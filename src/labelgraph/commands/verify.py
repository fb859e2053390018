"""`labelgraph verify`: whether the tables belong to the code and settings."""

import argparse
import json
from dataclasses import asdict

from labelgraph.records import checking

HELP = "Whether the tables that are here belong to the code and settings; needs no data."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", default="results/tables", help="(results/tables)")
    parser.add_argument("--json", action="store_true", help="an object: `said` and `again`")


def run(arguments: argparse.Namespace) -> int:
    finding = checking.check(arguments.target)
    if arguments.json:
        print(json.dumps(asdict(finding), indent=1))
    elif not finding.again:
        print(f"{arguments.target}: made by this code with these settings")
    else:
        print("\n".join(finding.said))
        jobs = ", ".join(f"{count} {rule}" for rule, count in finding.again.items())
        print(f"{arguments.target} would be made again: {jobs}")
    return 1 if finding.again else 0
