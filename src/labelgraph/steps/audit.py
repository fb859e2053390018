"""The published numbers -> what they contradict, as csv and md."""

import argparse
import sys
from pathlib import Path

from labelgraph.files.small import write_text
from labelgraph.review.audit import checking, listing


def main(published: Path, output: Path) -> None:
    found = checking.run(published)
    write_text(output, listing.as_csv(found))
    write_text(output.with_suffix(".md"), listing.as_markdown(found))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="audit", description=__doc__)
    parser.add_argument("--published", type=Path, required=True, help="folder of the papers' csv")
    parser.add_argument("--output", type=Path, required=True, help="the .csv; the .md lies beside")
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
