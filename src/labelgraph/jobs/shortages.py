"""Too little memory, shared memory or threads, a GPU that failed: sentences that say what helps.

They take the place of the error messages of the libraries that failed.
"""

import errno
import re
import resource

from labelgraph.jobs.user_errors import NO_SHARED_MEMORY, USER_ERRORS

NO_THREAD = "can't start new thread"
NO_SHARED = ("shared memory", "Bus error")  # torch's message, and the signal that ends its workers
NO_MEMORY = (  # messages of torch's allocators, of the loader of libraries, of the system
    *("can't allocate memory", "Cannot allocate memory", "bad_alloc", "CUDA out of memory"),
    *("failed to map segment from shared object", "CUDA error: out of memory"),
)
# What CUDA says when a GPU has failed or is gone. Whatever a bug causes is not among them.
LOST = re.compile(
    r"CUDA[^\n\\]*(unspecified launch failure|unknown error|uncorrectable ECC error|GPU is lost"
    r"|no CUDA-capable device is detected|device\(s\) is/are busy or unavailable)"
)


def sentence(error: BaseException) -> str | None:
    """What there is too little of and what helps, or None if `error` is about something else."""
    whole = str(error).strip()
    if isinstance(error, USER_ERRORS) and whole.startswith(f"{NO_SHARED_MEMORY}: "):
        return no_shared(whole.removeprefix(f"{NO_SHARED_MEMORY}: "))
    words = (whole.splitlines() or [type(error).__name__])[-1][:200]
    if isinstance(error, OSError):  # its message may hold the name of a file
        return no_memory(words) if error.errno == errno.ENOMEM else None
    if not isinstance(error, MemoryError | ImportError | RuntimeError):
        return None
    if lost := of_gpu(error):
        return (
            f"a GPU failed ({lost}). The job is tried once more, from its last checkpoint; then the"
            " same command tries again. `nvidia-smi` and `dmesg` say more, and CUDA_VISIBLE_DEVICES"
            " without this GPU leaves it out"
        )
    if any(mark in whole for mark in NO_SHARED):
        return no_shared(words)
    if NO_THREAD in whole:
        return f"no more threads can be started; raise `ulimit -u`{addresses()}"
    if isinstance(error, MemoryError) or any(mark in whole for mark in NO_MEMORY):
        return no_memory(words)
    return None


def of_gpu(error: BaseException) -> str | None:
    """CUDA's words, if a GPU has failed, of this process or of several that train together."""
    found = LOST.search(str(error)) if isinstance(error, RuntimeError) else None
    return found and found[0]


def no_memory(words: str) -> str:
    if "CUDA" in words:
        return f"the GPU is out of memory ({words}); set a smaller train.batch, or gpu_share to 1"
    return (
        f"out of memory ({words}); run less at once (snakemake --cores 1, a smaller"
        f" train.batch){addresses()}"
    )


def no_shared(words: str) -> str:
    return (
        "the processes that read images hand them over in /dev/shm, which is full or cannot be"
        f" written ({words}); make it writable and larger (a container: --shm-size=8g), or set"
        " train.workers to 0"
    )


def addresses() -> str:
    """What may help as well where `ulimit -v` is set."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return ""
    return f", or raise `ulimit -v`, which allows a process {limit >> 20:,} MB of address space"
