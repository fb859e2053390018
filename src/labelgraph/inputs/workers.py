"""Checks for processes that read images: shared memory, and a short path for their sockets."""

import os
import tempfile

from labelgraph.jobs.user_errors import NO_SHARED_MEMORY

LONGEST = 70  # characters of TMPDIR; a socket's name has at most about 100, and Python adds to it
SHORT = "/tmp"


def check() -> None:
    """Call it before starting processes that exchange tensors."""
    import multiprocessing  # slow, and most steps do not need it

    shorten_temporary()
    try:
        multiprocessing.Lock()
    except OSError as error:
        raise OSError(f"{NO_SHARED_MEMORY}: {error.strerror}") from None


def shorten_temporary() -> None:
    """Replaces a TMPDIR that is too long for the sockets through which processes connect.

    With it, the process that reads images ends, and the one that waits for its images never does.
    """
    found = tempfile.gettempdir()
    if len(os.fsencode(found)) <= LONGEST:
        return
    if not os.access(SHORT, os.W_OK):
        raise OSError(
            f"TMPDIR is {found}, which is too long for the sockets of processes that read images;"
            f" set it to a folder whose name has {LONGEST} characters at most"
        )
    tempfile.tempdir = SHORT
