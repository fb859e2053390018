"""Kills whatever is at work, at random moments, and looks whether the same command still ends well.

    python benchmarks/kill.py [--kills 60] [--seed 0]      some half an hour; writes kills.csv

A tiny study is run to its end once, undisturbed. Then, in folders of its own each time, the same
command is started and something of it killed (SIGKILL), again and again; after a few kills it may
end. Nothing is cleaned or unlocked between. Its tables, and the content of every file of every
job, must be those of the undisturbed study.

Victims: the process that computes a job (`job`) and its caller, the warm process that jobs are
forks of (`server`), Snakemake, DVC with Snakemake below it, and all of them at once.
"""

import argparse
import contextlib
import csv
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path

import psutil
import tiny
import yaml

SETTINGS = {"tables": ["ml_gcn_VOC"], "train": {"epochs": 30, "checkpoint_seconds": 1}}
COMMAND = tiny.command("results/tables", **SETTINGS)
VICTIMS = ("job", "caller", "server", "snakemake", "dvc", "all")
IN_A_ROW = 4  # kills before a study may end


@dataclass(frozen=True)
class Kill:
    """One line of kills.csv."""

    study: int
    victim: str
    seconds: float  # after the start of the command
    running: str  # the steps at work
    then: str = ""  # how the same command ended when it was left to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    draw, kills = random.Random(chosen.seed), []
    with tempfile.TemporaryDirectory() as place:
        whole = undisturbed(Path(place, "whole"))
        for number in range(10**6):
            if len(kills) >= chosen.kills:
                break
            found = disturbed(Path(place, str(number)), number, draw, whole)
            kills += found
            then = found[-1].then if found else "ended before it was struck"
            print(f"{len(kills)} kills; study {number}: {then}", flush=True)
    path = Path(__file__).with_name("kills.csv")
    with path.open("w", newline="", encoding="utf-8") as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(field.name for field in fields(Kill))
        lines.writerows([getattr(kill, field.name) for field in fields(Kill)] for kill in kills)
    sys.exit(any(kill.then != "the same" for kill in kills))


def undisturbed(folder: Path) -> tuple[dict[str, bytes], float]:
    """What is made, and how long it takes."""
    start = time.monotonic()
    code = begin(prepare(folder), dvc=False).wait()
    if code:
        sys.exit((folder / "output.txt").read_text())
    return results(folder), time.monotonic() - start


def prepare(folder: Path) -> Path:
    """The study, with a dvc.yaml that runs it."""
    folder.mkdir()
    tiny.copy(folder)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    text = yaml.safe_load((folder / "dvc.yaml").read_text())
    study = text["stages"]["study"]
    study["cmd"] = f"exec env LABELGRAPH_PARENT=$PPID {shlex.join(COMMAND)}"
    absent = {"results/costs/counts.json", "results/inspections", "results/figures/mini"}
    study["outs"] = [out for out in study["outs"] if not absent & out.keys()]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"study": study}}))
    (folder / ".gitignore").write_text("/data/\n/results/runs/\n")
    return folder


def begin(folder: Path, dvc: bool) -> subprocess.Popen:
    command = [sys.executable, "-m", "dvc", "repro"] if dvc else COMMAND
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)


def results(folder: Path) -> dict[str, bytes]:
    """Tables, and the records, which have the content of everything else."""
    paths = [*folder.glob("results/tables/mini/*"), folder / "results/records.jsonl"]
    return {path.name: path.read_bytes() for path in paths}


def disturbed(folder: Path, number: int, draw: random.Random, whole: tuple) -> list[Kill]:
    """Every second study is run by DVC."""
    expected, seconds = whole
    prepare(folder)
    dvc, kills = number % 2 == 1, []
    for _ in range(IN_A_ROW):
        victim = draw.choice([name for name in VICTIMS if dvc or name != "dvc"])
        process = begin(folder, dvc)
        struck = strike(folder, process, victim, draw.uniform(0, seconds), draw)
        code = process.wait()
        if struck is None:
            break
        kills.append(Kill(number, victim, *struck))
    else:
        code = begin(folder, dvc).wait()
    same = code == 0 and results(folder) == expected
    then = "the same" if same else f"exit code {code}: {(folder / 'output.txt').read_text()[-500:]}"
    return [replace(kill, then=then) for kill in kills]


def strike(
    folder: Path, process: subprocess.Popen, victim: str, moment: float, draw: random.Random
) -> tuple[float, str] | None:
    """Waits for the moment, and for a victim; when it was and what ran then. Nothing if the command
    has ended before."""
    start = time.monotonic()
    while process.poll() is None:
        found = at_work(folder)
        everybody = [each for kind in found.values() for each in kind]
        chosen = everybody if victim == "all" else found.get(victim, [])
        if time.monotonic() - start >= moment and chosen:
            running = " ".join(sorted({step(caller) for caller in found.get("caller", [])}))
            for each in chosen if victim == "all" else [draw.choice(chosen)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            return round(time.monotonic() - start, 1), running
        time.sleep(0.05)
    return None


def at_work(folder: Path) -> dict[str, list[psutil.Process]]:
    """Kind -> processes in this folder."""
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        try:
            if process.cwd() != str(folder) or process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = process.cmdline()
            parent = process.parent()
            fork = "warm.py" in " ".join(parent.cmdline() if parent else [])
        except psutil.Error:
            continue
        if kind := kind_of(" ".join(words), fork):
            found.setdefault(kind, []).append(process)
    return found


def kind_of(line: str, fork: bool) -> str | None:
    marks = {"warm.py": "job" if fork else "server", "launch.py": "caller"}
    marks |= {"snakemake --cores": "snakemake", "dvc repro": "dvc"}
    return next((kind for mark, kind in marks.items() if mark in line), None)


def step(caller: psutil.Process) -> str:
    """The name after `--log FILE`."""
    try:
        words = caller.cmdline()
    except psutil.Error:
        return ""
    return words[words.index("--log") + 2] if "--log" in words else ""


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
