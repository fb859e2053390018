"""`labelgraph claims`: what the papers claim, and what the runs of a study say of it."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from labelgraph.review.audit.printed import PAPERS
from labelgraph.review.claims import listing
from labelgraph.review.claims.comparisons import OWN
from labelgraph.review.claims.verdicts import FAILS

STUDIES = Path("workflow/config/studies")
HELP = "list the papers' claims with the verdict of a study's runs: holds, fails, undecided"
DESCRIPTION = """Lists every claim of the papers, its size in print and here with a 95 % interval,
the verdict, and the runs behind it; last, how many claims have which verdict. Reads
results/tables/<study>/claims.csv, which `snakemake results/tables` makes. Each claim starts with
its line in that file, by which `labelgraph trace` finds its runs. Exit code 1 if a claim fails."""
EXAMPLES = ("labelgraph claims --paper ml_sgm", "labelgraph claims --study laptop --json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--paper",
        choices=(*PAPERS, OWN),
        help=f"only the claims of this paper; {OWN}: our own, and every two methods compared",
    )
    parser.add_argument("--study", default="mini", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print a list of objects with `paper`")


def run(arguments: argparse.Namespace) -> int:
    known = sorted(path.stem for path in STUDIES.glob("*.yaml"))
    if known and arguments.study not in known:
        raise ValueError(f"there is no study {arguments.study!r}; {STUDIES} has {known}")
    path = Path("results/tables", arguments.study, listing.FILE)
    if not path.exists():
        raise FileNotFoundError(listing.missing(path))
    papers = {arguments.paper} if arguments.paper else {*PAPERS}
    known = enumerate(listing.parse(path.read_text("utf-8")), 2)
    lines = {place: each for place, each in known if each.paper in papers}
    if arguments.json:
        shown = [{"line": place, **asdict(each)} for place, each in lines.items()]
        print(json.dumps(shown, indent=1, ensure_ascii=False))
    else:
        print(listing.as_text(lines), end="")
    return 1 if any(each.verdict == FAILS for each in lines.values()) else 0
