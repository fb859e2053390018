"""The command line: one subparser for each verb's file.

Such a file has HELP, a short phrase for lists of verbs, EXAMPLES for its own --help, and
DESCRIPTION if one phrase is not enough.
"""

import argparse
import textwrap
from importlib import import_module
from pathlib import Path
from types import ModuleType

WIDTH = 80  # characters of a line of a description


def commands() -> dict[str, ModuleType]:
    """Verb -> its module."""
    stems = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    return {stem.replace("_", "-"): import_module(f"{__package__}.{stem}") for stem in stems}


DESCRIPTION = """\
Reproduces graph-based multi-label image recognition: checks, compares and traces its tables, and
uses trained runs on your own pictures. `labelgraph VERB --help` explains a verb."""
ENDING = """\
exit codes: 0 success, 1 a difference or a failed check, 2 wrong usage

examples:
  labelgraph list methods
  labelgraph check-data FOLDER --write FILE.yaml
  labelgraph predict results/runs/own/full/pets photo.jpg"""


def parser(description: str = DESCRIPTION) -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="labelgraph", description=description, epilog=ENDING, formatter_class=form
    )
    below = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, command in commands().items():
        about = getattr(command, "DESCRIPTION", f"{command.HELP[0].upper()}{command.HELP[1:]}.")
        examples = "\n".join(f"  {line}" for line in command.EXAMPLES)
        verb_parser = below.add_parser(
            verb,
            help=command.HELP,
            description=textwrap.fill(about, WIDTH),
            epilog=f"examples:\n{examples}",
            formatter_class=form,
        )
        command.add_arguments(verb_parser)
    return top
