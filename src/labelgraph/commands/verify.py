"""`labelgraph verify`: whether tables and figures are up to date with code and settings."""

import argparse
import json
from dataclasses import asdict

from labelgraph.commands import _given
from labelgraph.jobs.records import checking

HELP = "verify that the tables and figures are up to date with code and settings"
DESCRIPTION = """Verifies that the tables and figures on disk were made by this code with these
settings. It needs no data. Exit code 1 if something is out of date."""
EXAMPLES = ("labelgraph verify", "labelgraph verify results/tables --config study=laptop")
TARGETS = ["results/tables", "results/figures"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets",
        nargs="*",
        default=TARGETS,
        help=f"folders or files to verify (default: {' '.join(TARGETS)})",
    )
    _given.add_arguments(parser)
    parser.add_argument(
        "--json", action="store_true", help="print an object with `said` and `again`"
    )


def run(arguments: argparse.Namespace) -> int:
    finding = checking.check(arguments.targets, _given.options(arguments))
    name = " and ".join(arguments.targets)
    if arguments.json:
        print(json.dumps(asdict(finding), indent=1))
    elif not finding.again:
        print(f"{name}: made by this code with these settings")
    else:
        print("\n".join(finding.said))
        jobs = ", ".join(f"{count} {rule}" for rule, count in finding.again.items())
        print(f"{name} would be made again: {jobs}")
    return 1 if finding.again else 0
