"""The program `labelgraph`: each verb has a file of its own in commands/."""

import os
import sys
from io import TextIOWrapper

from labelgraph.commands import _guide, _verbs
from labelgraph.files import names
from labelgraph.jobs import shortages


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    commands = _verbs.commands()
    if not arguments:
        print(_guide.next_steps({verb: command.HELP for verb, command in commands.items()}))
        return 0
    if isinstance(sys.stdout, TextIOWrapper):  # names that this terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    chosen = _verbs.parser().parse_args(arguments)
    try:
        return commands[chosen.verb].run(chosen)
    except BrokenPipeError:  # the reader of the pipe has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, MemoryError, ImportError, RuntimeError) as error:
        shortage = shortages.sentence(error)
        if shortage is None and not isinstance(error, ValueError | OSError):
            raise
        print(
            f"labelgraph {chosen.verb}: {names.shown_lines(shortage or str(error))}",
            file=sys.stderr,
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
