"""Reads what is compared: a folder of tables or a csv file, on disk or in git, or `published`."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from labelgraph.study import own_tables
from labelgraph.study.config import read_study
from labelgraph.tables import csv_cells, tables
from labelgraph.tables.csv_cells import Cell, Cells, choose

PUBLISHED = "published"
NO_CELLS = ("claims.csv", "convergence.csv")  # beside the tables, but none of them
WANTED = "expected a folder of tables, a csv file, REVISION:PATH or `published`"


@dataclass(frozen=True)
class Side:
    name: str
    tables: dict[str, Cells]  # by the name of the file
    published: bool = False


def read(name: str) -> Side:
    """`published` has no tables yet; they follow from the other side."""
    path = Path(name)
    if name == PUBLISHED:
        return Side(name, {}, published=True)
    if path.is_dir():
        listed = sorted(path.glob("*.csv"))
        files = {each.name: each.read_bytes() for each in listed if each.name not in NO_CELLS}
    elif path.is_file():
        files = {path.name: path.read_bytes()}
    elif ":" in name:
        files = in_git(name)
    else:
        raise ValueError(f"there is no {name}; {WANTED}")
    if not files:
        raise ValueError(f"{name} has no csv file; {WANTED}")
    folder = "" if path.is_file() else f"{name}/"
    parsed = {
        Path(file).stem: csv_cells.parse(f"{folder}{file}" if folder else name, content)
        for file, content in files.items()
    }
    return Side(name, parsed)


def in_git(name: str) -> dict[str, bytes]:
    """Files of REVISION:PATH, where git understands both; PATH counts from the repository's top."""
    kind = git(name, "cat-file", "-t", name).decode().strip()
    if kind == "blob":
        return {name.rpartition(":")[2].rpartition("/")[2]: git(name, "cat-file", "blob", name)}
    listed = git(name, "ls-tree", "-z", "--name-only", name).decode().split("\0")
    files = sorted(file for file in listed if file.endswith(".csv") and file not in NO_CELLS)
    prefix = name if name.endswith((":", "/")) else f"{name}/"
    return {file: git(name, "cat-file", "blob", prefix + file) for file in files}


def git(name: str, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, timeout=60)
    except FileNotFoundError:
        raise ValueError(f"there is no {name} on disk, and no git to look for it") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        reason = "".join(said).removeprefix("fatal: ")
        raise ValueError(f"there is no {name}, on disk or in git ({reason}); {WANTED}")
    return done.stdout


def published(other: Side, root: Path) -> Side:
    """The printed values in the places of the other side's tables. `root` has `workflow`.

    Rows that no paper has are called what ran, so they are taken as the other side calls them.
    """
    book = read_study(root / "workflow/config", {})
    folder = root / "workflow/published"
    titles = tables.read_published(folder / "systems.csv")
    titles["order"] = titles["order"].astype(int)
    found = {}
    for name in other.tables:
        if name.startswith(own_tables.PREFIX):
            raise ValueError(
                f"{name} of {other.name} is a table of your own data, which has no published values"
            )
        entry = book.tables[choose("table", name, book.tables, "tables.yaml")]
        table = tables.recipe(book, name) | {"scores": {}, "costs": None, "more": {}}
        printed = tables.read_published(folder / f"{entry['paper']}.csv")
        lines = tables.cells(table, printed, titles).itertuples(index=False)
        found[name] = unprinted(other.tables[name])
        found[name] |= {(line.row, line.column): Cell(*line[2:]) for line in lines}
    return Side(PUBLISHED, found, published=True)


def unprinted(cells: Cells) -> Cells:
    """The cells of rows without any published value, emptied."""
    printed = {row for (row, _), cell in cells.items() if cell.published}
    nothing = Cell("", "", "", "", "quoted")
    return {place: nothing for place in cells if place[0] not in printed}
