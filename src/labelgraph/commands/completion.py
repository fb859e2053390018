"""`labelgraph completion`: Tab completion of verbs, options and files."""

import argparse
from pathlib import Path

from labelgraph.commands import _verbs

HELP = "print a script that lets the Tab key complete verbs, options and files"
EXAMPLES = ('eval "$(labelgraph completion bash)"',)
SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that the script is for")


def run(arguments: argparse.Namespace) -> int:
    import shtab

    top = _verbs.parser()
    with_files(top, shtab.FILE)
    print(shtab.complete(top, arguments.shell))
    return 0


def with_files(parser: argparse.ArgumentParser, files: dict[str, str]) -> None:
    """Completes every argument that is a path with files."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                with_files(below, files)
        elif action.type is Path:
            action.complete = files
