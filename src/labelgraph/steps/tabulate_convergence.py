"""The checks of a study -> a list of them, as csv and md."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.files.small import read_json, write_text
from labelgraph.review.convergence import listing


def main(recipe: dict[str, Any], output: Path) -> None:
    checks = [check | {"result": read_json(Path(check["file"]))} for check in recipe["checks"]]
    write_text(output, listing.as_csv(checks))
    write_text(output.with_suffix(".md"), listing.as_markdown(recipe, checks))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tabulate_convergence", description=__doc__)
    parser.add_argument("--recipe", type=json.loads, required=True, help="JSON text")
    parser.add_argument(
        "--output", type=Path, required=True, help="the .csv; the other goes beside it"
    )
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
