"""Rule unpack: a group's raw folder and its index, from archives or a user's copy."""

import argparse
import sys
from pathlib import Path

from labelgraph.fetch import assembly, checks, sources
from labelgraph.fetch.progress import Progress
from labelgraph.files.small import write_json


def main(*, table: Path, name: str, output: Path, archives: list[Path], local: Path | None) -> None:
    group = sources.read(table).group(name)
    folder = output.with_suffix("")
    progress = Progress(name, sys.stderr)
    with checks.alone(output.with_name(f".{name}.lock")):
        output.unlink(missing_ok=True)
        if local:
            assembly.adopt(group, local, folder, progress)
        else:
            assembly.assemble(group, archives, folder, progress)
        content = assembly.index(group, folder)
        write_json(output, content)
    progress.say(f"{content['files']:,} files, {content['bytes']:,} bytes in {folder}")


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="unpack", description=__doc__)
    parser.add_argument("--sources", dest="table", type=Path, required=True)
    parser.add_argument("--name", required=True, help="a group in the table")
    parser.add_argument("--output", type=Path, required=True, help="the index; .json")
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--archives", type=Path, nargs="+", default=[])
    origin.add_argument("--local", type=Path, help="a user's copy, unpacked or not")
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
