"""What decides the last bits of a number: instruction sets, threads, seeds.

Every rule has this file as an input. The libraries read the pins when they are loaded, so
jobs/launch.py sets them before it starts a step. It imports this file for every job, so only the
standard library may be imported at the top, and little of it.
"""

# Numbers must not depend on the machine, so the instruction sets that change rounding are pinned.
# COMPATIBLE is the one mode in which MKL promises the same results on every maker's processors.
PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    # Snakemake sets these to the threads of the job that happens to start the server.
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    ),
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # makes cuBLAS repeatable
    # No number depends on these two. They keep freed memory for the next layer: asking the system
    # for it took four tenths of the time of extracting features.
    **dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(1 << 32)),
}


def set_threads(count: int = 1) -> None:
    """One thread adds up in one order, so the bytes are the same each time."""
    import torch

    torch.set_num_threads(count)


def set_seed(seed: int) -> None:
    """For everything that is drawn without a generator of its own: weights, dropout."""
    import torch

    torch.manual_seed(seed)


def generator(seed: int):
    """A torch.Generator, whose draws neither depend on nor change what others draw."""
    import torch

    return torch.Generator().manual_seed(seed)
