"""`labelgraph audit`: the published tables against themselves, each other and their text."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from labelgraph.files.small import write_text
from labelgraph.review.audit import checking, listing
from labelgraph.review.audit.findings import HINT, SURE

HELP = "what the published tables contradict: means, F1s, quoted rows, claims of the text"
DESCRIPTION = f"{HELP}. Exit code 1 if something is found."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    parser.add_argument(
        "--published",
        type=Path,
        default=Path("workflow/published"),
        metavar="FOLDER",
        help="the numbers (%(default)s)",
    )
    parser.add_argument(
        "--least", choices=SURE, default=HINT, help="how sure a finding must be (%(default)s)"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the list there as well")
    parser.add_argument("--json", action="store_true", help="a list of objects with `paper`")


def run(arguments: argparse.Namespace) -> int:
    wanted = SURE[: SURE.index(arguments.least) + 1]
    found = [each for each in checking.run(arguments.published) if each.sure in wanted]
    if arguments.csv:
        write_text(arguments.csv, listing.as_csv(found))
    if arguments.json:
        print(json.dumps([asdict(each) for each in found], indent=1, ensure_ascii=False))
    else:
        print(listing.as_text(found), end="")
    return 1 if found else 0
