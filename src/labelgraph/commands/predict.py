"""`labelgraph predict`: what a trained run sees in your own pictures."""

import argparse
import csv
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from labelgraph.files.names import shown, shown_lines
from labelgraph.files.small import whole
from labelgraph.predict import calibration

RUN = "a run's folder, as in results/runs/.../seed0, or a folder of runs for the best of them"
Writer = Callable[[Any], None]  # of a looking.Answer
HELP = "predict the labels of your own pictures, with calibrated probabilities"
DESCRIPTION = """Predicts which labels pictures show: those whose probability reaches the
label's threshold. Exit code 1 if a picture cannot be used."""
EXAMPLES = (
    "labelgraph predict results/runs/own/full/pets photo.jpg --save seen",
    "labelgraph predict results/runs/own/full/pets/ml_gcn/seed0 FOLDER --csv labels.csv",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help=RUN)
    parser.add_argument("pictures", type=Path, nargs="+", help="picture files, or folders")
    parser.add_argument(
        "--top", type=positive, metavar="K", help="print the K most probable labels instead"
    )
    parser.add_argument(
        "--threshold", type=share, metavar="P", help="use this threshold for all labels"
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="write the probabilities of all labels, a line for each picture; names that a"
        " spreadsheet would take for a formula (= + - @ or a tab first) get a ' in front",
    )
    parser.add_argument(
        "--save", type=Path, metavar="FOLDER", help="save pictures of the evidence for each label"
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects with `image`")


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 1 or more")
    return int(text)


def share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a probability, from 0 to 1")
    return number


def run(arguments: argparse.Namespace) -> int:
    from labelgraph.own import looking, pictures, reading

    files, remarks = pictures.collect(arguments.pictures)
    trained = reading.read(arguments.run)
    place = trained.folder / "calibration.json"
    choice = [trained.choice] * bool(trained.choice)
    for line in [*choice, calibration.describe(trained.calibration, place), *remarks]:
        warn(line)
    failed = not files
    with ExitStack() as stack:
        writers = [json_lines(stack) if arguments.json else text_lines(arguments.top)]
        if arguments.csv:
            writers.append(csv_lines(stack, arguments.csv, trained.names))
        for answer in looking.look(trained, files, arguments.threshold, arguments.save):
            if answer.error:
                failed = True
                warn(answer.error)
            for name in answer.unexplained:
                warn(f"{answer.path}: nothing in the picture supports {name}; saved no picture")
            for write in writers:
                write(answer)
    return 1 if failed else 0


def warn(text: str) -> None:
    print(f"labelgraph predict: {shown(text)}", file=sys.stderr)


def text_lines(top: int | None) -> Writer:
    """A line for each picture."""

    def write(answer: Any) -> None:
        judgement = answer.judgement
        if judgement is None:
            return
        columns, start = judgement.columns(top), ""
        if not columns:
            columns, start = judgement.ranked()[:1], "no label above its threshold; likeliest is "
        labels = ", ".join(
            f"{judgement.names[column]} {100 * judgement.probabilities[column]:.0f} %"
            for column in columns
        )
        print(f"{printable(str(answer.path))}: {start}{shown(labels)}", flush=True)

    return write


def json_lines(stack: ExitStack) -> Writer:
    """A list, written bit by bit, since there may be many pictures."""
    stack.callback(lambda: print("]" if count else "[]"))
    count = 0

    def write(answer: Any) -> None:
        nonlocal count
        entry: dict[str, Any] = {"image": str(answer.path)}
        if answer.judgement is None:
            entry |= {"error": answer.error}
        else:
            entry |= {"labels": answer.judgement.entries()}
            entry |= {"saved": answer.saved} if answer.saved else {}
        print("," if count else "[", shown_lines(json.dumps(entry, ensure_ascii=False)), flush=True)
        count += 1

    return write


def csv_lines(stack: ExitStack, path: Path, names: tuple[str, ...]) -> Writer:
    """Probabilities; a picture that cannot be used gets a line without numbers."""
    stream = stack.enter_context(
        stack.enter_context(whole(path)).open(
            "w", newline="", encoding="utf-8", errors="surrogateescape"
        )
    )
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["image", *map(no_formula, names)])

    def write(answer: Any) -> None:
        numbers = [""] * len(names)
        if answer.judgement is not None:
            numbers = [f"{value:.6f}" for value in answer.judgement.probabilities]
        table.writerow([no_formula(str(answer.path)), *numbers])

    return write


def no_formula(text: str) -> str:
    """A spreadsheet would run a cell that begins like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


def printable(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
