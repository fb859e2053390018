"""`labelgraph list`: what there is."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.commands import _given
from labelgraph.review import stale
from labelgraph.split import listing
from labelgraph.study import checks, recipe
from labelgraph.tables import table_columns
from labelgraph.tables import tables as studytables

HELP = (
    "What there is: methods, datasets, protocols or tables; or stale files, the tables and figures"
    " that no rule makes (exit code 1 if there are any)."
)
CONFIG = Path("workflow/config")
KINDS = ("methods", "datasets", "protocols", "tables", "stale")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--study", help="whose settings apply (mini); stale: any")
    _given.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="a list of objects with `name`")


def run(arguments: argparse.Namespace) -> int:
    given = _given.read(arguments)
    given |= {"study": arguments.study} if arguments.study else {}
    book = recipe.read_study(CONFIG, given)
    found = {
        "methods": methods,
        "datasets": datasets,
        "protocols": lambda _: named_protocols(book.study),
        "tables": tables,
        "stale": lambda _: stale_files(_given.options(arguments)),
    }[arguments.kind](book)
    if arguments.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        width = max((len(entry["name"]) for entry in found), default=0)
        for entry in found:
            print(f"{entry['name']:{width}}  {entry['about']}")
    return 1 if arguments.kind == "stale" and found else 0


def methods(book: recipe.Book) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "about": ". ".join(entry[key] for key in ("title", "paper") if key in entry),
            "title": entry["title"],
            "variants": list(entry.get("variants", {})),
            "settings": sorted(checks.model_settings(name)),
            "departures": entry.get("departures", []),
        }
        for name, entry in book.methods.items()
    ]


def datasets(book: recipe.Book) -> list[dict[str, Any]]:
    return [
        {"name": name, "about": entry["title"], "reader": entry["reader"], **entry["parts"]}
        for name, entry in ((name, book.dataset(name)) for name in book.datasets)
        if book.runs_on(name)
    ]


def named_protocols(study: str) -> list[dict[str, Any]]:
    """Each with the fingerprints of its files made so far, and of the masks at full size."""
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


def tables(book: recipe.Book) -> list[dict[str, Any]]:
    return [
        {"name": name, "about": entry["caption"], "paper": entry["paper"], "task": tasks(entry)}
        for name, entry in studytables.of_study(book).items()
    ]


def tasks(entry: dict[str, Any]) -> str:
    return ", ".join(table_columns.all_tasks(entry)) or entry["task"]


def stale_files(options: list[str]) -> list[dict[str, Any]]:
    found, left_out = stale.find(Path(), options)
    for folder in left_out:
        said = f"{folder} is left out: --configfile FILE says which data of yours it shows"
        print(f"labelgraph list: {said}", file=sys.stderr)
    return [{"name": name, "about": "no rule makes it"} for name in found]
