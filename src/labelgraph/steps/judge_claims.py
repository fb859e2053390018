"""Claims, published values and predictions -> a verdict on each claim, as csv, md and tex."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.files.small import read_json, write_text
from labelgraph.review.claims import comparisons, listing, verdicts
from labelgraph.score.resampling import Numbers


def main(recipe: dict[str, Any], published: Path, runs: Path, splits: Path, output: Path) -> None:
    found = comparisons.of_study(recipe, published)
    numbers = Numbers(runs, splits)
    numbers.read(comparisons.ends(found))
    counted = read_json(Path(recipe["counts"])) if recipe["counts"] else []
    costs = {entry["method"]: entry for entry in counted}
    lines = verdicts.judge(recipe, found, numbers, costs)
    write_text(output, listing.as_csv(lines))
    write_text(output.with_suffix(".md"), listing.as_markdown(recipe, lines))
    write_text(output.with_suffix(".tex"), listing.as_latex(recipe, lines))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="judge_claims", description=__doc__)
    parser.add_argument("--recipe", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--published", type=Path, required=True, help="folder with claims.csv")
    parser.add_argument("--runs", type=Path, required=True, help="results/runs/<study>")
    parser.add_argument("--splits", type=Path, required=True, help="data/splits/<study>")
    parser.add_argument(
        "--output", type=Path, required=True, help="the .csv; the others go beside it"
    )
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
