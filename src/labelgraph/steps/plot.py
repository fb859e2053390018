"""An entry of figures.yaml with its files -> the figure as svg and png, and its text as md."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.figures import kinds, style
from labelgraph.files import escaping
from labelgraph.files.small import write_text


def main(figure: dict[str, Any], output: Path) -> None:
    with style.look():
        drawing = kinds.draw(figure)
        style.write(drawing, figure["caption"], output)
    write_text(output.with_suffix(".md"), markdown(figure, drawing, output))


def markdown(figure: dict[str, Any], drawing: style.Drawing, output: Path) -> str:
    """The caption, notes on what was chosen and how, and the numbers in the picture."""
    picture = f"![{figure['name']}]({output.stem}.png)"
    notes = [figure["note"], figure["protocol"], *drawing.remarks, *(figure["notes"] or [])]
    listed = "\n".join(f"- {escaping.prose(note)}" for note in notes)
    parts = [f"# {escaping.markdown(figure['caption'])}", picture, listed]
    if drawing.table:
        header, *rows = drawing.table
        lines = [map(escaping.markdown, line) for line in (header, *rows)]
        lines.insert(1, ["---"] * len(header))
        parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    return "\n\n".join(parts) + "\n"


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="plot", description=__doc__)
    parser.add_argument("--figure", type=json.loads, required=True, help="JSON text")
    parser.add_argument(
        "--output", type=Path, required=True, help="the .svg; the others go beside it"
    )
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
