"""`labelgraph check-data`: a dataset, looked over before anything is trained on it."""

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import Any

import yaml

from labelgraph.files import names
from labelgraph.files.small import write_text
from labelgraph.study import (
    checks,
    own_data,
    recipe,
    study_file,
)
from labelgraph.study.shapes import mapped, mapping
from labelgraph.tables import tables

HELP = "what is odd in a dataset: counts, broken files, copies, labels that go together"
CONFIG = Path("workflow/config")
ENDINGS = (".yaml", ".yml")
HEADER = """# {what}
#
#   labelgraph check-data {file}
#   snakemake --cores 2 results/tables --configfile {file}
#
# docs/own_pictures.md says what else may stand here.

"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", help="a folder, whose layout is guessed; a .yaml file with entries; or a dataset"
    )
    parser.add_argument("--study", help="whose settings apply (own; mini for a dataset's name)")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="the guessed entry, for snakemake --configfile"
    )
    parser.add_argument("--json", action="store_true", help="a list of objects with `name`")


def run(arguments: argparse.Namespace) -> int:
    given, wanted = chosen(arguments)
    book = recipe.read_study(CONFIG, given)
    if wanted[0] not in book.datasets:
        raise ValueError(
            f"{wanted[0]} is neither a folder nor a .yaml file nor a dataset of datasets.yaml,"
            f" which has {sorted(book.datasets)}"
        )
    if arguments.write:
        write_entry(arguments.write, given)
    found = [look_over(book, name) for name in wanted]
    if Path(arguments.data).is_dir():
        found[0]["remarks"][:0] = guessed_parts(given["datasets"][wanted[0]])
    if arguments.json:
        print(names.shown_lines(json.dumps(found, indent=1, ensure_ascii=False)))
    else:
        print("\n\n".join(text(each) for each in found))
    return 1 if any(each["problems"] for each in found) else 0


def chosen(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """What `read_study` is given, and the datasets that are meant."""
    path = Path(arguments.data)
    if arguments.write and not path.is_dir():
        raise ValueError(f"{path} is no folder, and it is a folder's entry that --write writes")
    if path.is_dir():
        from labelgraph.own.datacheck import guessing

        name = name_of(path)
        return {"study": arguments.study or "own", "datasets": {name: guessing.guess(path)}}, [name]
    if path.suffix in ENDINGS:
        given = recipe.read_yaml(path)
        checks.keys(str(path), given, study_file.KEYS)
        mapped(mapping)(f"{path}: datasets", given.get("datasets", {}))
        own = [name for name, entry in given.get("datasets", {}).items() if "folder" in entry]
        if not own:
            raise ValueError(
                f"{path} has no entry in `datasets` with a `folder`: no data of one's own"
            )
        return given | ({"study": arguments.study} if arguments.study else {}), own
    return {"study": arguments.study or "mini"}, [arguments.data]


def guessed_parts(entry: dict[str, Any]) -> list[str]:
    """What the guess took for parts, since a name may mean something else."""
    options = entry["options"]
    if column := options.get("part"):
        train, report = entry["parts"].values()
        return [f"column {column!r} gives the parts: {train!r} to train on, {report!r} to report"]
    if parts := options.get("parts"):
        what = "lists" if entry["reader"] == "voc_folders" else "folders"
        return [f"the {what} {parts[0]!r} and {parts[1]!r} are the parts to train on and to report"]
    return []


def name_of(folder: Path) -> str:
    """The folder's name as a dataset's: letters, digits and _, and not one of the papers'."""
    name = re.sub(r"\W+", "_", folder.resolve().name, flags=re.ASCII).strip("_") or "pictures"
    taken = recipe.read_yaml(CONFIG / "datasets.yaml")
    name = f"my_{name}" if name in taken or not name[0].isalpha() else name
    return name[: own_data.LONGEST]


def look_over(book: recipe.Book, name: str) -> dict[str, Any]:
    from labelgraph.own.datacheck import checking, later

    entry = book.dataset(name)
    raw = Path("data/raw", book.size["origin"])
    root = Path(entry["folder"]) if "folder" in entry else raw / entry["raw"]
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is missing; `snakemake {root}.json` makes it")
    if entry.get("vectors", "glove") == "glove":
        origin = Path("data/raw/official") if "folder" in entry else raw
        entry = entry | {"vectors": str(origin / "glove/glove.6B.300d.txt")}
    return checking.check(name, entry, later.Plan(**plan(book, name)), root)


def plan(book: recipe.Book, name: str) -> dict[str, Any]:
    """What the study's tables are going to ask of the data."""
    runs = [run for run in tables.runs(book, tables.of_study(book)) if run.dataset == name]
    for run in runs:
        book.settings(run)  # a wrong line is named here as by the workflow
    takes = any("regions" in book.method(run.method).get("inputs", []) for run in runs)
    given = book.size.get("boxes", {}).get(name)
    own = "folder" in book.dataset(name)
    others = sorted({run.task for run in runs} - {"full"})
    return {
        "protocol": book.protocol(name, "full"),
        "others": [book.protocol(name, task) for task in others],
        "learns_boxes": takes and own and not given,
        "boxes": Path(given) if given else None,
    }


def write_entry(path: Path, given: dict[str, Any]) -> None:
    if path.exists():
        raise ValueError(f"{path} is there already; name another file, or remove it")
    if fault := names.wrong("file", str(path)):
        raise ValueError(f"--write: {fault}")
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path} is to hold YAML; let its name end in .yaml")
    header = HEADER.format(
        what="Data of one's own, as labelgraph guessed it.", file=quote(str(path))
    )
    write_text(path, header + yaml.safe_dump(given, sort_keys=False, allow_unicode=True))
    print(f"labelgraph check-data: wrote {path}", file=sys.stderr)


def text(found: dict[str, Any]) -> str:
    lines = [f"{found['name']}: {found['folder']}", ""]
    if "labels" in found:
        kinds = list(found["images"])
        lines += [table_line("", kinds), table_line("images", found["images"].values())]
        lines += [table_line(name, n.values()) for name, n in found["labels"].items()]
        lines += ["", f"{found['labels_an_image']} labels an image", ""]
    lines += [f"PROBLEM: {line}" for line in found["problems"]]
    lines += [f"remark: {line}" for line in found["remarks"]]
    lines.append("" if found["problems"] else "No problem found.")
    return "\n".join(names.shown(line) for line in lines).rstrip()


def table_line(name: str, values: Iterable[Any]) -> str:
    return f"{name[:28]:<28}" + "".join(f"{value:>9}" for value in values)
