"""Who is at work in this folder, by locks that the kernel drops however their owner ends.

Snakemake's own lock is a file that outlives a killed Snakemake. It is removed here when nobody is
left whom it could protect: no other Snakemake, and no job of one that was killed. So are files that
such jobs have left half written.
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
PARENT = "LABELGRAPH_PARENT"  # set in dvc.yaml: Snakemake ends with the DVC that has started it
OTHER = "another snakemake is at work in this folder (process {})"
BUSY = f"{OTHER} and makes the same files; wait until it has ended, or end it, then try again"
PATIENCE_SECONDS = 60  # a job notices within a second that its Snakemake is gone
QUEUE_SECONDS = 20  # for SLURM to say which jobs it has
_held: list[TextIO] = []  # open until this process ends


@contextmanager
def entering() -> Iterator[bool]:
    """Gives whether this Snakemake is alone here; from then on it counts as present."""
    FOLDER.mkdir(exist_ok=True)
    door = MAIN.open("a+", encoding="utf-8")
    _held.append(door)
    try:
        alone = taken(door)
    except OSError:  # a file system without locks; Snakemake's own is all there is
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
    """The process that came first."""
    return MAIN.read_text(encoding="utf-8").strip()


def taken(file: TextIO) -> bool:
    """Whether nobody else had the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_jobs() -> None:
    """Jobs end with their Snakemake; the same ones started beside them would spoil both."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with JOBS.open("a", encoding="utf-8") as jobs:
        while not taken(jobs):
            if time.monotonic() > deadline:
                raise ValueError(
                    "jobs of a snakemake that was killed are still at work in this folder; wait"
                    f" until they have ended, or end them (`fuser -v {JOBS}` lists them)"
                )
            time.sleep(0.05)


def refuse_queued_jobs() -> None:
    """Jobs in a cluster's queue outlive a killed Snakemake, and those that wait hold no lock."""
    command = ["squeue", "--me", "--noheader", "--format", "%i|%k|%Z"]  # number, comment, folder
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=QUEUE_SECONDS)
    except (OSError, subprocess.TimeoutExpired):  # no SLURM here, or none that answers
        return
    rows = [line.split("|") for line in asked.stdout.splitlines()]
    here = [row[0] for row in rows if row[1].startswith("rule_") and row[-1] == str(Path.cwd())]
    if here:
        raise ValueError(
            "jobs of a snakemake that was killed are still in SLURM's queue for this folder; wait"
            f" until they have ended, or end them with `scancel {' '.join(here)}`"
        )


def end_with_parent() -> None:
    """When the process that PARENT names is killed, nothing that it started goes on unseen."""
    named = os.environ.pop(PARENT, "")  # it is nobody else's parent
    if not named.isdecimal():
        return

    def watch() -> None:
        while os.getppid() == int(named):
            time.sleep(0.5)
        os._exit(137)

    threading.Thread(target=watch, daemon=True).start()
