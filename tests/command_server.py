"""Starts Snakemake and DVC without delay, as forks of a process that has imported them.

    python command_server.py

Reads requests from its input, one line of JSON each. The answer to a program with arguments, cwd,
env and an output file is the number of its process; the answer to such a number is the exit code.
"""

import json
import os
import sys

import dvc.cli
import dvc.cli.parser
import dvc.repo
import pandas  # noqa: F401  (Snakemake imports it for every call)
import snakemake.cli
import snakemake.workflow


def perform(request):
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    output = os.open(f"{request['output']}/{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = [request["program"], *request["arguments"]]
    try:
        if request["program"] == "dvc":
            code = dvc.cli.main(request["arguments"])
        else:
            code = snakemake.cli.main()
    except SystemExit as stop:
        code = stop.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


snakemake.cli.get_argument_parser()  # loads the plugins
for line in sys.stdin:
    request = json.loads(line)
    if isinstance(request, int):
        answer = os.waitstatus_to_exitcode(os.waitpid(request, 0)[1])
    else:
        answer = os.fork()
        if answer == 0:
            perform(request)
    print(answer, flush=True)
