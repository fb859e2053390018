"""The command line: one subparser for each verb's file."""

import argparse
from importlib import import_module
from pathlib import Path
from types import ModuleType


def commands() -> dict[str, ModuleType]:
    """Verb -> its module."""
    stems = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    return {stem.replace("_", "-"): import_module(f"{__package__}.{stem}") for stem in stems}


def parser(description: str) -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="labelgraph", description=description)
    below = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, command in commands().items():
        command.add_arguments(below.add_parser(verb, help=command.HELP, description=command.HELP))
    return top
