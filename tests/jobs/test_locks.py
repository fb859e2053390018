"""Killed or started twice: the same command goes on, no lock is in the way, nothing is spoilt."""

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress

import pytest
import toy_study

from labelgraph.jobs import locks

TABLE = "results/tables/mini/main.csv"
MADE = "637\n1274\n1911\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    commands = toy_study.Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.close()


@pytest.fixture
def study(run, tmp_path):
    folder = toy_study.write(tmp_path)
    run.git(folder, "init", "-q")
    return folder


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def at_work(run, folder, program="snakemake", *arguments):
    """Starts a study whose trainings wait for a file to go; returns when they have started."""
    (folder / "hold").touch()
    arguments = arguments or ("--cores", "2", "results/tables")
    process = run.start(program, folder, *arguments)
    wait_for(lambda: len(list(folder.glob(".snakemake/incomplete/*"))) >= 2)
    return process


def test_after_a_kill_the_same_command_goes_on(run, study):
    process = at_work(run, study)
    os.killpg(process, signal.SIGKILL)
    assert run.wait(process)[0] == -signal.SIGKILL
    assert list(study.glob(".snakemake/locks/*.lock"))
    (study / "hold").unlink()
    run.snakemake(study)
    assert (study / TABLE).read_text() == MADE


def test_a_second_snakemake_says_who_is_at_work_and_harms_nothing(run, study):
    first = at_work(run, study)
    other = f"another snakemake is running in this folder (process {first})"
    for arguments in ((), ("--unlock",), ("--quiet", "all", "--")):
        second = run.snakemake(study, *arguments, code=1)
        assert f"{other} and writes the same files; wait until it has finished" in second
        assert "--unlock" not in second.replace(" ".join(arguments), "")
        assert "Traceback" not in second
    assert other in run.snakemake(study, "-n")
    (study / "hold").unlink()
    code, text = run.wait(first)
    assert code == 0, text
    assert (study / TABLE).read_text() == MADE
    assert "Nothing to be done" in run.snakemake(study)


def test_a_start_without_another_at_work_removes_drafts_of_ended_processes(run, study):
    draft = study / f"results/.a.csv.{ended()}.draft"
    draft.parent.mkdir()
    draft.touch()
    (study / locks.FOLDER).mkdir()
    with (study / locks.MAIN).open("w") as other:
        locks.fcntl.flock(other, locks.fcntl.LOCK_SH)
        run.snakemake(study, "-n")
        assert draft.exists()
    run.snakemake(study, "-n")
    assert not draft.exists()


def test_where_the_file_system_has_no_locks_nothing_is_removed(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError("no locks available")

    monkeypatch.chdir(tmp_path)
    draft = tmp_path / f"results/.a.csv.{ended()}.draft"
    draft.parent.mkdir()
    draft.touch()
    with monkeypatch.context() as patch:
        patch.setattr(locks, "taken", no_locks)
        with locks.entering() as alone:
            assert alone and draft.exists()
    with locks.entering() as alone:
        assert alone and not draft.exists()


def test_when_dvc_is_killed_its_snakemake_ends_and_the_next_takes_over(run, study):
    process = at_work(run, study, "dvc", "repro")
    started = int((study / locks.MAIN).read_text())
    os.kill(process, signal.SIGKILL)
    run.wait(process)
    wait_for(lambda: not alive(started))
    with suppress(ProcessLookupError):  # the trainings, lines of shell that may not see it end
        os.killpg(process, signal.SIGKILL)
    (study / "hold").unlink()
    run.dvc(study, "repro")
    assert (study / TABLE).read_text() == MADE


def ended():
    """The number of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_new_snakemake_waits_for_the_jobs_of_one_that_was_killed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".snakemake").mkdir()
    job = (tmp_path / locks.JOBS).open("w")
    locks.fcntl.flock(job, locks.fcntl.LOCK_SH)
    with monkeypatch.context() as patch:
        patch.setattr(locks, "PATIENCE_SECONDS", 0.1)
        with pytest.raises(ValueError, match="jobs of a snakemake that was killed"):
            locks.wait_for_jobs()
    waiting = threading.Thread(target=locks.wait_for_jobs)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    job.close()
    waiting.join(30)
    assert not waiting.is_alive()


def test_jobs_that_a_killed_snakemake_left_in_a_cluster_are_named(tmp_path, monkeypatch):
    """Jobs of another folder, and those that Snakemake did not submit, are nobody's business."""
    queue = [f"7|rule_train|{tmp_path}", f"8|(null)|{tmp_path}", "9|rule_train|/elsewhere"]
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\ncat <<X\n" + "\n".join(queue) + "\nX\n")
    squeue.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ValueError, match=r"cancel them with `scancel 7`$"), locks.entering():
        pass
    squeue.write_text("#!/bin/sh\nexit 1\n")  # its controller does not answer
    locks.refuse_queued_jobs()
