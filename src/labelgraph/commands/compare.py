"""`labelgraph compare`: tables against tables, or against the published values."""

import argparse
import json
from pathlib import Path

from labelgraph.files import names
from labelgraph.files.small import write_text
from labelgraph.review.comparing import (
    page,
    sources,
    tolerances,
)
from labelgraph.review.comparing.comparison import compare
from labelgraph.review.comparing.sources import Side

HELP = "tables against tables: cells that differ, rows that appeared or vanished, ranks"
DESCRIPTION = f"""{HELP}. A and B are folders of tables or single csv files, the same in a git
revision (HEAD:results/tables/mini), or one of them `published`, the papers' values. Exit code 1 if
something differs by more than the tolerance, appeared or vanished."""
PRESETS = Path("workflow/config/tolerances.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument(
        "--tolerance",
        default="0",
        metavar="T",
        help=f"a number, a name in {PRESETS} (machine), METRIC=NUMBER, or several by comma; AP is"
        " every label's, all any other metric (%(default)s)",
    )
    parser.add_argument(
        "--most", type=count, default=20, metavar="N", help="lines of a list; 0: all (%(default)s)"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page there as well")
    parser.add_argument("--json", action="store_true", help="one object, with `differences`")


def count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not 0 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    allowed, given = tolerances.read(arguments.tolerance, PRESETS)
    a, b = sides(arguments.a, arguments.b)
    columns = {column for side in (a, b) for cells in side.tables.values() for _, column in cells}
    allowed.check(given, columns)
    found = compare(a, b, allowed)
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
        raise ValueError("A and B are both `published`; name a folder of tables for one of them")
    if a.published:
        a = sources.published(b, Path())
    if b.published:
        b = sources.published(a, Path())
    return a, b
