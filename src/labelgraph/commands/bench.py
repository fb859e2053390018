"""`labelgraph bench`: what methods cost, measured; `labelgraph plan` reads it."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.commands import _given
from labelgraph.costs import networks
from labelgraph.jobs import provenance
from labelgraph.study.config import read_study

HELP = "measure the time, memory, parameters and FLOPs of methods, relative to their encoder"
DESCRIPTION = """What things cost: `bench heads` measures the time, memory, parameters and FLOPs of
methods with an encoder that learns, relative to the encoder alone. `bench steps` measures on a
processor how long a training step of a study with cached features takes: a + b x multiply-adds, for
each method. On a GPU `heads`, and `steps` always, keep what they found in
results/costs/speeds.json, from which `labelgraph plan` says what a study will cost."""
EXAMPLES = (
    "labelgraph bench heads",
    "labelgraph bench heads --methods ml_gcn,c_tran --encoder resnet18 --size 224",
    "labelgraph bench heads --device cuda --precision bfloat16 --channels-last --batch 16",
    "labelgraph bench steps --config study=laptop",
)
CONFIG = Path("workflow/config")
SETUP = (
    *("encoder", "size", "labels", "batch", "repeats", "threads"),
    *("device", "precision", "channels_last"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=["heads", "steps"],
        help="the methods with their encoder, or training steps on cached features",
    )
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
    of_machine(parser)
    _given.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print a list of objects with `method`")


def of_machine(parser: argparse.ArgumentParser) -> None:
    """Options that say how the machine computes."""
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
    parser.add_argument(
        "--channels-last",
        action="store_true",
        help="the memory layout that suits half precision on a GPU",
    )


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def run(arguments: argparse.Namespace) -> int:
    given = _given.read(arguments)
    return steps(given, arguments) if arguments.what == "steps" else heads(given, arguments)


def heads(given: dict[str, Any], arguments: argparse.Namespace) -> int:
    book = read_study(CONFIG, given)
    systems = arguments.methods.split(",") if arguments.methods else [*book.methods]
    chosen = networks.settings(book, systems)
    from labelgraph.costs import speeds, timing

    setup = {name: getattr(arguments, name) for name in SETUP}
    found = timing.measure(setup, chosen, lambda system: print(system, file=sys.stderr))
    hardware = provenance.hardware()
    if arguments.device == "cuda":
        name = f"{hardware['gpu']}, {arguments.precision}"
        speeds.remember(name, {"setup": setup, "hardware": hardware, "methods": found})
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(timing.markdown(setup, hardware, found), end="")
    return 0


def steps(given: dict[str, Any], arguments: argparse.Namespace) -> int:
    """The options of `heads` that are about images have no meaning here."""
    book = read_study(CONFIG, given)
    from labelgraph.costs import planning, speeds, steptimes

    methods = arguments.methods.split(",") if arguments.methods else []
    runs = planning.chosen(book, True, methods).runs()
    device = provenance.hardware().get("processor") or "this processor"
    found = steptimes.measured(steptimes.setups(book, runs), device)
    name, lines = steptimes.name_of(book, device), steptimes.as_lines(found)
    known = speeds.read().get(name, {}).get("lines", {})
    speeds.remember(name, {"setup": {"device": "cpu"}, "lines": known | lines})
    listed = [{"method": method or "encoder", **line} for method, line in lines.items()]
    if arguments.json:
        print(json.dumps(listed, indent=1))
    else:
        print(steptimes.text(book.study, listed), end="")
    return 0
