"""Runs a step in a process that has torch already: importing it costs more than most steps do.

    python -I -S launch.py [--present FILE] [--log FILE] STEP ARGUMENTS...

The first call starts a server (warm.py) that imports the slow packages once. Every call is then a
fork of it, with the caller's folder, environment and terminal. When the caller's parent dies,
Snakemake that is, the caller ends, and when the caller ends its fork does: no job goes on unseen.
While they live they share a lock on `--present`, which tells the next Snakemake (locks.py).
Only the standard library is used here, and little of it: this starts once for every job.

Numbers must not depend on the machine, so the instruction sets that change rounding are pinned.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
import zlib
from pathlib import Path

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
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # what makes cuBLAS repeatable
    # Freed memory is kept for the next layer: to ask the system for it took four tenths of the time
    # of extracting features.
    **dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(1 << 32)),
}
WARM = Path(__file__).with_name("warm.py")
START_SECONDS = 600  # a busy disk takes minutes to give torch for the first time
LOOK_SECONDS = 0.5  # how often a caller looks whether its parent is still there
KILLED = 137
# What SLURM ends as one, with processors, memory and GPUs of its own: no server serves two of them.
STEP = ("SLURM_JOB_ID", "SLURM_STEP_ID")


def main(arguments: list[str]) -> int:
    parent, streams = os.getppid(), [0, 1, 2]
    if arguments[:1] == ["--present"]:
        streams.append(share(arguments[1]))
        arguments = arguments[2:]
    request = {"argv": arguments, "cwd": str(Path.cwd()), "env": os.environ | PINS}
    with connect(address()) as line:
        socket.send_fds(line, [json.dumps(request).encode() + b"\n"], streams)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: line.sendall(b"stop\n"))
        line.settimeout(LOOK_SECONDS)
        while os.getppid() == parent:
            with contextlib.suppress(TimeoutError):
                if answer := line.recv(16):
                    return int(answer)
                print(f"{' '.join(arguments[:4])} was killed, perhaps for memory", file=sys.stderr)
                break
    return KILLED


def share(path: str) -> int:
    """A descriptor; the lock lasts until caller and fork have both closed it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def address() -> Path:
    """One server per user, environment, installed packages, text of the server and cluster job."""
    python = Path(sys.executable)  # sys.prefix is not the environment's here, because of -S
    packages = python.parent.parent.glob("lib/python*/site-packages")
    installed = [path.stat().st_mtime_ns for path in (WARM, *packages)]
    step = [os.environ.get(name) for name in STEP]
    key = zlib.crc32(f"{__file__} {python} {installed} {step}".encode())
    folder = Path(os.environ.get("TMPDIR", "/tmp"), f"labelgraph-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise PermissionError(f"{folder} belongs to somebody else or is open to others; remove it")
    return folder / f"{key:08x}.socket"


def connect(path: Path) -> socket.socket:
    """A line to the server, which is started if none answers."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = knock(path)
        if line is None:
            import subprocess

            command = [sys.executable, "-P", str(WARM), str(path)]
            server = subprocess.Popen(
                command,
                env=os.environ | PINS,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            deadline = time.monotonic() + START_SECONDS
            while (line := knock(path)) is None:
                if time.monotonic() > deadline:
                    server.kill()
                if server.poll() is not None:
                    reason = (
                        server.communicate()[1].decode()[-2000:] or f"it took {START_SECONDS} s"
                    )
                    raise RuntimeError(f"{WARM} did not start: {reason}")
                time.sleep(0.02)
        return line


def knock(path: Path) -> socket.socket | None:
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        line.close()
        return None
    return line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
