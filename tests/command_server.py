"""Snakemake and DVC as processes that start at once: forks of one that has them loaded.

    python command_server.py

Reads requests from its input, a line of JSON each. One with a program, arguments, cwd, env and an
output file is answered with the process that runs it, the number of a process with its exit code.
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
