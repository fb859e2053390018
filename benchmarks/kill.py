"""Kills running processes at random moments, and checks that the same command still ends well.

    python benchmarks/kill.py [--kills 60] [--seed 0] [--kinds tables unpack] [--output FILE]

60 kills took half an hour on two busy cores. A tiny study runs once to its end, undisturbed. Then
the same command starts again and again, and part of it is killed (SIGKILL); after a few kills it
may end. Nothing is cleaned up or unlocked in between. The result must be the same bytes as the
undisturbed one's, and no half-written file may remain. The kinds:

    tables    kills Snakemake, a job, its caller, the warm process that jobs fork from, or all
    dvc       the same under `dvc repro`, or DVC itself
    unpack    as tables, while a local archive is unpacked
    report    as tables, while the report is written
    serve     kills `labelgraph serve` as it starts, waits or answers; it restarts on the same port
    tmpdir    kills the warm process when TMPDIR has no room for another; needs root, to mount one
"""

import argparse
import contextlib
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import kill_serve
import kill_studies
import psutil
from kill_studies import Case

IN_A_ROW = 4  # kills before a command may end
LATEST = 0.7  # share of the undisturbed time of the command, or the step


@dataclass(frozen=True)
class Kill:
    """One line of kills.csv."""

    study: int
    kind: str
    victim: str
    seconds: float  # after the start of the command, or of the killed step
    running: str  # the steps that ran, or what the server did
    then: str = ""  # how the same command ended when undisturbed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    kinds = [*kill_studies.KINDS, "serve"]
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("kills.csv"))
    chosen = parser.parse_args()
    draw, kills = random.Random(chosen.seed), []
    with tempfile.TemporaryDirectory() as place:
        cases = kill_studies.undisturbed(Path(place), chosen.kinds)
        for number in range(10**6):
            if len(kills) >= chosen.kills:
                break
            kind = chosen.kinds[number % len(chosen.kinds)]
            most = min(IN_A_ROW, chosen.kills - len(kills))
            if kind == "serve":
                rows = kill_serve.struck(Path(place, "whole"), draw, most)
                found = [Kill(number, kind, *row) for row in rows]
            else:
                found = disturbed(cases[kind], Path(place, str(number)), number, draw, most)
            kills += found
            write(chosen.output, kills)
            then = found[-1].then if found else "ended before it was struck"
            print(f"{len(kills)} kills; {number}, {kind}: {then}", flush=True)
    sys.exit(any(kill.then != "the same" for kill in kills))


def write(path: Path, kills: list[Kill]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(field.name for field in fields(Kill))
        lines.writerows([getattr(kill, field.name) for field in fields(Kill)] for kill in kills)


def disturbed(case: Case, folder: Path, number: int, draw: random.Random, most: int) -> list[Kill]:
    """Some kills in one folder, and how the command then ended."""
    kills, folder = [], case.prepare(folder)
    for _ in range(1 if case.tmpdir else most):
        victim = draw.choice(case.victims)
        with case.tmpdir(folder) if case.tmpdir else contextlib.nullcontext() as fill:
            process = kill_studies.begin(folder, case)
            moment = draw.uniform(0, LATEST * case.seconds)
            found = strike(folder, process, victim, moment, draw, case.step, fill)
            code = process.wait()
        if found is None:
            break
        kills.append(Kill(number, case.kind, victim, *found))
        if case.tmpdir and (wrong := untold(folder, code)):
            return [replace(kill, then=wrong) for kill in kills]
    else:
        code = kill_studies.begin(folder, case).wait()
    same = code == 0 and case.results(folder) == case.expected
    then = "the same" if same else f"exit code {code}: {kill_studies.output(folder)[-500:]}"
    return [replace(kill, then=then) for kill in kills]


def untold(folder: Path, code: int) -> str:
    """What is wrong with the message of a command without room in TMPDIR; empty if nothing."""
    text = kill_studies.output(folder)
    causes = (
        f"TMPDIR is {folder / 'tmp'}, where",
        "was killed, perhaps",
        "did not start: signal 9",
    )
    told = "Traceback" not in text and any(cause in text for cause in causes)
    return "" if code == 0 or told else f"exit code {code}, unexplained: {text[-500:]}"


def strike(
    folder: Path,
    process: subprocess.Popen,
    victim: str,
    moment: float,
    draw: random.Random,
    awaited: str = "",
    before: Callable[[], None] | None = None,
) -> tuple[float, str] | None:
    """Waits for the moment and a victim, and returns when it was and what ran then; None if the
    command ended before. `awaited`: the step from whose start the moment counts."""
    start = None if awaited else time.monotonic()
    while process.poll() is None:
        found = kill_studies.at_work(folder)
        steps = {kill_studies.step(caller) for caller in found.get("caller", [])}
        if start is None and kill_studies.computes(found, awaited):
            start = time.monotonic()
        everybody = [each for kind in found.values() for each in kind]
        chosen = everybody if victim == "all" else found.get(victim, [])
        if start is not None and time.monotonic() - start >= moment and chosen:
            if before:
                before()
            for each in chosen if victim == "all" else [draw.choice(chosen)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            return round(time.monotonic() - start, 1), " ".join(sorted(steps))
        time.sleep(0.05)
    return None


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
