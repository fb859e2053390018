"""Rehearses the study `paper`: downloads, datasets, methods, tables, figures, claims, report.

    python benchmarks/rehearsal.py [--cores 2] [--folder FOLDER] [--travel] [--write LOG.md]
                                   [--config 'tables=[ml_sgm_II]' ...]

The study `rehearsal` runs in a copy of this checkout. In place of the official files, a server of
this machine has small archives with their names and formats, and answers some requests slowly or
not to the end. Nothing is downloaded from elsewhere, and nothing in this checkout changes but
LOG.md.

`--travel` pushes what was made to an S3 server of this machine and pulls it in a clone without
data, which must make every table without a training. `--folder` keeps everything; the same command
continues there. `--config` changes the study, to rehearse a part of it.
"""

import argparse
import contextlib
import ctypes
import importlib
import itertools
import logging
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import tiny
import travel
import yaml
from moto.server import ThreadedMotoServer

from labelgraph.study import config

sys.path[:0] = [str(tiny.ROOT / "tests" / name) for name in ("", "samples")]
archives, serving, rehearsed = map(importlib.import_module, ("archives", "serving", "rehearsed"))

STUDY = rehearsed.STUDY
FILE = f"workflow/config/studies/{STUDY}.yaml"
TARGETS = ["results/tables", "results/figures", "results/report"]
MANNERS = {  # what the first answers are; the others are good
    archives.RESNET: ["cut", "cut"],
    archives.DETECTOR: ["busy", "cut"],
    "VOCtest_06-Nov-2007.tar": ["cut"],
    "train2014.zip": ["slow"],
    "glove.6B.zip": ["cut", "slow"],
}
ORPHANS_COME_HERE = 36  # PR_SET_CHILD_SUBREAPER: the process of the jobs counts as a child
ABOUT = "Different from `paper`, besides that a server of this machine has all files:"
SECONDS = 2  # between two looks at memory
SELDOM = 10  # every how many of these it looks at the disk, which takes longer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="kept, and continued; else a temporary one")
    parser.add_argument("--travel", action="store_true", help="through S3 to a clone")
    parser.add_argument("--write", type=Path, help="the log, as Markdown")
    parser.add_argument("--config", nargs="+", default=[], help="lines of the study")
    chosen = parser.parse_args()
    os.environ |= travel.KEYS | travel.LOCAL
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with contextlib.ExitStack() as stack:
        place = chosen.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["DVC_SITE_CACHE_DIR"] = str(place.absolute() / "site")
        lines = rehearse(place, chosen)
        print(*lines, sep="\n")
        if chosen.travel:
            to_a_clone(place / "made")
    if chosen.write:
        chosen.write.write_text("\n\n".join(lines) + "\n")


def rehearse(place: Path, chosen: argparse.Namespace) -> list[str]:
    store, made = place / "archives", place / "made"
    if not store.exists():
        archives.main(store)
    with serving.Server(store, MANNERS) as server:
        prepare(made, store, server)
        change_study(made / FILE, chosen.config)
        travel.command(made, "-m", "labelgraph", "track", STUDY)
        travel.git(made, "add", "-A")
        travel.git(made, "commit", "-qm", "before", "--allow-empty")
        lines = ["# The last rehearsal of `paper`", *run(made, chosen.cores)]
    different = "\n".join(f"- {line}" for line in rehearsed.differences(made))
    return [*lines, downloads(server), *verdicts(made), ABOUT, different]


def prepare(made: Path, store: Path, server: serving.Server) -> None:
    """A repository of this checkout's code, whose sources are on the server."""
    if not made.exists():
        made.mkdir()
        tiny.copy(made)
        shutil.copy(tiny.ROOT / ".gitignore", made)
        travel.git(made, "init", "-q")
    path = made / "workflow/config/sources.yaml"
    found = serving.table(yaml.safe_load(path.read_text()), store, server.root)
    path.write_text(yaml.safe_dump(found, sort_keys=False))


def change_study(path: Path, lines: list[str]) -> None:
    """In its file, so that DVC and a clone run the same study."""
    changes = {
        key: yaml.safe_load(text) for key, _, text in (line.partition("=") for line in lines)
    }
    found = config.over(yaml.safe_load((tiny.ROOT / FILE).read_text()), changes)
    path.write_text(yaml.safe_dump(found, sort_keys=False))


def run(made: Path, cores: int) -> Iterator[str]:
    """Runs the study; yields how long it took, and what it needed."""
    ctypes.CDLL(None).prctl(ORPHANS_COME_HERE, 1, 0, 0, 0)
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    command += ["--config", f"study={STUDY}", "--", *TARGETS]
    begun, before = time.monotonic(), os.times()
    with Watch(made) as watch, (made / "rehearsal.log").open("w") as log:
        done = subprocess.run(command, cwd=made, stdout=log, stderr=subprocess.STDOUT)
        seconds = time.monotonic() - begun
        with contextlib.suppress(ChildProcessError):
            while True:  # the process of the jobs ends soon after the last one
                os.wait()
    said = (made / "rehearsal.log").read_text()
    if done.returncode:
        sys.exit(said[-6000:])
    after = os.times()
    used = sum(after[2:4]) - sum(before[2:4])
    largest = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    yield (
        f"{seconds:,.0f} s with {cores} cores, {used:,.0f} s of them at"
        f" work; at most {watch.memory / 1e9:.1f} GB of memory, {largest / 1e9:.1f} of them in one"
        f" process, and {watch.disk / 1e9:.1f} GB on disk."
    )
    block = said.partition("Job stats:")[2].split("\n\n")[0]
    ran = re.findall(r"^(\S+) +(\d+)$", block, re.M)
    yield "Jobs: " + ", ".join(f"{count} {rule}" for rule, count in ran) + "."


class Watch:
    """Memory of this process' children, and the size of a folder, at most."""

    def __init__(self, folder: Path):
        self.folder, self.memory, self.disk = folder, 0, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def look(self) -> None:
        for turn in itertools.count(1):
            if self.over.wait(SECONDS):
                return
            self.memory = max(self.memory, sum(map(memory, below(os.getpid()))))
            if turn % SELDOM == 0:
                self.disk = max(self.disk, size(self.folder))


def below(process: int) -> Iterator[int]:
    """All processes that this one started, and those that they started."""
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                yield child
                yield from below(child)


def memory(process: int) -> int:
    """Bytes; what several processes share counts once."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        if found := re.search(r"^Pss: +(\d+) kB", text, re.M):
            return 1024 * int(found[1])
    return 0


def size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{place}/{name}").st_blocks * 512
    return total


def downloads(server: serving.Server) -> str:
    again = [f"{name} {count} times" for name, count in server.resumed.items() if count]
    return (
        f"{len(server.asked)} files in {server.asked.total()} requests."
        f" Resumed: {', '.join(again) or 'none'}."
    )


def verdicts(made: Path) -> list[str]:
    """The summary of the claims, if all tables were asked for."""
    path = made / f"results/tables/{STUDY}/claims.md"
    return [path.read_text().split("\n\n")[1]] if path.exists() else []


def to_a_clone(made: Path) -> None:
    """Pushes what was made, and makes all tables in a clone that pulls it."""
    stage = f"results/dvc/{STUDY}/dvc.yaml"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which prints every request
    store = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    store.start()
    address = "http://{}:{}".format(*store.get_host_and_port())
    client = travel.boto3.client("s3", endpoint_url=address, region_name="us-east-1")
    client.create_bucket(Bucket="results")
    remote = ("-m", "dvc", "remote")
    travel.command(made, *remote, "add", "-fd", "store", "s3://results/store")
    travel.command(made, *remote, "modify", "store", "endpointurl", address)
    travel.measured("dvc repro", made, "-m", "dvc", "repro", stage)
    travel.measured("dvc push", made, "-m", "dvc", "push", stage)
    travel.git(made, "add", "-A")
    travel.git(made, "commit", "-qm", "made")
    travel.check_store(client, made)
    clone = made.with_name("clone")
    travel.git(made, "clone", "-q", str(made), str(clone))
    travel.measured("dvc pull in a clone", clone, "-m", "dvc", "pull", stage)
    travel.check_clone(made, clone, STUDY, ["results/tables"])
    store.stop()


if __name__ == "__main__":
    main()
