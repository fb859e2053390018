"""Which GPUs a job may use, and that no two jobs use one; gpu_cases.py has the stand-ins."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import gpu_cases
import pytest
from conftest import ROOT
from gpu_cases import NAMES, lines_of, nvidia_smi
from snakemake.exceptions import WorkflowError

from labelgraph.jobs import devices, shell_command, snakemake_patches
from labelgraph.jobs.devices import Need

PATIENCE_SECONDS = 60
DIVIDED = (
    lines_of(NAMES[:1]) + "  MIG 3g.71gb     Device  0: (UUID: MIG-one)\n"
    "  MIG 1g.18gb     Device  1: (UUID: MIG-two)\n"
    f"GPU 1: NVIDIA H200 (UUID: {NAMES[1]})\n"
)
LOST = "Unable to determine the device handle for GPU1: 0000:41:00.0: GPU is lost.\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that makes `nvidia-smi -L` say something on this machine."""

    def says(text, code=0, given=None):
        monkeypatch.setenv("PATH", f"{nvidia_smi(tmp_path / 'bin', text, code)}:/usr/bin:/bin")
        for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "SLURM_JOB_ID"):
            monkeypatch.delenv(name, raising=False)
        if given is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        return devices.visible(os.environ)

    return says


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, NAMES),
        ("", []),
        (" ", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2,0", [NAMES[2], NAMES[0]]),
        (" 1 , 3 ", [NAMES[1], NAMES[3]]),
        ("1,1", [NAMES[1]]),
        ("0,-1,2", NAMES[:1]),
        ("0,17,2", [NAMES[0], NAMES[2]]),
        (NAMES[3], NAMES[3:]),
        ("GPU-bb,0", [NAMES[1], NAMES[0]]),
        ("GPU-unknown", []),
    ],
)
def test_the_users_own_list_is_respected(machine, given, names):
    seen = machine(lines_of(NAMES), given=given)
    assert seen.names == names
    assert given is None or f"CUDA_VISIBLE_DEVICES is {given!r}" in seen.reason


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, ["MIG-one", "MIG-two", NAMES[1]]),
        ("0", ["MIG-one", "MIG-two"]),
        (f"MIG-two,{NAMES[1]}", ["MIG-two", NAMES[1]]),
        (NAMES[0], ["MIG-one", "MIG-two"]),
    ],
)
def test_a_divided_gpu_is_used_as_its_parts(machine, given, names):
    assert machine(DIVIDED, given=given).names == names


def test_numbers_are_refused_where_cuda_and_nvidia_smi_may_count_differently(machine, monkeypatch):
    both = lines_of(NAMES[:1], "GT 1030") + lines_of(NAMES[1:2], "RTX 4090").replace("0:", "1:")
    with pytest.raises(ValueError, match=r"is '0', and the GPUs here differ \(GT 1030, RTX 4090\)"):
        machine(both, given="0")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert devices.visible(os.environ).names == NAMES[:1]
    assert machine(both, given=NAMES[1]).names == NAMES[1:2]


@pytest.mark.parametrize(
    ("text", "code", "names", "reason"),
    [
        ("", 0, [], "`nvidia-smi -L` lists none"),
        ("No devices found.\n", 6, [], "lists none and says: No devices found."),
        ("NVIDIA-SMI has failed because ...\n", 9, [], "says: NVIDIA-SMI has failed because ..."),
        (lines_of(NAMES[:1]) + LOST, 255, NAMES[:1], "lists 1 and says: Unable to determine the"),
    ],
)
def test_what_nvidia_smi_says_is_passed_on(machine, text, code, names, reason):
    seen = machine(text, code)
    assert seen.names == names
    assert reason in seen.reason


def test_an_nvidia_smi_that_hangs_is_not_waited_for(machine, monkeypatch, tmp_path):
    machine("")
    (tmp_path / "bin/nvidia-smi").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(devices, "LIST_SECONDS", 0.1)
    assert devices.visible(os.environ).reason == "`nvidia-smi -L` did not answer within 0.1 s"


def test_without_nvidia_smi_the_users_list_is_all_there_is(monkeypatch, tmp_path):
    there = {"PATH": str(tmp_path)}
    monkeypatch.setattr(os, "environ", there)
    assert devices.visible(there) == ([], "there is no nvidia-smi here")
    seen = devices.visible(there | {"CUDA_VISIBLE_DEVICES": "0,GPU-x"})
    assert seen.names == ["0", "GPU-x"]
    # in two jobs of a cluster, number 0 may be two GPUs
    assert devices.file_name("0") == "0.gpu"
    there["SLURM_JOB_ID"] = "7"
    assert devices.file_name("0") == "7-0.gpu"
    assert devices.file_name("MIG-GPU-x/7/0") == "MIG-GPU-x_7_0.gpu"


@pytest.mark.parametrize(
    ("names", "count", "words"),
    [
        ([], 1, "a GPU is needed, and there is none that may be used (why). Start this on a"),
        ([], 1, "many times slower, with --config gpu=0. docs/gpus.md"),
        ([], 4, "4 GPUs at a time are needed, and there is none that may be used (why). Start"),
        (NAMES[:1], 2, "needed, and there is 1 that may be used (why). Set processes to 1 or less"),
        (NAMES[:3], 4, "needed, and there are 3 that may be used (why). Set processes to 3 or"),
    ],
)
def test_too_few_are_a_sentence_that_says_what_to_do(names, count, words):
    assert words in devices.too_few(devices.Visible(names, "why"), count)


@pytest.fixture
def take(machine, tmp_path):
    """Two GPUs, and a function that takes what a job needs, or gives up after some looks."""
    machine(lines_of(NAMES[:2]))

    def of(count, share=1, looks=1, said=None, unusable=()):
        left = iter(range(looks))
        say = (said if said is not None else []).append
        need = Need(count, share, frozenset(unusable))
        return devices.take(tmp_path, need, say, lambda: next(left, None) is not None)

    return of


def test_each_gpu_is_taken_once_and_waiting_is_said_once(take, monkeypatch):
    monkeypatch.setattr(devices, "LOOK_SECONDS", 0.001)
    one, two = take(1), take(1)
    assert [*one, *two] == NAMES[:2]
    said = []
    assert take(1, looks=5, said=said) == {}
    assert said == ["waits for a GPU: other jobs of yours use some or all of the 2 here"]
    devices.release(one.values())
    assert [*take(1)] == NAMES[:1]


def test_a_gpu_that_failed_is_left_out_and_the_last_one_ends_the_wait(take):
    assert [*take(1, unusable=NAMES[:1])] == NAMES[1:2]
    with pytest.raises(ValueError, match=f"and torch cannot use {NAMES[0]} and {NAMES[1]}"):
        take(1, unusable=NAMES[:2])


def test_a_gpu_that_vanishes_while_a_job_waits_is_noticed(take, machine, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(devices, "LIST_AGAIN_SECONDS", 0)
    take(1)

    def vanish(_):
        machine(LOST + lines_of(NAMES[:1]))

    with pytest.raises(ValueError, match=r"there is 1 that may be used .*GPU is lost"):
        devices.take(tmp_path, Need(2, 1), vanish, lambda: True)


def test_places_on_shared_gpus_are_counted_and_spread(take):
    """Two places on each of two GPUs; a job that wants a whole one gets none of these."""
    four = [take(1, share=2) for _ in range(4)]
    assert [*map(list, four)] == [[name] for name in (*NAMES[:2], *NAMES[:2])]
    assert take(1, share=2) == {}
    assert take(1) == {}
    for mine in (four[0], four[2]):
        devices.release(mine.values())
    assert [*take(1)] == NAMES[:1]
    assert take(1, share=2) == {}


def test_two_jobs_that_need_several_do_not_wait_for_each_other(take, monkeypatch):
    """Both wait for both GPUs, which become free one after the other."""
    monkeypatch.setattr(devices, "LOOK_SECONDS", 0.001)
    one, two = take(1), take(1)
    found = []
    jobs = [threading.Thread(target=lambda: found.append(take(2, looks=1 << 20))) for _ in "12"]
    for job in jobs:
        job.start()
    devices.release(one.values())
    time.sleep(0.05)
    assert found == []
    devices.release(two.values())
    until(lambda: len(found) == 1)
    assert take(1) == {}
    devices.release(found[0].values())
    until(lambda: len(found) == 2)
    assert all([*mine] == NAMES[:2] for mine in found)
    for job in jobs:
        job.join(PATIENCE_SECONDS)


def test_a_lock_file_that_was_removed_locks_nothing(tmp_path, monkeypatch):
    path = tmp_path / "x"
    monkeypatch.setattr(devices, "flock", lambda *_: path.unlink())
    assert devices.locked(path, devices.LOCK_EX) == []


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Four stand-in GPUs, and a server that starts steps of the test's own."""
    folder = tmp_path_factory.mktemp("devices")
    gpu_cases.package(folder)
    path = f"{nvidia_smi(folder / 'bin', lines_of(NAMES))}:/usr/bin:/bin"
    hidden = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "SLURM_JOB_ID")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | {"PATH": path, "TMPDIR": str(folder), "HERE": str(folder)}


@pytest.fixture
def start(environment, tmp_path):
    """Starts a job in the background; its words are in JOB.err."""
    started = []

    def of(job, *options, **more):
        launch = f"{environment['HERE']}/src/labelgraph/jobs/launch.py"
        words = ["--gpus", "1", *options, "use", str(tmp_path), str(job)]
        with (tmp_path / f"{job}.err").open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", launch, *words], env=environment | more, stderr=err
            )
        started.append(process)
        return process

    yield of
    for process in started:
        process.kill()
        process.wait()


def test_eight_jobs_on_four_gpus_whatever_ends_them(start, tmp_path):
    """Never two on one, which the step would notice; never one idle while a job waits."""
    callers = {str(job): start(job) for job in range(8)}

    def begun():
        return {path.stem: path.read_text().split() for path in tmp_path.glob("*.begun")}

    def finish(job):
        (tmp_path / f"{job}.go").touch()

    ends = [
        lambda job: os.kill(int(begun()[job][0]), signal.SIGKILL),  # the step's process
        lambda job: callers[job].kill(),  # the one that Snakemake started
        lambda job: callers[job].terminate(),
        finish,
    ]
    ended = []
    for end in ends:
        until(lambda: len(begun()) == 4 + len(ended))
        running = [job for job in begun() if job not in ended]
        assert sorted(begun()[job][1] for job in running) == NAMES
        waiting = [job for job in callers if job not in begun()]
        for job in waiting:
            until(lambda path=tmp_path / f"{job}.err": path.read_text())
        ended.append(running[0])
        end(running[0])
    until(lambda: len(begun()) == 8)
    for job in callers:
        finish(job)
    codes = [callers[job].wait(PATIENCE_SECONDS) for job in [*ended, *callers]]
    assert codes[:4] == [137, -9, 137, 0]
    assert codes.count(0) == 1 + 5
    for job in callers:
        words = (tmp_path / f"{job}.err").read_text()
        assert words.count("waits for a GPU: other jobs of yours use some or all of the 4") <= 1
        assert "BlockingIOError" not in words


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_waiting_job_can_be_stopped_and_ends_with_its_snakemake(
    start, environment, tmp_path, number
):
    """SIGINT goes to the job itself, SIGKILL to the process that started it."""
    for job in range(4):
        start(job)
    until(lambda: len([*tmp_path.glob("*.begun")]) == 4)
    launch = f"{environment['HERE']}/src/labelgraph/jobs/launch.py"
    command = [sys.executable, "-I", "-S", launch, "--gpus", "1", "use", str(tmp_path), "late"]
    parent = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    above = [sys.executable, "-c", parent] * (number == signal.SIGKILL)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([*above, *command], env=environment, **options) as process:
        assert "use waits for a GPU" in process.stdout.readline()
        process.send_signal(number)
        assert process.stdout.read() == ""  # comes when the job has ended
    assert process.returncode == -number
    assert not (tmp_path / "late.begun").exists()


def test_a_job_sees_its_own_gpus_and_one_without_sees_none(start, tmp_path):
    given = {"CUDA_VISIBLE_DEVICES": f"3,{NAMES[1]}"}
    for job, count in (("both", "2"), ("none", "0")):
        (tmp_path / f"{job}.go").touch()
        assert start(job, "--gpus", count, **given).wait(PATIENCE_SECONDS) == 0
    assert (tmp_path / "both.begun").read_text().split()[1:] == [NAMES[3], NAMES[1]]
    assert (tmp_path / "none.begun").read_text().split()[1:] == []
    assert start("more", "--gpus", "3", **given).wait(PATIENCE_SECONDS) == 1
    said = (tmp_path / "more.err").read_text()
    assert said.startswith("use: 3 GPUs at a time are needed, and there are 2 that may be used")
    assert said.count("\n") == 1


def test_a_gpu_that_torch_cannot_use_is_passed_over(start, tmp_path, environment):
    broken = devices.Path(environment["HERE"], "src/labelgraph/jobs/broken.txt")
    (tmp_path / "job.go").touch()
    try:
        broken.write_text(" ".join(NAMES[:2]))
        assert start("job").wait(PATIENCE_SECONDS) == 0
        said = (tmp_path / "job.err").read_text()
        assert (tmp_path / "job.begun").read_text().split()[1:] == NAMES[2:3]
        for name in NAMES[:2]:
            words = (
                f"use: torch cannot use {name} (no driver); nothing is lost, another one is tried"
            )
            assert words in said
        broken.write_text(" ".join(NAMES))
        assert start("job").wait(PATIENCE_SECONDS) == 1
        said = (tmp_path / "job.err").read_text().splitlines()[-1]
        assert "there is none that may be used (`nvidia-smi -L` lists 4, and torch cannot" in said
    finally:
        broken.write_text("")


@pytest.mark.parametrize(("times", "code"), [(1, 0), (2, 76)])
def test_a_job_whose_gpu_fails_is_tried_once_more(environment, tmp_path, times, code):
    (tmp_path / "left").write_text(str(times))
    launch = f"{environment['HERE']}/src/labelgraph/jobs/launch.py"
    command = [sys.executable, "-I", "-S", launch, "--gpus", "1", "lose", str(tmp_path / "left")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr.count("lose: a GPU failed (CUDA error: unspecified launch failure)") == times
    assert "Traceback" not in done.stderr


def test_locks_that_cannot_be_written_are_named(environment, tmp_path):
    """In the place of the folder there is a file."""
    folder = tmp_path / "other"
    gpu_cases.package(folder)
    (folder / f"labelgraph-{os.getuid()}").touch()
    launch = str(folder / "src/labelgraph/jobs/launch.py")
    command = [sys.executable, "-I", "-S", launch, "--gpus", "1", "use", str(tmp_path), "job"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.match(r"use: jobs share out the GPUs by files in .* and that failed", done.stderr)
    assert done.stderr.count("\n") == 1


def test_every_rule_that_asks_for_a_gpu_is_given_it():
    """Only the one that measures speeds never shares it."""
    text = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    rules = re.split(r"^rule ", text, flags=re.M)[1:]
    asking = {rule.split(":")[0] for rule in rules if re.search(r"^        gpu=", rule, re.M)}
    given = {rule.split(":")[0] for rule in rules if 'gpus="{resources.gpu}"' in rule}
    assert asking == given
    assert "train" in given
    assert [rule.split(":")[0] for rule in rules if "alone=True" in rule] == ["measure_costs"]
    asked = shell_command.step("x", gpus="{resources.gpu}", alone=True)
    assert asked == "step --gpus {resources.gpu:q} --share 1 --log {log:q} x"


SNAKEFILE = """
import sys
sys.path.insert(0, str(Path("src").resolve()))
from labelgraph.jobs import shell_command, snakemake_patches
from snakemake.logging import logger

shell.prefix(shell_command.prefix(config["share"]))
onstart:
    for sentence in snakemake_patches.limit_gpus(workflow, 1, config["share"]):
        logger.warning(sentence)
rule all:
    input: expand("{name}.txt", name=[*"abcdef"])
rule count:
    output: "{name}.txt"
    log: "{name}.log"
    resources: gpu=config["processes"], processes=config["processes"]
    shell: shell_command.step("count", "{output}", gpus="{resources.gpu}")
"""


@pytest.fixture
def snakemake(tmp_path, environment):
    """Runs six jobs that need a GPU. Returns the exit code, the words, and what the jobs saw."""
    gpu_cases.package(tmp_path)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)

    def run(*arguments, said, share=1, processes=1):
        path = f"{nvidia_smi(tmp_path / 'bin', said)}:/usr/bin:/bin"
        more = {"PATH": path, "TMPDIR": str(tmp_path)}
        command = [sys.executable, "-m", "snakemake", "--cores", "8", *arguments]
        command += ["--config", f"share={share}", f"processes={processes}"]
        options = {"capture_output": True, "text": True, "timeout": 60, "cwd": tmp_path}
        done = subprocess.run(command, env=environment | more, **options)
        texts = [path.read_text().split() for path in sorted(tmp_path.glob("[a-f].txt"))]
        return done.returncode, done.stdout + done.stderr, texts

    return run


def test_snakemake_starts_as_many_jobs_as_there_are_gpus(snakemake):
    code, words, seen = snakemake(said=lines_of(NAMES[:2]))
    assert code == 0, words
    assert "`nvidia-smi -L` lists 2: at most 2 of the jobs that need a GPU run at a time" in words
    assert "waits" not in words
    assert max(int(at_once) for at_once, _ in seen) == 2
    assert {gpu for _, gpu in seen} == {*NAMES[:2]}


def test_snakemake_counts_places_and_says_what_waits(snakemake):
    """Six jobs at once are allowed, and there are two GPUs for two jobs each."""
    code, words, seen = snakemake("--resources", "gpu=6", said=lines_of(NAMES[:2]), share=2)
    assert code == 0, words
    assert (
        "--resources gpu=6 was given, and there are 2 (`nvidia-smi -L` lists 2): 4 jobs run at a"
        " time, the others wait" in words
    )
    assert words.count(" waits for a GPU: other jobs of yours use some or all of the 2 here") == 2
    assert max(int(at_once) for at_once, _ in seen) == 4


@pytest.mark.parametrize(
    ("given", "gpu", "processes", "sentence"),
    [
        ({}, 0, 1, None),
        ({}, 1, 1, None),
        ({"gpu": 2}, 1, 2, None),
        ({}, 1, 3, "3 GPUs at a time are needed, and there are 2 that may be used"),
        ({"gpu": 1}, 1, 2, "--resources gpu=1 is less than one training needs, 2 (a GPU for each"),
        ({"gpu": 0}, 1, 1, "--resources gpu=0 is less than one training needs, 1 (a GPU for each"),
    ],
)
def test_what_is_said_on_start(machine, given, gpu, processes, sentence):
    """Snakemake itself lowers a job's number of GPUs to what --resources gives."""
    machine(lines_of(NAMES[:2]))
    asked = {"gpu": min(gpu * processes, given.get("gpu", 9)), "processes": processes}
    jobs = [SimpleNamespace(resources=asked), SimpleNamespace(resources={"mem_mb": 1})]
    workflow = SimpleNamespace(
        dag=SimpleNamespace(needrun_jobs=lambda: iter(jobs)),
        scheduler=SimpleNamespace(global_resources=dict(given), resources=dict(given)),
        output_settings=SimpleNamespace(quiet=None),
    )
    if sentence:
        with pytest.raises(WorkflowError, match=re.escape(sentence)):
            list(snakemake_patches.limit_gpus(workflow, gpu, 1))
    else:
        said = [*snakemake_patches.limit_gpus(workflow, gpu, 1)]
        assert len(said) == (gpu and not given)
        limit = given or {"gpu": 2} if gpu else {}
        assert workflow.scheduler.global_resources == limit
        assert workflow.scheduler.resources == limit
