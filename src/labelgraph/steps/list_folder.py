"""A user's folder -> a link to it among the raw folders, and its index.

The index changes with the files' names, sizes and times, so that what depends on them is remade.
"""

import argparse
import sys
from pathlib import Path

from labelgraph.files import filestamps, names
from labelgraph.files.small import write_json


def main(folder: Path, state: str, output: Path) -> None:
    """`state` is what the workflow saw of the folder."""
    link = output.with_suffix("")
    if link.exists() and not link.is_symlink():
        raise ValueError(f"{link} is in the way of a link to {folder}; move it elsewhere")
    if link.resolve().is_relative_to(folder.resolve()) and not link.is_symlink():
        raise ValueError(f"{folder} contains this repository's data; choose a folder below it")
    found = sorted(filestamps.stamps(folder))
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(folder.resolve(), target_is_directory=True)
    listing = {names.shown(name): size for name, size, _ in found}  # names may not be text
    write_json(
        output,
        {
            "folder": str(folder),
            "state": state,
            "files": len(listing),
            "bytes": sum(listing.values()),
            "listing": listing,
        },
    )


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="list_folder", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--state", required=True, help="of the folder, as the workflow saw it")
    parser.add_argument("--output", type=Path, required=True, help="the index; .json")
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
