"""`labelgraph check-data`, called as on the command line."""

import contextlib

from conftest import ROOT

from labelgraph.__main__ import main


def checked(capsys, *arguments):
    """Exit code, output and errors, in the repository's folder."""
    with contextlib.chdir(ROOT):
        code = main(["check-data", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err
