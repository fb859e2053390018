"""The shell command of a rule: how Snakemake starts a step."""

import re
import shlex
import sys

from labelgraph.jobs import locks

# Defines `step NAME ARGUMENTS` for the shell. The path of Python stands here and in no rule, so
# another environment with the same packages reruns nothing. Snakemake formats the text.
PREFIX = (
    f"step() {{{{ exec {shlex.quote(sys.executable)} -I -S src/labelgraph/jobs/launch.py"
    f' --present {locks.JOBS} "$@"; }}}}; '
)


def step(name: str, /, *words: str, **options: str) -> str:
    """The command of a rule, in which every value is quoted for the shell.

    Users choose the names of labels, parts, folders and files. `options` become --OPTION=VALUE, so
    a value may start with a dash; `words` are arguments, or names of lists of arguments.
    """
    given = [f"--{option}={value}" for option, value in options.items()]
    command = " ".join(["step --log {log}", name, *words, *given])
    return re.sub(r"{([^{}]+)}", r"{\1:q}", command)
