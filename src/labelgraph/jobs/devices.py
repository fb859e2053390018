"""Which GPUs a job may use, and locks on files that give each job its own.

launch.py takes them and hands the locks to the process that runs the step. The kernel releases a
lock when the last process that has it ends, however it ends. CUDA is not asked here, because a
process that has asked it cannot fork any more; `nvidia-smi -L` lists the GPUs. launch.py and the
Snakefile import this file, so it needs the standard library alone.
"""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import NamedTuple

CHOSEN = "CUDA_VISIBLE_DEVICES"
LIST_SECONDS = 60  # a GPU that is failing may not answer at all
LIST_AGAIN_SECONDS = 60  # how often a job that waits looks whether a GPU came or went
LOOK_SECONDS = 0.2  # how often it looks for a free one
LINE = re.compile(r"\s*(GPU|MIG) (.*?):\s*(.*?)\s*\(UUID: (\S+)\)")
HELP = "docs/gpus.md says more"


class Gpu(NamedTuple):
    number: str  # of nvidia-smi, which counts by slot
    model: str
    name: str  # its UUID
    parts: list[str]  # the UUIDs of its MIG devices, if it is divided into such


class Visible(NamedTuple):
    """What a job may use, and the reason, as part of a sentence."""

    names: list[str]
    reason: str


class Need(NamedTuple):
    """What a job needs: so many GPUs, or one of `share` places on one."""

    count: int
    share: int
    unusable: frozenset[str] = frozenset()  # those on which it has failed


Held = dict[str, list[int]]  # a GPU's name -> the open files that carry its locks


def visible(environment: Mapping[str, str]) -> Visible:
    """GPUs of this machine that the user's CUDA_VISIBLE_DEVICES leaves, or all of them."""
    given = environment.get(CHOSEN)
    wanted = None if given is None else [*entries(given)]
    chosen = "" if given is None else f"{CHOSEN} is {given!r}"
    if wanted == []:
        return Visible([], f"{chosen}, which hides all of them")
    try:
        gpus, said = listed()
    except FileNotFoundError:  # a container may have none: the user's own list is all there is
        missing = "there is no nvidia-smi here"
        return Visible(wanted or [], f"{missing}, and {chosen}" if chosen else missing)
    if wanted is not None and any(entry.isdecimal() for entry in wanted):
        refuse_ambiguous_numbers(gpus, given, environment.get("CUDA_DEVICE_ORDER"))
    found = [name for entry in wanted or [""] for name in named(entry, gpus)]
    reasons = [said, chosen]
    return Visible([*dict.fromkeys(found)], ", and ".join(filter(None, reasons)))


def entries(given: str) -> Iterator[str]:
    """Numbers and UUIDs. CUDA ignores everything from the first entry that is neither."""
    for entry in given.split(","):
        if not re.fullmatch(r"\d+|(GPU|MIG)-\S+", entry.strip()):
            return
        yield entry.strip()


def listed() -> tuple[list[Gpu], str]:
    """The GPUs of this machine, and what nvidia-smi said of them."""
    try:
        asked = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=LIST_SECONDS
        )
    except subprocess.TimeoutExpired:
        return [], f"`nvidia-smi -L` did not answer within {LIST_SECONDS} s"
    gpus: list[Gpu] = []
    other = []
    for line in (asked.stdout + asked.stderr).splitlines():
        if not (found := LINE.match(line)):
            other += [line.strip()] * bool(line.strip())
        elif found[1] == "GPU":
            gpus.append(Gpu(*found.groups()[1:], []))
        else:
            gpus[-1].parts.append(found[4])
    said = f"`nvidia-smi -L` lists {len(gpus) or 'none'}"
    return gpus, f"{said} and says: {' '.join(other)[:300]}" if other else said


def named(entry: str, gpus: list[Gpu]) -> list[str]:
    """The GPUs that an entry stands for; "" for all. One with MIG devices is used as these."""
    found = []
    for gpu in gpus:
        if not entry or entry == gpu.number or gpu.name.startswith(entry):
            found += gpu.parts or [gpu.name]
        else:
            found += [part for part in gpu.parts if part.startswith(entry)]
    return found


def refuse_ambiguous_numbers(gpus: list[Gpu], given: str, order: str | None) -> None:
    """CUDA numbers GPUs from the fastest on, nvidia-smi by slot."""
    models = sorted({gpu.model for gpu in gpus})
    if len(models) > 1 and order != "PCI_BUS_ID":
        raise ValueError(
            f"{CHOSEN} is {given!r}, and the GPUs here differ ({', '.join(models)}): CUDA counts"
            " from the fastest on, nvidia-smi by slot. Set CUDA_DEVICE_ORDER=PCI_BUS_ID to count"
            f" by slot, or put UUIDs into {CHOSEN} (`nvidia-smi -L` lists them)"
        )


def too_few(seen: Visible, count: int) -> str:
    """The sentence for a job that needs `count` GPUs."""
    have = len(seen.names)
    need, one = ("a GPU is", "one") if count == 1 else (f"{count} GPUs at a time are", f"{count}")
    said = f"{need} needed, and {there_are(have)} that may be used ({seen.reason})."
    if have:
        return f"{said} Set processes to {have} or less; {HELP}"
    return (
        f"{said} Start this on a machine or a cluster that has {one}; or let it run on the"
        f" processor, many times slower, with --config gpu=0. {HELP}"
    )


def there_are(count: int) -> str:
    return {0: "there is none", 1: "there is 1"}.get(count, f"there are {count}")


def enough(need: Need) -> list[str]:
    """The names of the GPUs that a job may use, or an error if they are too few."""
    seen = visible(os.environ)
    names = [name for name in seen.names if name not in need.unusable]
    if len(names) < need.count:
        out = ", and torch cannot use " + " and ".join(sorted(need.unusable))
        reason = seen.reason + out * bool(need.unusable)
        raise ValueError(too_few(Visible(names, reason), need.count))
    return names


def waiting(count: int, names: list[str]) -> str:
    need = "a GPU" if count == 1 else f"{count} GPUs"
    there = "the only one" if len(names) == 1 else f"some or all of the {len(names)} here"
    return f"waits for {need}: other jobs of yours use {there}"


def take(folder: Path, need: Need, say: Callable[[str], None], wanted: Callable[[], bool]) -> Held:
    """Waits for what a job needs as long as the job is `wanted`.

    A job that needs several GPUs and finds some keeps these only if it has the turn, which one job
    has at a time: two that keep some each would wait for each other for ever. All others let go.
    """
    held: Held = {}
    turn: list[int] = []
    due, told = 0.0, False
    while wanted():
        if time.monotonic() >= due:
            names, due = enough(need), time.monotonic() + LIST_AGAIN_SECONDS
            release([held.pop(name) for name in [*held] if name not in names])
        others = [name for name in names if name not in held]
        held |= free(folder, others, need.count - len(held), need.share)
        if len(held) == need.count:
            break
        if not told:
            told = True
            say(waiting(need.count, names))
        if not turn:
            release(held.values())
            held, turn = {}, locked(folder / "turn.gpu", LOCK_EX) if need.count > 1 else []
        time.sleep(LOOK_SECONDS)
    release([turn])
    return held


def free(folder: Path, names: list[str], count: int, share: int) -> Held:
    """Up to `count` of the GPUs, locked. Jobs that share them go to the emptiest first."""
    found: Held = {}
    for place in range(share):
        for name in names:
            if len(found) == count:
                return found
            path = folder / file_name(name)
            if name not in found and (locks := place_on(path, place, share)):
                found[name] = locks
    return found


def file_name(name: str) -> str:
    """A bare number means another GPU in each job of a cluster."""
    job = os.environ.get("SLURM_JOB_ID", "") if name.isdecimal() else ""
    return re.sub(r"[^\w.-]", "_", f"{job}-{name}" if job else name) + ".gpu"


def place_on(path: Path, place: int, share: int) -> list[int]:
    """The locks of a whole GPU, or of one place on a GPU that others may share; or none."""
    if share == 1:
        return locked(path, LOCK_EX)
    whole = locked(path, LOCK_SH)
    part = whole and locked(path.with_name(f"{path.name}.{place}"), LOCK_EX)
    if not part:
        release([whole])
        return []
    return whole + part


def locked(path: Path, how: int) -> list[int]:
    """The open file that has the lock, or none if another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        flock(descriptor, how | LOCK_NB)
        os.utime(descriptor)  # programs that clean up remove files that are old
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return [descriptor]
    except (BlockingIOError, FileNotFoundError):  # taken; removed after it was opened
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return []


def release(locks: Iterable[list[int]]) -> None:
    for descriptors in locks:
        for descriptor in descriptors:
            os.close(descriptor)
