"""`labelgraph compare`: tables against tables, or against the published values."""

import argparse
import json
from pathlib import Path

from labelgraph.files import names
from labelgraph.files.small import write_text
from labelgraph.review.comparing import (
    judged,
    page,
    sources,
    tolerances,
)
from labelgraph.review.comparing.comparison import compare
from labelgraph.review.comparing.sources import Side

HELP = "compare tables: cells that differ, rows that appeared or vanished, changed ranks"
DESCRIPTION = """Compares tables cell by cell: cells that differ, rows and columns that appeared
or vanished, and ranks that changed. Differences are NEW minus OLD. Each of the two is a folder
of tables or a csv file, on disk or in a git revision; one may be `published`, for the papers'
values. Exit code 1 if something appeared, vanished or differs by more than the tolerance."""
EXAMPLES = (
    "labelgraph compare HEAD:results/tables/mini results/tables/mini --tolerance machine",
    "labelgraph compare published results/tables/mini --html page.html",
)
PRESETS = Path("workflow/config/tolerances.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="OLD", help="tables")
    parser.add_argument("b", metavar="NEW", help="tables to compare with OLD")
    parser.add_argument(
        "--tolerance",
        default="0",
        metavar="T",
        help=f"a number, METRIC=NUMBER, a name in {PRESETS} such as machine, or several with"
        " commas; as METRIC, AP means every label's AP and all any other metric"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--most",
        type=count,
        default=20,
        metavar="N",
        help="lines of each list that are shown; 0 for all (default: %(default)s)",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page to FILE")
    parser.add_argument("--json", action="store_true", help="print one object, with `differences`")


def count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, 0 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    allowed, given = tolerances.read(arguments.tolerance, PRESETS)
    a, b = sides(arguments.a, arguments.b)
    columns = {column for side in (a, b) for cells in side.tables.values() for _, column in cells}
    allowed.check(given, columns)
    found = compare(a, b, allowed)
    if found["published"]:
        found["verdicts"] = judged.read(b.name if a.published else a.name)
    if arguments.html:
        write_text(arguments.html, page.html(found, allowed.text))
    if arguments.json:
        print(names.shown_lines(json.dumps(found, indent=1, ensure_ascii=False)))
    else:
        print(names.shown_lines(page.text(found, allowed.text, arguments.most)), end="")
    return 1 if found["differs"] else 0


def sides(first: str, second: str) -> tuple[Side, Side]:
    a, b = sources.read(first), sources.read(second)
    if a.published and b.published:
        raise ValueError(
            "OLD and NEW are both `published`; name a folder of tables for one of them"
        )
    if a.published:
        a = sources.published(b, Path())
    if b.published:
        b = sources.published(a, Path())
    return a, b
