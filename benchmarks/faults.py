"""Puts single faults into code that decides results or safety, and checks that a test fails.

    python benchmarks/faults.py --count 580                    # continues from faults.csv
    python benchmarks/faults.py --count 580 --only metrics.py  # the faults of one file
    python benchmarks/faults.py --count 580 --again            # all again, except equivalents

It works in a copy of the checkout. A first run of the tests, without a fault, records which test
calls which function. Then, for each fault, the tests that call its function run, quickest first,
until one fails. They run in a fork of this process, which has imported the large packages.
`faults.csv` records which test found each fault. A fault without any visible effect is marked
`equivalent` there by hand, with the reason, and does not run again. Tests that start a whole study
or a browser do not run; they might find more.
"""

import argparse
import compileall
import csv
import hashlib
import importlib
import json
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from faultkinds import Fault, faults_of

ROOT = Path(__file__).parents[1]
CODE = ROOT / "src/labelgraph"
TABLE = ROOT / "benchmarks/faults.csv"
COLUMNS = ("place", "fault", "outcome", "by")  # by: the test, or why it is equivalent
PLACES = (  # code that decides results or safety
    *("score/metrics.py", "score/average_precision.py", "score/class_balanced.py", "split/*.py"),
    *("parts/losses.py", "parts/matching.py", "models/ml_sgm/released.py", "inputs/batches.py"),
    *("train/checkpoint.py", "jobs/records/*.py", "fetch/*.py", "files/images.py"),
    *("tables/tables.py", "tables/table_columns.py", "tables/rendering.py", "files/small.py"),
    *("own/datacheck/*.py", "manifest/readers/*.py", "own/asking.py"),
)
WHOLE = (  # tests of whole studies, browsers, clusters and pictures, which take minutes
    *("audit", "cluster", "drawn", "drawn_scenes", "end_to_end", "figure_kinds", "figures"),
    *("inspection", "launch", "layers", "report_browser", "serve_browser", "slurm", "storage"),
    *("walkthrough", "workflow"),
)
PACKAGES = (
    *("torch", "torchvision", "pandas", "numpy.testing", "sklearn.metrics", "scipy", "PIL.Image"),
    *("pytest", "_pytest.assertion.rewrite", "safetensors.torch", "simplejpeg", "yaml", "jinja2"),
)
LIMIT = 120  # seconds; a fault that makes 20 seconds of tests last longer counts as found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--count", type=int, default=580, help="number of faults, drawn from all places"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only faults whose place starts with this")
    parser.add_argument("--again", action="store_true", help="run all of them, not only new ones")
    parser.add_argument("--survey", type=Path, default=Path(tempfile.gettempdir(), "survey.json"))
    options = parser.parse_args()
    for name in PACKAGES:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as place:
        copy = copied(Path(place))
        calls = survey(copy, options.survey)
        known = read_table(options.again)
        faults = {(each.place, each.text): each for each in drawn(options.count, options.seed)}
        rows = {key: known[key] for key in faults if key in known}
        for key, fault in faults.items():
            done = rows.get(key, ("survived", ""))[0] != "survived"
            if not done and fault.place.startswith(options.only):
                rows[key] = tried(copy, fault, calls)
                print(*key, *rows[key], sep=" | ", flush=True)
                write_table(rows)
    outcomes = [outcome for outcome, _ in rows.values()]
    print({outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))})


def read_table(again: bool) -> dict[tuple[str, str], tuple[str, str]]:
    if not TABLE.exists():
        return {}
    with TABLE.open(newline="", encoding="utf-8") as stream:
        rows = [tuple(row.values()) for row in csv.DictReader(stream)]
    return {row[:2]: row[2:] for row in rows if row[2] == "equivalent" or not again}


def write_table(rows: dict[tuple[str, str], tuple[str, str]]) -> None:
    with TABLE.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(sorted(key + value for key, value in rows.items()))


def drawn(count: int, seed: int) -> list[Fault]:
    """Random faults, from each file in proportion to its number; a larger count only adds some."""
    ranked = []
    for path in sorted({path for place in PLACES for path in CODE.glob(place)}):
        found = {(each.place, each.text): each for each in faults_of(path, CODE)}
        order = sorted(found, key=lambda key: hashlib.sha256(f"{seed}{key}".encode()).digest())
        ranked += [(rank / len(order), key, found[key]) for rank, key in enumerate(order)]
    return [fault for *_, fault in sorted(ranked, key=lambda entry: entry[:2])[:count]]


def copied(folder: Path) -> Path:
    """A copy of the checkout, compiled so that a file is read again when its content changes."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(folder / "src", quiet=1, invalidation_mode=mode)
    return folder


def survey(copy: Path, cache: Path) -> dict[str, tuple[float, set[str]]]:
    """Test -> its seconds and the functions it calls, for tests that pass without a fault."""
    known = json.loads(cache.read_text()) if cache.exists() else {}
    for path in sorted((copy / "tests").rglob("test_*.py")):
        version = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.stem[5:] in WHOLE or known.get(path.name, [None])[0] == version:
            continue
        found = forked(copy, lambda watch, path=path: watched(watch, path), 400)
        known[path.name] = [version, found["calls"] if found else {}]
        cache.write_text(json.dumps(known))
        print(path.name, len(known[path.name][1]), "tests", flush=True)
    return {
        test: (seconds, set(called))
        for _, tests in known.values()
        for test, (seconds, called) in tests.items()
    }


class Watch:
    """A pytest plugin that records the first failed test, and each test's time and calls."""

    def __init__(self, copy: Path):
        self.failed, self.source = "", f"{copy}/src/labelgraph/"
        self.calls: dict[str, tuple[float, set[str]]] = {}
        self.seen: set[str] = set()

    def pytest_runtest_logreport(self, report) -> None:
        seconds, called = self.calls.setdefault(report.nodeid, (0.0, set()))
        self.calls[report.nodeid] = seconds + report.duration, called | self.seen
        self.seen.clear()
        if report.failed:
            self.failed = self.failed or report.nodeid
            self.calls.pop(report.nodeid)

    def pytest_collectreport(self, report) -> None:
        if report.failed:
            self.failed = self.failed or f"{report.nodeid} cannot be imported"

    def note(self, frame, event, argument) -> None:
        code = frame.f_code
        if code.co_filename.startswith(self.source):
            name = code.co_qualname.replace(".<locals>", "").split(".<")[0]
            self.seen.add(f"{code.co_filename.removeprefix(self.source)} {name}")


def watched(watch: Watch, path: Path) -> None:
    import threading

    import pytest

    sys.settrace(watch.note)
    threading.settrace(watch.note)
    pytest.main(["-n0", "-q", "-p", "no:cacheprovider", str(path)], plugins=[watch])
    sys.settrace(None)


def tried(copy: Path, fault: Fault, calls: dict[str, tuple[float, set[str]]]) -> tuple[str, str]:
    """The outcome, and the test that found the fault."""
    import pytest

    tests = sorted((took, test) for test, (took, called) in calls.items() if fault.place in called)
    if not tests:  # a fault outside functions: all tests that use the file
        tests = sorted(
            (took, test)
            for test, (took, called) in calls.items()
            if any(name.startswith(fault.place) for name in called)
        )
    chosen, total = [], 0.0
    for seconds, test in tests:
        total += seconds
        if total < LIMIT / 6:
            chosen.append(test)
    if not chosen:
        return "survived", "no test calls it"
    path = copy / "src/labelgraph" / fault.place.split(" ")[0]
    sound = path.read_bytes()

    def run(watch: Watch) -> None:
        sys.dont_write_bytecode = True
        pytest.main(["-n0", "-xq", "-p", "no:cacheprovider", *chosen], plugins=[watch])

    try:
        path.write_bytes(fault.source)
        found = forked(copy, run, LIMIT)
    finally:
        path.write_bytes(sound)
    if found is None:
        return "noticed", f"more than {LIMIT} seconds"
    return ("noticed", found["failed"]) if found["failed"] else ("survived", f"{len(chosen)} tests")


def forked(copy: Path, run: Callable[[Watch], None], limit: float) -> dict | None:
    """What `run` records in a process of its own; None if that takes too long or dies."""
    answer, log = copy / "answer.json", copy / "log.txt"
    answer.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        os.setsid()
        os.chdir(copy)
        sys.path[:0] = [f"{copy}/src"]
        os.environ |= {"PYTHONPATH": f"{copy}/src"}
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1), os.dup2(output, 2)
        watch = Watch(copy)
        try:
            run(watch)
            calls = {test: [took, sorted(called)] for test, (took, called) in watch.calls.items()}
            answer.write_text(json.dumps({"failed": watch.failed, "calls": calls}))
        finally:
            os._exit(0)
    end = time.monotonic() + limit
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.05)
    return json.loads(answer.read_text()) if answer.exists() else None


if __name__ == "__main__":
    main()
