"""Runs `labelgraph check-data`, for the tests of what it finds."""

from labelgraph.__main__ import main


def checked(capsys, *arguments):
    """Exit code, output and errors."""
    code = main(["check-data", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err
