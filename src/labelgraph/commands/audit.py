"""`labelgraph audit`: contradictions in the published tables and the text about them."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from labelgraph.files.small import write_text
from labelgraph.review.audit import checking, listing
from labelgraph.review.audit.findings import HINT, SURE

HELP = "find contradictions in the published tables: means, F1 scores, quoted rows, claims"
DESCRIPTION = """Checks the numbers that the papers printed against themselves, against each
other and against the papers' text: means, harmonic F1 scores, quoted rows, claims, misplaced
columns, what "top 3" means and which images were scored. Exit code 1 if there are findings."""
EXAMPLES = ("labelgraph audit --least likely", "labelgraph audit --csv findings.csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--published",
        type=Path,
        default=Path("workflow/published"),
        metavar="FOLDER",
        help="folder of the papers' numbers (default: %(default)s)",
    )
    parser.add_argument(
        "--least",
        choices=SURE,
        default=HINT,
        help="show only findings that are at least this sure (default: %(default)s)",
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="also write the findings to this file"
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects with `paper`")


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
