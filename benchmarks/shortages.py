"""Runs a study short of memory, disk or permissions; afterwards the same command must end well.

    python benchmarks/shortages.py      some minutes; the two with disks need root, to mount them

The study is that of kill_studies.py. First the command must fail with a line that says why. Then,
without the shortage, it must end with the same tables and files as an undisturbed one.
"""

import contextlib
import re
import resource
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import kill_studies
import psutil

WHY = r".*(?:No space left|Read-only file system|allocate memory|MemoryError|bad_alloc).*"


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        case = kill_studies.undisturbed(Path(place), ["tables"])["tables"]
        for name, cause in {
            "a job gets no memory": no_memory,
            "the results' disk is full": full_disk,
            "the results cannot be written": read_only,
        }.items():
            folder = case.prepare(Path(place, cause.__name__))
            (folder / "results").mkdir()
            try:
                code, undo = cause(folder)
            except subprocess.CalledProcessError:
                print(f"{name}: skipped, because nothing can be mounted here", flush=True)
                continue
            text = (folder / "output.txt").read_text()
            said = re.findall(WHY, text, re.M) or [text[-300:]]
            undo()
            again = kill_studies.begin(folder, case).wait()
            same = again == 0 and case.results(folder) == case.expected
            print(f"{name}: exit code {code}, {said[-1].strip()!r}; then {again}, the same: {same}")
            kill_mounts(folder)


def no_memory(folder: Path) -> tuple[int, Callable[[], None]]:
    """The first training job may use no more memory than it has at its start."""
    process = kill_studies.start(folder, kill_studies.COMMAND)
    while process.poll() is None:
        found = kill_studies.at_work(folder)
        if "train" in map(kill_studies.step, found.get("caller", [])) and "job" in found:
            for job in found["job"]:
                with contextlib.suppress(psutil.Error, ProcessLookupError):
                    half = job.memory_info().vms // 2
                    resource.prlimit(job.pid, resource.RLIMIT_AS, (half, half))
            break
    return process.wait(), lambda: None


def full_disk(folder: Path) -> tuple[int, Callable[[], None]]:
    mount("-t", "tmpfs", "-o", "size=400k", "tmpfs", folder / "results")
    return kill_studies.start(folder, kill_studies.COMMAND).wait(), lambda: mount(
        "-o", "remount,size=200m", folder / "results"
    )


def read_only(folder: Path) -> tuple[int, Callable[[], None]]:
    mount("-t", "tmpfs", "-o", "ro", "tmpfs", folder / "results")
    return kill_studies.start(folder, kill_studies.COMMAND).wait(), lambda: mount(
        "-o", "remount,rw", folder / "results"
    )


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True, stderr=subprocess.DEVNULL)


def kill_mounts(folder: Path) -> None:
    subprocess.run(["umount", str(folder / "results")], stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
