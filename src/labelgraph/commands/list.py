"""`labelgraph list`: methods, datasets, protocols, tables and stale files."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelgraph.commands import _given
from labelgraph.files.plurals import counted
from labelgraph.review import stale
from labelgraph.split import listing
from labelgraph.study.config import Book, read_study
from labelgraph.study.entries import Method
from labelgraph.study.method_files import keywords, lines
from labelgraph.tables import quoted, table_columns, titles
from labelgraph.tables import tables as studytables

HELP = "list methods, datasets, protocols, tables, or files that no rule makes any more"
DESCRIPTION = """Lists the methods, datasets, protocols or tables of a study; the rows of its
tables that are only quoted; or the stale files, which are tables and figures that no rule makes any
more. Exit code 1 if there are stale files."""
EXAMPLES = ("labelgraph list methods", "labelgraph list tables --study paper --json")
CONFIG = Path("workflow/config")
TASKS = ("full", "partial", "fewshot")
KINDS = ("methods", "datasets", "protocols", "tables", "quoted", "stale")
KNOWN_FROM = {  # known_from of methods.yaml
    "code": "from released code",
    "paper": "from the paper's text",
    "reading": "by our reading",
    None: "of unstated origin",
}
SYSTEMS = Path("workflow/published/systems.csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS, help="what to list")
    parser.add_argument(
        "--study", help="use this study's settings (default: mini); stale files are of all studies"
    )
    _given.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print a list of objects with `name`")


def run(arguments: argparse.Namespace) -> int:
    given = _given.read(arguments)
    given |= {"study": arguments.study} if arguments.study else {}
    book = read_study(CONFIG, given)
    found = {
        "methods": methods,
        "datasets": datasets,
        "protocols": lambda _: named_protocols(book.study),
        "tables": tables,
        "quoted": quoted_rows,
        "stale": lambda _: stale_files(_given.options(arguments)),
    }[arguments.kind](book)
    if arguments.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        width = max((len(entry["name"]) for entry in found), default=0)
        for entry in found:
            print(f"{entry['name']:{width}}  {entry['about']}")
        if arguments.kind == "methods":
            print("", *summary(book, found), sep="\n")
    return 1 if arguments.kind == "stale" and found else 0


def methods(book: Book) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "about": about(titles.system(book, name), entry, lines(name)),
            "title": titles.system(book, name),
            "known_from": entry.known_from,
            "lines": lines(name),
            "variants": list(entry.variants),
            "settings": sorted(keywords(name)),
            "departures": book.departures(name, TASKS),
        }
        for name, entry in book.methods.items()
    ]


def about(title: str, entry: Method, length: int) -> str:
    what = f"{length} lines, {KNOWN_FROM[entry.known_from]}"
    return ". ".join(filter(None, [title, entry.paper, what]))


def summary(book: Book, found: list[dict[str, Any]]) -> Iterator[str]:
    """How many methods there are and how sure each is; which published rows have no run."""
    tally = Counter(entry["known_from"] for entry in found)
    kinds = [f"{tally[kind]} {text}" for kind, text in KNOWN_FROM.items() if tally[kind]]
    yield f"{counted(len(found), 'method', 'methods')}: {', '.join(kinds)}."
    rows = quoted_rows(book)
    yield f"{counted(len(rows), 'published row is', 'published rows are')} quoted without a run."
    yield from (f"  {row['name']}: {row['about']}" for row in rows)


def quoted_rows(book: Book) -> list[dict[str, Any]]:
    """The published rows without a run, and why."""
    rows = quoted.rows(studytables.of_study(book), studytables.read_titles(SYSTEMS))
    return [
        {"name": f"{row.table}: {row.title}", "about": row.reason or "no reason is stated"}
        for row in rows
    ]


def datasets(book: Book) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "about": titles.dataset(book, name),
            "reader": entry.reader,
            **entry.parts.lines(),
        }
        for name, entry in ((name, book.dataset(name)) for name in book.datasets)
        if book.runs_on(name)
    ]


def named_protocols(study: str) -> list[dict[str, Any]]:
    """Each with the fingerprints of its splits so far, and of the masks at full size."""
    return [
        {
            "name": entry["name"],
            "about": entry["description"],
            "full_size_masks": listing.mask_fingerprints(entry["name"]),
            "made": made(study, entry["name"]),
        }
        for entry in listing.describe()
    ]


def made(study: str, task: str) -> dict[str, str]:
    files = Path("data/splits", study, task).glob("*/protocol.json")
    return {path.parent.name: json.loads(path.read_text())["fingerprint"] for path in sorted(files)}


def tables(book: Book) -> list[dict[str, Any]]:
    return [
        {"name": name, "about": entry["caption"], "paper": entry["paper"], "task": tasks(entry)}
        for name, entry in studytables.of_study(book).items()
    ]


def tasks(entry: dict[str, Any]) -> str:
    return ", ".join(table_columns.all_tasks(entry)) or entry["task"]


def stale_files(options: list[str]) -> list[dict[str, Any]]:
    found, left_out = stale.find(Path(), options)
    for folder in left_out:
        remark = f"skipped {folder}; pass the --configfile with the data that it shows"
        print(f"labelgraph list: {remark}", file=sys.stderr)
    return [{"name": name, "about": "no rule makes it"} for name in found]
