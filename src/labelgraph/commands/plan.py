"""`labelgraph plan`: what a study, or some of its tables, will cost."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph import numerics
from labelgraph.commands import _given
from labelgraph.jobs import provenance
from labelgraph.study.config import Book, read_study

HELP = "say what a study will cost: hours, days, downloads, disk and memory, before it starts"
DESCRIPTION = """Says what a study, or some of its tables or methods, will cost: trainings, hours
with an interval, days, downloads, disk, memory, the longest job, and what cheaper choices save. It
needs no data. Hours come from multiply-adds, images and epochs, and from a speed: that which
`labelgraph bench` measured on this machine, one that you give, or one that others published; the
first lines say which. Multiply-adds are counted once, which took 75 seconds for the study `paper`,
and are kept in results/costs. Drawing, scores, tables and figures are not counted. Where trainings
of the study are there, the last lines compare what they took with their estimates."""
EXAMPLES = (
    "labelgraph plan --config study=paper",
    "labelgraph plan --config study=paper 'tables=[ml_sgm_II]' --gpu a100 --gpus 1 8",
)
CONFIG = Path("workflow/config")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _given.add_arguments(parser)
    parser.add_argument("--methods", help="only these, separated by commas (default: all)")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument(
        "--gpu",
        metavar="NAME",
        help="the GPU: one that `labelgraph bench` measured here, or 2080ti, v100 or a100"
        " (default: one measured here, else 2080ti)",
    )
    speed.add_argument(
        "--images-per-second",
        type=positive,
        metavar="N",
        help="the speed of your GPU: training images a second of the study's encoder alone",
    )
    parser.add_argument(
        "--gpus",
        type=int,
        nargs="+",
        default=None,
        metavar="N",
        help="numbers of GPUs, or of processor cores (default: 1, 4 and 8)",
    )
    parser.add_argument("--json", action="store_true", help="print one object")


def positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def run(arguments: argparse.Namespace) -> int:
    given = _given.read(arguments)
    book = read_study(CONFIG, given)
    from labelgraph.costs import bill, planning

    numerics.set_threads(1)  # so little is computed that threads only wait for each other

    methods = arguments.methods.split(",") if arguments.methods else []
    choice = planning.chosen(book, "tables" not in given, methods)
    if not choice.runs():
        raise ValueError(f"study {book.study} trains nothing for these tables and methods")
    devices = tuple(sorted({*(arguments.gpus or bill.DEVICES)}))
    if devices[0] < 1:
        raise ValueError(f"--gpus is {devices[0]}; it takes numbers from 1")
    speeds = gpu_speeds(book, arguments) if book.size.gpu else cpu_speeds(book, choice, arguments)
    found = bill.bill(planning.Costs(book, speeds), choice, devices)
    print(json.dumps(found, indent=1) if arguments.json else bill.text(found), end="")
    return 0


def gpu_speeds(book: Book, arguments: argparse.Namespace) -> Any:
    from labelgraph.costs import speeds

    if arguments.images_per_second:
        return speeds.chosen(book, arguments.images_per_second)
    found = speeds.measured_gpu(book, arguments.gpu)
    return found or speeds.published(book, arguments.gpu)


def cpu_speeds(book: Book, choice: Any, arguments: argparse.Namespace) -> Any:
    from labelgraph.costs import steptimes

    if arguments.gpu or arguments.images_per_second:
        raise ValueError(f"study {book.study} uses no GPU; leave out --gpu and --images-per-second")
    print("measuring a few steps of each method on this processor:", file=sys.stderr)
    device = provenance.hardware().get("processor") or "this processor"
    return steptimes.of_study(book, choice.runs(), device)
