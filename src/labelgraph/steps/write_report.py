"""Tables, runs, figures and findings of a study -> pages that open in a browser from disk."""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from labelgraph.files.small import whole, write_text
from labelgraph.report import (
    content,
    pagefiles,
    results,
    runs,
    site,
)
from labelgraph.report.results import Places


def main(given: dict[str, Any], config: Path, places: Places, output: Path) -> None:
    """`given`: settings of the command line, which override the study's."""
    read = results.read(config, places, given)
    output, drawn = output / read.book.study, places.tables / read.book.study
    texts = site.pages({"study": read.book.study}, content.pages(read))
    texts[pagefiles.RUNS] = runs.script(read.pooled)
    for name, text in texts.items():
        write_text(output / name, text)
    copies = {path.name: path for path in pagefiles.parts() if path.name in pagefiles.STATIC}
    for table in read.tables:
        for kind in pagefiles.KINDS:
            copies[f"tables/{table.name}{kind}"] = drawn / f"{table.name}{kind}"
    for figure in read.figures:
        copies |= {f"figures/{path.name}": path for path in figure.files}
    for name, path in copies.items():
        with whole(output / name) as draft:
            shutil.copyfile(path, draft)
    site.clear(output, {*texts, *copies})


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="write_report", description=__doc__)
    parser.add_argument("--given", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--config", type=Path, required=True, help="folder of the settings")
    parser.add_argument("--published", type=Path, required=True, help="folder of printed values")
    parser.add_argument("--tables", type=Path, required=True, help="folder of all tables")
    parser.add_argument("--runs", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--figures", type=Path, nargs="*", default=[], help="the text of each")
    parser.add_argument("--audit", type=Path, help="findings on the printed values, csv")
    parser.add_argument("--costs", type=Path, nargs="*", default=[], help="lists of networks")
    parser.add_argument("--claims", type=Path, help="verdicts on the papers' claims, csv")
    parser.add_argument("--recipes", type=Path, help="recipes of papers and of code, csv")
    parser.add_argument("--output", type=Path, required=True, help="folder of all reports")
    chosen = vars(parser.parse_args(arguments))
    given, config, output = (chosen.pop(name) for name in ("given", "config", "output"))
    chosen |= {name: tuple(chosen[name]) for name in ("figures", "costs")}
    main(given, config, Places(**chosen), output)


if __name__ == "__main__":
    command(sys.argv[1:])
