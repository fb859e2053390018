"""`labelgraph bench`: the cost of every method, relative to its encoder."""

import argparse
import json
import sys
from pathlib import Path

from labelgraph.costs import networks
from labelgraph.jobs import provenance
from labelgraph.study.config import read_study

HELP = "measure the time, memory, parameters and FLOPs of methods, relative to their encoder"
EXAMPLES = (
    "labelgraph bench heads",
    "labelgraph bench heads --methods ml_gcn,c_tran --encoder resnet18 --size 224",
)
CONFIG = Path("workflow/config")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["heads"], help="the methods, with random weights")
    parser.add_argument(
        "--methods", help="METHOD or METHOD@VARIANT, separated by commas (default: all methods)"
    )
    parser.add_argument(
        "--encoder", default="resnet101", help="image encoder (default: %(default)s)"
    )
    for name, default, help in (
        ("size", 448, "side of the images in pixels"),
        ("labels", 80, "number of labels"),
        ("batch", 8, "images in a batch"),
        ("repeats", 3, "how often a method and the encoder alone are timed, in turn"),
        ("threads", 1, "threads of the processor"),
    ):
        parser.add_argument(
            f"--{name}", type=positive, default=default, help=f"{help} (default: {default})"
        )
    parser.add_argument(
        "--device",
        choices=["cpu", "cuda"],
        default="cpu",
        help="where it runs (default: %(default)s)",
    )
    parser.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        default="float32",
        help="type of the numbers (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects with `method`")


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
