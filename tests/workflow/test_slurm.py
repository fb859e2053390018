"""Two methods of a small study through a real SLURM, which the test starts if it is installed.

It cost 85 seconds of a processor on a busy machine, most of it Python that starts twice for every
job, so it has to be asked for: `uv run --extra cluster pytest -m slurm`, as root.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import slurm_cluster
import yaml
from gpu_cases import lines_of, nvidia_smi
from test_workflow import SMALL, TARGET, copy_of

RUNS = "results/runs/mini/full/voc2007"
METHODS = ("ml_gcn", "ml_gcn@binary")  # both are trained in steps, so that they can be cancelled
QUICK = ("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1")
PATIENCE_SECONDS = 600
STOP_SECONDS = 30
pytestmark = pytest.mark.slurm
# Trainings wait in the middle for as long as there is a file `hold`, and say in which job they are.
KEEP = "    def keep_safe(self, checkpoint: Checkpoint) -> None:\n"
HOLD = """        import os, pathlib
        while not self.stop and pathlib.Path("hold").exists():
            pathlib.Path("held-" + os.environ["SLURM_JOB_ID"]).touch()
            time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if reason := slurm_cluster.missing():
        pytest.skip(reason)
    cluster = slurm_cluster.Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        if reason := cluster.start():
            pytest.skip(reason)
        yield cluster
    finally:
        cluster.stop()


# SLURM's two GPUs are none that torch could use.
CHECK = "def broken(names):\n    return {}\n"


@contextlib.contextmanager
def started(folder, *arguments, gpu):
    """Snakemake, which does not outlive the test."""
    config = [f"{name}={json.dumps(value)}" for name, value in (SMALL | {"gpu": gpu}).items()]
    command = [sys.executable, "-m", "snakemake", *arguments, "--config", *config, "--", TARGET]
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:  # it waits for jobs of a SLURM that has ended
            process.kill()
            process.wait()


def finish(process, folder):
    assert process.wait(PATIENCE_SECONDS) == 0, (folder / "output.txt").read_text()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A table of two methods, made on this machine."""
    folder = copy_of(tmp_path_factory.mktemp("undisturbed"))
    tables = folder / "workflow/config/tables.yaml"
    entries = yaml.safe_load(tables.read_text())
    name = Path(TARGET).stem
    kept = {row: run for row, run in entries[name]["runs"].items() if run in METHODS}
    entries[name] |= {"runs": kept, "more": {}}
    tables.write_text(yaml.safe_dump(entries, sort_keys=False))
    training = folder / "src/labelgraph/train/loop.py"
    assert KEEP in training.read_text()
    training.write_text(training.read_text().replace(KEEP, KEEP + HOLD))
    (folder / "src/labelgraph/jobs/gpu_check.py").write_text(CHECK)
    with started(folder, "--cores", "2", gpu=0) as process:
        finish(process, folder)
    return folder


def wait_for(condition, process, folder):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert process.poll() is None and time.monotonic() < deadline, (
            folder / "output.txt"
        ).read_text()
        time.sleep(0.1)
    return found


def cancel_one(cluster, folder, process):
    """Cancels one of two trainings; both end well. Returns the other one's job."""
    logs = folder / ".snakemake/slurm_logs"

    def held():
        return sorted(path.name.removeprefix("held-") for path in folder.glob("held-*"))

    wait_for(lambda: len(held()) == 2, process, folder)
    one, other = held()
    # GPUs, processors, minutes and megabytes of either
    asked = cluster.ask("squeue", "-h", "-O", "tres-per-job,NumCPUs,TimeLimit,MinMemory")
    assert [line.split() for line in asked.splitlines()] == [
        ["gres:gpu:1", "1", "23:30:00", "6500M"]
    ] * 2
    cluster.ask("scancel", one)
    wait_for(
        lambda: any("stopped in epoch 1" in path.read_text() for path in logs.rglob(f"{one}.log")),
        process,
        folder,
    )
    assert len(list(folder.glob("work/*/state.json"))) == 1
    (folder / "hold").unlink()
    finish(process, folder)
    return other


def test_after_a_cancelled_training_the_table_is_the_same(
    cluster, undisturbed, tmp_path, monkeypatch
):
    program = nvidia_smi(tmp_path / "bin", lines_of(["GPU-one", "GPU-two"]))
    monkeypatch.setenv("PATH", f"{program}:{os.environ['PATH']}")
    folder = shutil.copytree(undisturbed, tmp_path / "study", symlinks=True)
    for method in METHODS:
        shutil.rmtree(folder / RUNS / method)
    (folder / TARGET).unlink()
    (folder / "hold").touch()
    logs = folder / ".snakemake/slurm_logs"
    with started(folder, "--profile", "workflow/profiles/slurm", *QUICK, gpu=1) as process:
        other = cancel_one(cluster, folder, process)
    assert not list(logs.rglob(f"{other}.log"))  # the other one was not disturbed
    for path in (TARGET, "results/records.jsonl"):
        assert (folder / path).read_bytes() == (undisturbed / path).read_bytes()
    assert not list(folder.glob("work/*"))
