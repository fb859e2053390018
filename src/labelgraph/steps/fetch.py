"""Rule fetch: one file of the table of sources, downloaded or taken from a user's copy."""

import argparse
import shutil
import sys
from pathlib import Path

from labelgraph.fetch import checks, sources, transfer
from labelgraph.files.small import whole


def main(*, table: Path, name: str, output: Path, local: Path | None) -> None:
    content = sources.read(table)
    source = content.source(name)
    if local is None:
        transfer.download(source, output, patience=content.patience, stream=sys.stderr)
        return
    file = local / source.file if local.is_dir() else local
    found = checks.check_copy(file, source)
    output.parent.mkdir(parents=True, exist_ok=True)
    checks.check_room(output.parent, file.stat().st_size)
    with whole(output) as draft:
        shutil.copyfile(file, draft)
    print(f"{name}: taken from {file}; {found}", file=sys.stderr)


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="fetch", description=__doc__)
    parser.add_argument("--sources", dest="table", type=Path, required=True)
    parser.add_argument("--name", required=True, help="a source in the table")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--local", type=Path, help="a copy of the file, or the folder it is in")
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
