"""The shell command of a rule: how Snakemake starts a step."""

import re
import shlex
import sys

from labelgraph.jobs import locks


def prefix(share: int) -> str:
    """Defines `step NAME ARGUMENTS` for the shell; `share` jobs that need a GPU share one.

    Both that number and the path of Python stand here and in no rule, so another environment with
    the same packages reruns nothing. Snakemake formats the text.
    """
    python = shlex.quote(sys.executable)
    return (
        f"step() {{{{ exec {python} -I -S src/labelgraph/jobs/launch.py"
        f' --present {locks.JOBS} --share {share} "$@"; }}}}; '
    )


def step(name: str, /, *words: str, gpus: str = "", alone: bool = False, **options: str) -> str:
    """The command of a rule, in which every value is quoted for the shell.

    Users choose the names of labels, parts, folders and files. `options` become --OPTION=VALUE, so
    a value may start with a dash; `words` are arguments, or names of lists of arguments. `gpus` is
    how many GPUs the job gets; without it, the job sees none. A job that is `alone` shares none.
    """
    given = [f"--{option}={value}" for option, value in options.items()]
    start = ["step", *["--gpus", gpus] * bool(gpus), *["--share 1"] * alone, "--log {log}"]
    command = " ".join([*start, name, *words, *given])
    return re.sub(r"{([^{}]+)}", r"{\1:q}", command)
