"""`labelgraph bench`: what every method costs beside its encoder."""

import argparse
import json
import sys
from pathlib import Path

from labelgraph.costs import networks
from labelgraph.jobs import provenance
from labelgraph.study.config import read_study

HELP = "time, memory, parameters and FLOPs of every method beside its encoder, in one run"
CONFIG = Path("workflow/config")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["heads"], help="methods with random weights")
    parser.add_argument(
        "--methods", help="comma-separated; a variant is METHOD@VARIANT (every method)"
    )
    parser.add_argument("--encoder", default="resnet101", help="(%(default)s)")
    for name, default, help in (
        ("size", 448, "side of the images in pixels"),
        ("labels", 80, "how many"),
        ("batch", 8, "images at a time"),
        ("repeats", 3, "turns that a method and the encoder alone take"),
        ("threads", 1, "of the processor"),
    ):
        parser.add_argument(f"--{name}", type=positive, default=default, help=f"{help} ({default})")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="(%(default)s)")
    parser.add_argument(
        "--precision", choices=["float32", "bfloat16"], default="float32", help="(%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="a list of objects with `method`")


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def run(arguments: argparse.Namespace) -> int:
    book = read_study(CONFIG, {})
    systems = arguments.methods.split(",") if arguments.methods else [*book.methods]
    chosen = networks.settings(book, systems)
    from labelgraph.costs import timing

    setup = vars(arguments)
    found = timing.measure(setup, chosen, lambda system: print(system, file=sys.stderr))
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(timing.markdown(setup, provenance.hardware(), found), end="")
    return 0
