"""`labelgraph export`: a run as one ONNX file, with its model card."""

import argparse
import sys
from pathlib import Path

from labelgraph.files.small import write_text
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.study import recipes
from labelgraph.study.settings import RunSettings

HELP = "export a run as an ONNX file with a model card"
DESCRIPTION = """Writes a run as one ONNX file, from pixels to probabilities, and a model card
beside it in Markdown. Exit code 1 if ONNX cannot express the method; the card is written all
the same."""
EXAMPLES = (
    "labelgraph export results/runs/own/full/pets/ml_gcn/seed0 pets.onnx",
    "labelgraph export results/runs/own/full/pets card.md",
)
METHODS = Path("workflow/config/methods.yaml")
OWN = Path("workflow/config/own_data.yaml")
RECIPES = Path("workflow/published/recipes.csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", type=Path, help="a run's folder, or a folder of runs for the best of them"
    )
    parser.add_argument(
        "file",
        type=Path,
        help="NAME.onnx, which also writes NAME.md; or NAME.md for the card alone",
    )


def run(arguments: argparse.Namespace) -> int:
    from labelgraph.own import card, exporting, reading

    file = arguments.file
    if file.suffix not in (".onnx", ".md"):
        raise ValueError(f"{file} ends in neither .onnx nor .md; expected one of them")
    trained = reading.read(arguments.run)
    methods = read_yaml(METHODS) if METHODS.exists() else {}
    own = OWN.exists() and trained.settings.study == "own"
    titles = read_yaml(OWN)["table"]["titles"] if own else {}
    refused, name = "", None
    if file.suffix == ".onnx":
        try:
            difference = exporting.export(trained, file)
            print(f"{file}: its scores equal the run's to within {difference:.0e}")
            name = file.name
        except exporting.NoOperatorError as error:
            refused = str(error)
            print(f"labelgraph export: {refused}", file=sys.stderr)
    text = card.write(trained, methods, titles, departures(trained.settings), name)
    write_text(file.with_suffix(".md"), text)
    print(f"{file.with_suffix('.md')}: the model card")
    return 1 if refused else 0


def departures(settings: RunSettings) -> list[str]:
    if not (RECIPES.exists() and METHODS.exists()):
        return []
    rows = recipes.read(RECIPES, read_yaml(METHODS))
    return recipes.notes(rows, settings.method, [settings.task], settings.encoder.cached)
