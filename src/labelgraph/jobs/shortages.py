"""The machine gives too little memory or shared memory, or no thread: what is said instead of the
words of the library that has met it."""

import errno
import os
import resource
import tempfile

LONGEST = 70  # characters of TMPDIR; a socket's name may have some 100, and Python adds to it
SHORT = "/tmp"
NO_THREAD = "can't start new thread"
NO_SHARED = ("shared memory", "Bus error")  # torch's words, and how its workers end
NO_MEMORY = (  # words of torch's allocators, of the loader of libraries, of the system
    *("can't allocate memory", "Cannot allocate memory", "bad_alloc", "CUDA out of memory"),
    "failed to map segment from shared object",
)


def sentence(error: BaseException) -> str | None:
    """What is short and what helps, or None if `error` is about something else."""
    whole = str(error).strip()
    words = (whole.splitlines() or [type(error).__name__])[-1][:200]
    if isinstance(error, OSError):  # its words may be those of a file's name
        return no_memory(words) if error.errno == errno.ENOMEM else None
    if not isinstance(error, MemoryError | ImportError | RuntimeError):
        return None
    if any(mark in whole for mark in NO_SHARED):
        return no_shared(words)
    if NO_THREAD in whole:
        return f"no more threads can be started; raise `ulimit -u`{addresses()}"
    if isinstance(error, MemoryError) or any(mark in whole for mark in NO_MEMORY):
        return no_memory(words)
    return None


def no_memory(words: str) -> str:
    return (
        f"out of memory ({words}); run less at once (snakemake --cores 1, a smaller"
        f" train.batch){addresses()}"
    )


def check_shared() -> None:
    """To be called before processes are started that hand over tensors."""
    import multiprocessing  # slow, and most have no need of it

    shorten_temporary()
    try:
        multiprocessing.Lock()
    except OSError as error:
        raise OSError(no_shared(error.strerror)) from None


def shorten_temporary() -> None:
    """They meet at sockets below TMPDIR, in private folders; where the whole name is too long, the
    reader of images ends and whoever waits for it does not."""
    found = tempfile.gettempdir()
    if len(os.fsencode(found)) <= LONGEST:
        return
    if not os.access(SHORT, os.W_OK):
        raise OSError(
            f"TMPDIR is {found}, which is too long for the sockets of processes that read images;"
            f" set it to a folder whose name has {LONGEST} characters at most"
        )
    tempfile.tempdir = SHORT


def no_shared(words: str) -> str:
    return (
        "the processes that read images hand them over in /dev/shm, which is full or cannot be"
        f" written ({words}); make it writable and larger (a container: --shm-size=8g), or set"
        " train.workers to 0"
    )


def addresses() -> str:
    """What `ulimit -v` has to do with it."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return ""
    return f", or raise `ulimit -v`, which allows a process {limit >> 20:,} MB of addresses"
