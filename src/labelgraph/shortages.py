"""The machine gives too little memory or shared memory, or no thread: what is said instead of the
words of the library that has met it."""

import errno
import multiprocessing
import resource

NO_THREAD = "can't start new thread"
NO_SHARED = ("shared memory", "Bus error")  # torch's words, and how its workers end
NO_MEMORY = (  # words of torch's allocators, of the loader of libraries, of the system
    *("can't allocate memory", "Cannot allocate memory", "bad_alloc", "CUDA out of memory"),
    "failed to map segment from shared object",
)


def sentence(error: BaseException) -> str | None:
    """What is short and what helps, or None if `error` is about something else."""
    words = (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
    whole = str(error)
    if not isinstance(error, MemoryError | ImportError | RuntimeError | OSError):
        return None
    if any(mark in whole for mark in NO_SHARED):
        return no_shared(words)
    if NO_THREAD in whole:
        return f"no thread can be started; raise `ulimit -u`{addresses()}"
    small = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    if small or any(mark in whole for mark in NO_MEMORY):
        return (
            f"out of memory ({words}); run fewer jobs at once (--cores 1) or lower train.batch"
            f"{addresses()}"
        )
    return None


def check_shared() -> None:
    """To be called before processes are started that hand over tensors."""
    try:
        multiprocessing.Lock()
    except OSError as error:
        raise OSError(no_shared(error.strerror)) from None


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
    return f", and raise `ulimit -v`, which allows a process {limit >> 20:,} MB of addresses"
