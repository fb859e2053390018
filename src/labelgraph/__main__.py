"""`labelgraph VERB`: one file in commands/ for each verb; `VERB --help` says what it does.

Exit code 0 good, 1 a difference or a failed check, 2 wrong usage.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path


def verbs() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("commands/[!_]*.py"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="labelgraph", description=__doc__.split("\n\n")[0])
    below = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    commands = {verb: import_module(f"labelgraph.commands.{verb}") for verb in verbs()}
    for verb, command in commands.items():
        name = verb.replace("_", "-")
        command.add_arguments(below.add_parser(name, help=command.HELP, description=command.HELP))
    chosen = parser.parse_args(arguments)
    try:
        return commands[chosen.verb.replace("-", "_")].run(chosen)
    except (ValueError, OSError) as error:
        print(f"labelgraph {chosen.verb}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe has seen enough
        return 0


if __name__ == "__main__":
    sys.exit(main())
