"""What is changed inside Snakemake fits the version that is installed, and does what it says."""

import inspect
import os
import re
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import snakemake
from snakemake import exceptions, persistence
from snakemake.api import Workflow  # workflow.py cannot be imported first
from snakemake.persistence.file import FilePersistence
from snakemake.scheduling.job_scheduler import JobScheduler

from labelgraph.jobs import snakemake_patches
from labelgraph.jobs.records import metadata

INSIDE = {  # what is replaced or imitated -> its parameters in the version that was read
    JobScheduler._schedule_reevalutation: ["self", "delay"],
    Workflow.unlock: ["self"],
    exceptions.LockException.__init__: ["self"],
}


def test_the_changes_were_written_for_the_installed_snakemake():
    found = snakemake.__version__
    assert found.startswith(f"{snakemake_patches.VERSION}."), (
        f"Snakemake {found} is installed, and jobs/snakemake_patches.py was written for"
        f" {snakemake_patches.VERSION}: read what it changes in the new version, run"
        " benchmarks/scheduler.py, then correct VERSION"
    )
    assert persistence.RECORD_FORMAT_VERSION == metadata.FORMAT, (
        "Snakemake writes its records in another format: compare jobs/records/metadata.py with"
        " snakemake/persistence, then correct FORMAT"
    )


@pytest.mark.parametrize("function", INSIDE, ids=lambda function: function.__qualname__)
def test_what_is_changed_has_the_parameters_that_the_changes_expect(function):
    assert [*inspect.signature(function).parameters] == INSIDE[function], (
        f"{function.__qualname__} of Snakemake {snakemake.__version__} takes other parameters;"
        " read jobs/snakemake_patches.py against it"
    )


@pytest.mark.parametrize("output", ["results/a.csv", "results/" + "x" * 300])
def test_a_record_lies_where_snakemake_looks_for_it(output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    metadata.FOLDER.mkdir()
    metadata.RECORDS.mkdir()
    there = SimpleNamespace(_fetch_max_len=lambda folder: os.pathconf(folder, "PC_NAME_MAX"))
    found = FilePersistence._record_path(there, str(metadata.RECORDS), output)
    assert found == str(metadata.place(metadata.RECORDS, output))


def test_one_timer_serves_all_who_want_another_look(monkeypatch):
    monkeypatch.setattr(JobScheduler, "_schedule_reevalutation", None)  # put back after the test
    snakemake_patches.look_once_at_a_time()
    timers = []
    monkeypatch.setattr(
        threading, "Timer", lambda *given: timers.append(given) or SimpleNamespace(start=int)
    )
    looks = []
    scheduler = SimpleNamespace(_open_jobs=SimpleNamespace(release=lambda: looks.append(1)))
    for delay in (1, 1, 10, 1):
        JobScheduler._schedule_reevalutation(scheduler, delay)
    assert [delay for delay, *_ in timers] == [1, 10]
    for _, look, given in timers[:2]:
        look(*given)
    assert len(looks) == 2
    JobScheduler._schedule_reevalutation(scheduler, 1)
    assert [delay for delay, *_ in timers] == [1, 10, 1]


STUDY = """
from labelgraph.jobs import snakemake_patches
snakemake_patches.look_once_at_a_time()
snakemake_patches.name_finished_files(workflow)

rule all:
    input: expand("made/{number}", number=range(6))

rule make:
    output: "made/{number}"
    shell: "touch {output}"
"""


def test_a_training_that_has_ended_says_its_place_and_the_time_left(monkeypatch):
    rules = {1: "split", 2: "train", 3: "train", 4: "train", 5: "predict"}
    jobs = [
        SimpleNamespace(jobid=number, rule=SimpleNamespace(name=name))
        for number, name in rules.items()
    ]
    dag = SimpleNamespace(needrun_jobs=lambda exclude_finished: jobs)
    clock = iter([100.0, 190.0, 300.0, 350.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    trainings = snakemake_patches.Trainings()
    trainings.begin(dag, [1])
    assert trainings.end(1) == ""
    for started in ([2], [3, 4]):
        trainings.begin(dag, started)
    said = [trainings.end(job) for job in (2, 5, 3, 4)]
    assert said == [
        "; training 1 of 3, about 3 min to the end of the last",
        "",
        "; training 2 of 3, about 2 min to the end of the last",
        "; training 3 of 3",
    ]


def test_jobs_beyond_the_limit_start_although_no_job_is_left_whose_end_would_start_them(tmp_path):
    """Four in a second, all of which end before the next may start. The lines name their files."""
    (tmp_path / "Snakefile").write_text(STUDY)
    command = [sys.executable, "-m", "snakemake", "--cores", "4"]
    limit = ["--max-jobs-per-timespan", "4/1s"]
    done = subprocess.run(
        [*command, *limit], cwd=tmp_path, capture_output=True, text=True, timeout=40
    )
    assert done.returncode == 0, done.stderr
    said = re.findall(r"Finished jobid: \d+ \(Rule: make\): made/(\d)$", done.stderr, re.M)
    assert sorted(said) == [*"012345"]


REMOVED = """
from labelgraph.jobs import snakemake_patches

rule all:
    input: expand("made/{number}/scores", number=range(2))

rule train:
    output: model="made/{number}/model", history="made/{number}/history"
    shell: "touch {output}"

rule predict:
    input: "made/{number}/model"
    output: "made/{number}/predictions"
    shell: "touch {output}"

rule score:
    input: "made/{number}/predictions", "made/{number}/history"
    output: "made/{number}/scores"
    shell: "touch {output}"

snakemake_patches.remove_models(workflow)
"""


def test_models_can_be_removed_after_the_last_job_that_reads_them(tmp_path):
    """Nothing is trained again for what stays, but a prediction that is lost needs its model."""
    (tmp_path / "Snakefile").write_text(REMOVED)

    def made(*options):
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    made()
    for number in "01":
        stays = {path.name for path in (tmp_path / "made" / number).iterdir()}
        assert stays == {"history", "predictions", "scores"}
    for name in ("predictions", "scores"):
        (tmp_path / "made/1" / name).unlink()
    trained = re.findall(r"^rule train:\n +output: (\S+),", made("-n"), re.M)
    assert trained == ["made/1/model"]
