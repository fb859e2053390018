"""`labelgraph completion`: what makes the Tab key complete verbs, options and files."""

import argparse
from pathlib import Path

from labelgraph.commands import _verbs

HELP = 'a script for the shell\'s Tab key: eval "$(labelgraph completion bash)"'
SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS)


def run(arguments: argparse.Namespace) -> int:
    import shtab

    top = _verbs.parser("")
    with_files(top, shtab.FILE)
    print(shtab.complete(top, arguments.shell))
    return 0


def with_files(parser: argparse.ArgumentParser, files: dict[str, str]) -> None:
    """Whatever takes a path completes to files."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                with_files(below, files)
        elif action.type is Path:
            action.complete = files
