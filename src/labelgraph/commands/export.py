"""`labelgraph export`: a run as one ONNX file, and the card that goes with it."""

import argparse
import sys
from pathlib import Path

from labelgraph.files.small import write_text
from labelgraph.files.yaml_reader import read_yaml

HELP = "a run as one ONNX file, with a model card beside it"
METHODS = Path("workflow/config/methods.yaml")
OWN = Path("workflow/config/own_data.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a run, as in results/runs/.../seed0")
    parser.add_argument(
        "file", type=Path, help="NAME.onnx, with NAME.md beside it; or NAME.md, the card alone"
    )


def run(arguments: argparse.Namespace) -> int:
    from labelgraph.own import card, exporting, reading

    file = arguments.file
    if file.suffix not in (".onnx", ".md"):
        raise ValueError(f"{file} ends in neither .onnx nor .md")
    trained = reading.read(arguments.run)
    methods = read_yaml(METHODS) if METHODS.exists() else {}
    own = OWN.exists() and trained.settings.study == "own"
    titles = read_yaml(OWN)["table"]["titles"] if own else {}
    refused, name = "", None
    if file.suffix == ".onnx":
        try:
            difference = exporting.export(trained, file)
            print(f"{file}: scores as of the run, to within {difference:.0e}")
            name = file.name
        except exporting.NoOperatorError as error:
            refused = str(error)
            print(f"labelgraph export: {refused}", file=sys.stderr)
    write_text(file.with_suffix(".md"), card.write(trained, methods, titles, name))
    print(f"{file.with_suffix('.md')}: the model card")
    return 1 if refused else 0
