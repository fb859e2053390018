"""Recipes of papers and released code -> beside what is done here, as csv and md."""

import argparse
import sys
from pathlib import Path

from labelgraph.files.small import write_text
from labelgraph.recipes import comparison, listing
from labelgraph.study.config import read_study
from labelgraph.tables import titles


def main(config: Path, study: str, output: Path) -> None:
    book = read_study(config, {"study": study})
    found = comparison.items(book)
    named = {method: titles.system(book, method) for method in book.methods}
    write_text(output, listing.as_csv(found))
    write_text(output.with_suffix(".md"), listing.as_markdown(found, named, study))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tabulate_recipes", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="folder of the settings files")
    parser.add_argument("--study", required=True, help="the study with the papers' protocol")
    parser.add_argument(
        "--output", type=Path, required=True, help="the .csv; the .md goes beside it"
    )
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
