"""Scores, published values and an entry of tables.yaml -> the table as csv, md and tex."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.files.small import write_text
from labelgraph.tables import convergence, intervals, marks, quoted, rendering, tables


def main(
    table: dict[str, Any],
    published: Path | None,
    systems: Path,
    output: Path,
    leaders: Path | None = None,
) -> None:
    values, titles = tables.read_published(published), tables.read_titles(systems)
    cells = tables.cells(table, values, titles)
    cells = marks.added(cells, leaders, tables.rows_of(table, titles))
    cells = intervals.added(table, cells)
    write_text(output, cells.to_csv(index=False, lineterminator="\n"))
    ran = tables.names_of(table, titles)
    table = quoted.noted(convergence.noted(table), titles)
    write_text(output.with_suffix(".md"), rendering.markdown(table, cells, ran))
    write_text(output.with_suffix(".tex"), rendering.latex(table, cells, ran))


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tabulate", description=__doc__)
    parser.add_argument("--table", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--published", type=Path, help="without a file nothing is published")
    parser.add_argument("--systems", type=Path, required=True, help="titles of the paper's rows")
    parser.add_argument("--leaders", type=Path, help="what `compare_rows` makes of the same runs")
    parser.add_argument(
        "--output", type=Path, required=True, help="the .csv; the others go beside it"
    )
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
