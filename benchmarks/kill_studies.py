"""The part of kill.py for Snakemake and DVC: commands in small folders, and their results."""

import errno
import hashlib
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import tiny
import yaml

SETTINGS = {"tables": ["ml_gcn_VOC"], "train": {"epochs": 30, "checkpoint_seconds": 1}}
# `tables` does not make the metrics, which are outputs in dvc.yaml.
COMMAND = tiny.command("results/tables", "results/metrics/mini.csv", **SETTINGS)
REPORT = tiny.command("results/report", **SETTINGS)
WITH_DVC = [sys.executable, "-m", "dvc", "repro"]
VICTIMS = ("job", "caller", "server", "snakemake", "all")
KINDS = ("tables", "dvc", "unpack", "report", "tmpdir")
GROUP = "practice"  # the raw folder to unpack: many small files, some seconds
FILES, LARGE = 4000, 20_000_000


@dataclass(frozen=True)
class Case:
    """A command, which of its processes are killed, and what it makes undisturbed."""

    kind: str
    command: list[str]
    victims: tuple[str, ...]
    prepare: Callable[[Path], Path]
    results: Callable[[Path], dict[str, Any]]
    seconds: float = 0.0  # time of the command, or of `step`
    expected: Any = None
    step: str = ""  # the moment counts from the start of this step's job
    tmpdir: Callable[[Path], Any] | None = None  # context with a TMPDIR; returns what fills it


def undisturbed(place: Path, kinds: list[str]) -> dict[str, Case]:
    """Kind -> case, with its results and its time."""
    cases = {}
    if {*kinds} - {"unpack"}:
        whole = place / "whole"
        tables = measured(Case("tables", COMMAND, VICTIMS, prepare, results), whole)
        cases = {"tables": tables, "dvc": replace(tables, kind="dvc", command=WITH_DVC)}
        cases["dvc"] = replace(cases["dvc"], victims=(*VICTIMS, "dvc"))
        cases["tmpdir"] = replace(
            tables, kind="tmpdir", victims=("server",), tmpdir=full_tmpdir, seconds=12.0
        )
    if "report" in kinds:
        start(whole, REPORT).wait()
        again = lambda _: without_report(whole)  # noqa: E731
        case = Case("report", REPORT, VICTIMS, again, report, step="write_report")
        cases["report"] = measured(case, whole)
    if "unpack" in kinds:
        archive = pack(place / "practice.zip")
        command = tiny.command(
            f"data/raw/official/{GROUP}.json", local={GROUP: str(archive)}, **SETTINGS
        )
        ready = lambda folder: listed(prepare(folder), archive)  # noqa: E731
        case = Case("unpack", command, VICTIMS, ready, unpacked, step="unpack")
        cases["unpack"] = measured(case, place / "unpacked")
    return cases


def measured(case: Case, folder: Path) -> Case:
    """The case with the command's results, and the time of the command or its step."""
    folder = case.prepare(folder)
    process, begun, ended = begin(folder, case), None if case.step else time.monotonic(), None
    while process.poll() is None:
        if case.step and computes(at_work(folder), case.step):
            begun, ended = begun or time.monotonic(), time.monotonic()
        time.sleep(0.02)
    if process.returncode or begun is None:
        sys.exit(output(folder))
    seconds = (ended or time.monotonic()) - begun
    return replace(case, seconds=seconds, expected=case.results(folder))


def prepare(folder: Path) -> Path:
    """A study without figures, and a dvc.yaml that runs it."""
    folder.mkdir()
    tiny.copy(folder)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    config = folder / "workflow/config"
    (config / "figures.yaml").write_text("{}\n")
    study = yaml.safe_load((config / "studies/mini.yaml").read_text())
    (config / "studies/mini.yaml").write_text(yaml.safe_dump(study | {"figures": {}}))
    stage = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]["study"]
    stage["cmd"] = f"exec env LABELGRAPH_PARENT=$PPID {shlex.join(COMMAND)}"
    absent = {"results/costs/counts.json", "results/inspections/mini", "results/figures/mini"}
    stage["outs"] = [out for out in stage["outs"] if not absent & out.keys()]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"study": stage}}))
    (folder / ".gitignore").write_text("/data/\n/results/runs/\n")
    return folder


def begin(folder: Path, case: Case) -> subprocess.Popen:
    mine = {"TMPDIR": str(folder / "tmp")} if case.tmpdir else {}
    return start(folder, case.command, **mine)


def start(folder: Path, command: list[str], **environment: str) -> subprocess.Popen:
    """Starts the command, with its output in a file."""
    with (folder / "output.txt").open("w") as said:
        return subprocess.Popen(
            command, cwd=folder, stdout=said, stderr=said, env=os.environ | environment
        )


def output(folder: Path) -> str:
    return (folder / "output.txt").read_text()


def at_work(folder: Path) -> dict[str, list[psutil.Process]]:
    """Kind -> processes that work in this folder."""
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        try:
            if process.cwd() != str(folder) or process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = process.cmdline()
            parent = process.parent()
            fork = "server.py" in " ".join(parent.cmdline() if parent else [])
        except psutil.Error:
            continue
        if kind := kind_of(" ".join(words), fork):
            found.setdefault(kind, []).append(process)
    return found


def kind_of(line: str, fork: bool) -> str | None:
    marks = {"server.py": "job" if fork else "server", "launch.py": "caller"}
    marks |= {"snakemake --cores": "snakemake", "dvc repro": "dvc"}
    return next((kind for mark, kind in marks.items() if mark in line), None)


def computes(found: dict[str, list[psutil.Process]], name: str) -> bool:
    """Whether a job of this step computes; before, its caller may wait for the warm process."""
    return "job" in found and name in map(step, found.get("caller", []))


def step(caller: psutil.Process) -> str:
    """The name after `--log FILE`."""
    try:
        words = caller.cmdline()
    except psutil.Error:
        return ""
    return words[words.index("--log") + 2] if "--log" in words else ""


def results(folder: Path) -> dict[str, bytes]:
    """Tables, metrics and records; the records hold the content of everything else."""
    paths = [*folder.glob("results/tables/mini/*"), *folder.glob("results/metrics/**/*.*")]
    paths += [folder / "results/records.jsonl", *folder.rglob("*.draft")]
    return {str(path.relative_to(folder)): content(path) for path in paths}


def report(folder: Path) -> dict[str, bytes]:
    return below(folder, "results/report")


def unpacked(folder: Path) -> dict[str, bytes]:
    return below(folder, "data/raw/official")


def below(folder: Path, place: str) -> dict[str, bytes]:
    """All files and folders, hidden ones included."""
    return {str(path.relative_to(folder)): content(path) for path in (folder / place).rglob("*")}


def content(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""


def without_report(folder: Path) -> Path:
    shutil.rmtree(folder / "results/report")
    return folder


def pack(path: Path) -> Path:
    draw = random.Random(0)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("JPEGImages/large.jpg", draw.randbytes(LARGE))
        for number in range(FILES):
            archive.writestr(f"JPEGImages/{number:06d}.jpg", draw.randbytes(3000))
    return path


def listed(folder: Path, archive: Path) -> Path:
    """The study, with the archive in its table of sources."""
    source = {"file": archive.name, "addresses": [], "bytes": archive.stat().st_size}
    source |= {"checksums": {"sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}}
    source |= {"evidence": "observed", "licence": "none", "note": "made by benchmarks/kill.py"}
    source |= {"unpack": {"into": "", "drop": "", "only": []}}
    group = {"title": "Practice", "serves": [], "layout": ["JPEGImages"], "starts": [""]}
    path = folder / "workflow/config/sources.yaml"
    table = yaml.safe_load(path.read_text())
    table["groups"][GROUP] = group | {"sources": {GROUP: source}}
    path.write_text(json.dumps(table))
    return folder


@contextmanager
def full_tmpdir(folder: Path) -> Iterator[Callable[[], None]]:
    """A small TMPDIR; returns a function that fills it to the last byte and name."""
    place = folder / "tmp"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=64", "tmpfs", str(place)]
    subprocess.run(mount, check=True)

    def fill() -> None:
        for name in range(10**6):
            try:
                (place / f"{name}").write_bytes(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                if not (place / f"{name}").exists():
                    return

    try:
        yield fill
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
