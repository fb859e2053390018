"""Which processes are running in this folder. The kernel releases their locks, however they end.

Snakemake's own lock is a file that stays behind when Snakemake is killed. It is removed here once
it protects nobody: no other Snakemake is running, and no job of one that was killed. Files that
such jobs left half written are removed, too.
"""

import fcntl
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from labelgraph.jobs import leftovers

FOLDER = Path(".snakemake")
MAIN = FOLDER / "labelgraph.main.lock"  # shared by every Snakemake in this folder
JOBS = FOLDER / "labelgraph.jobs.lock"  # shared by every job: see launch.py
PARENT = "LABELGRAPH_PARENT"  # set in dvc.yaml: Snakemake ends with the DVC that started it
OTHER = "another snakemake is running in this folder (process {})"
BUSY = f"{OTHER} and writes the same files; wait until it has finished, or stop it, then try again"
PATIENCE_SECONDS = 60  # a job ends within a second after its Snakemake
QUEUE_SECONDS = 20  # for SLURM to list its jobs
_held: list[TextIO] = []  # open until this process ends


@contextmanager
def entering() -> Iterator[bool]:
    """Yields whether no other Snakemake is running here, and counts this one as running."""
    FOLDER.mkdir(exist_ok=True)
    door = MAIN.open("a+", encoding="utf-8")
    _held.append(door)
    try:
        alone = taken(door)
    except OSError:  # the file system has no locks; only Snakemake's own lock is left
        yield True
        return
    if alone:
        refuse_queued_jobs()
        wait_for_jobs()
        for lock in FOLDER.glob("locks/*.lock"):
            lock.unlink(missing_ok=True)
        leftovers.clear(Path())
        door.truncate(0)
        print(os.getpid(), file=door, flush=True)
    yield alone
    fcntl.flock(door, fcntl.LOCK_SH)


def owner() -> str:
    """The process that started first."""
    return MAIN.read_text(encoding="utf-8").strip()


def taken(file: TextIO) -> bool:
    """Takes the lock and returns true, unless another process has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_jobs() -> None:
    """Jobs end soon after their Snakemake. Until then, starting the same ones would spoil both."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with JOBS.open("a", encoding="utf-8") as jobs:
        while not taken(jobs):
            if time.monotonic() > deadline:
                raise ValueError(
                    "jobs of a snakemake that was killed are still running in this folder; wait"
                    f" until they have finished, or stop them (`fuser -v {JOBS}` lists them)"
                )
            time.sleep(0.05)


def refuse_queued_jobs() -> None:
    """A killed Snakemake leaves jobs in the cluster's queue, and waiting ones hold no lock."""
    command = ["squeue", "--me", "--noheader", "--format", "%i|%k|%Z"]  # number, comment, folder
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=QUEUE_SECONDS)
    except (OSError, subprocess.TimeoutExpired):  # SLURM is not installed or does not answer
        return
    rows = [line.split("|") for line in asked.stdout.splitlines()]
    here = [row[0] for row in rows if row[1].startswith("rule_") and row[-1] == str(Path.cwd())]
    if here:
        raise ValueError(
            "jobs of a snakemake that was killed are still in SLURM's queue for this folder; wait"
            f" until they have finished, or cancel them with `scancel {' '.join(here)}`"
        )


def end_with_parent() -> None:
    """Ends this process when the one that PARENT names is killed: no job runs on unnoticed."""
    named = os.environ.pop(PARENT, "")  # not meant for the jobs
    if not named.isdecimal():
        return

    def watch() -> None:
        while os.getppid() == int(named):
            time.sleep(0.5)
        os._exit(137)

    threading.Thread(target=watch, daemon=True).start()
