"""Steps run in forks of one warm process: as the caller sees them, and never outliving it."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

STEPS = {
    "say": """
import os, sys
def command(a):
    import torch
    print(a, os.getcwd(), os.environ["MKL_CBWR"], os.environ.get("MARK"), torch.get_num_threads())
""",
    # Whether a process that this one starts could still use CUDA, here and after a check of a GPU.
    "fork": """
import os
from labelgraph.jobs import gpu_check
def command(a):
    import torch
    for _ in "12":
        if os.fork() == 0:
            print(torch.cuda._is_in_bad_fork(), flush=True)
            os._exit(0)
        os.wait()
        print([*gpu_check.broken(["GPU-none"])], flush=True)
""",
    "wrong": "def command(a):\n    raise ValueError('lower train.lr')\n",
    "bug": "def command(a):\n    raise KeyError('lost')\n",
    "leave": "import sys\ndef command(a):\n    sys.exit(143)\n",
    "shared": """
def command(a):
    raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left")
""",
    "threads": 'def command(a):\n    raise RuntimeError("can\'t start new thread")\n',
    "memory": "def command(a):\n    bytes(1 << 50)\n",
    "tensor": "def command(a):\n    import torch\n    torch.empty(1 << 50)\n",
    "die": "import os\ndef command(a):\n    os.kill(os.getpid(), 9)\n",
    "wait": """
import os, time
def command(a):
    print(os.getpid(), flush=True)
    time.sleep(60)
""",
}
JOBS = ("__init__", "launch", "server", "gpu_check", "shortages", "user_errors")
LONG = "x" * 200  # no address of a socket may be as long


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A package `labelgraph` with steps of the test's own, and a server of its own."""
    folder = tmp_path_factory.mktemp("launch")
    steps = folder / "labelgraph/steps"
    steps.mkdir(parents=True)
    (folder / "labelgraph/__init__.py").touch()
    (folder / "labelgraph/jobs").mkdir()
    for name in ("numerics.py", *(f"jobs/{name}.py" for name in JOBS)):
        shutil.copy(ROOT / "src/labelgraph" / name, folder / "labelgraph" / name)
    (steps / "__init__.py").touch()
    (folder / LONG).mkdir()
    for name, text in STEPS.items():
        (steps / f"{name}.py").write_text(text)
    return os.environ | {
        "TMPDIR": str(folder / LONG),
        "LAUNCH": str(folder / "labelgraph/jobs/launch.py"),
    }


@pytest.fixture
def step(environment):
    def run(*arguments, cwd=None, **more):
        command = [sys.executable, "-I", "-S", environment["LAUNCH"], *arguments]
        options = {"capture_output": True, "text": True, "timeout": 60}
        return subprocess.run(command, cwd=cwd, env=environment | more, **options)

    return run


def test_a_step_runs_where_and_as_the_caller_says(step, tmp_path):
    answer = step("say", "x y", cwd=tmp_path, MARK="here")
    assert answer.stdout.split("\n")[0] == f"['x y'] {tmp_path} COMPATIBLE here 1"
    assert answer.returncode == 0


def test_neither_the_server_nor_the_check_of_a_gpu_asks_cuda(step):
    """A process whose parent has asked it cannot use it, and steps are forks that fork."""
    answer = step("fork")
    assert answer.stdout.split("\n")[:4] == ["False", "['GPU-none']"] * 2


def test_the_folder_of_the_socket_is_open_to_nobody_else(step, environment):
    assert step("say").returncode == 0
    folder = Path(environment["TMPDIR"], f"labelgraph-{os.getuid()}")
    assert any(path.is_socket() for path in folder.iterdir())
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "code", "shown", "hidden"),
    [
        ("wrong", 1, "wrong: lower train.lr", "Traceback"),
        ("bug", 1, "KeyError: 'lost'", "was killed"),
        ("leave", 143, "", "Traceback"),
        ("die", 137, "log) was killed, perhaps because memory ran out", "Traceback"),
        ("memory", 1, "memory: out of memory (MemoryError); run less at once", "Traceback"),
        ("tensor", 1, "DefaultCPUAllocator: can't allocate memory", "Traceback"),
        ("threads", 1, "threads: no more threads can be started; raise `ulimit -u`", "Traceback"),
        ("shared", 1, "in /dev/shm, which is full or cannot be written", "Traceback"),
    ],
)
def test_every_end_has_its_code_and_its_words(step, tmp_path, name, code, shown, hidden):
    answer = step("--log", str(tmp_path / "a/log"), name)
    assert answer.returncode == code
    assert shown in answer.stderr
    assert hidden not in answer.stderr
    if name == "wrong":
        assert (tmp_path / "a/log").read_text() == "wrong: lower train.lr\n"


@pytest.mark.parametrize("place", ["nowhere", "file"])
def test_a_tmpdir_that_is_none_is_named(step, tmp_path, place):
    (tmp_path / "file").touch()
    answer = step("say", TMPDIR=str(tmp_path / place))
    assert answer.returncode == 1
    assert answer.stderr.startswith(
        f"say: TMPDIR is {tmp_path / place}, where the process that starts the jobs"
    )
    assert answer.stderr.count("\n") == 1


def test_somebody_elses_folder_is_not_trusted(step, tmp_path):
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / f"labelgraph-{os.getuid()}").symlink_to("open")
    answer = step("say", TMPDIR=str(tmp_path))
    assert answer.returncode == 1
    assert "belongs to somebody else or is open to others; remove it" in answer.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("ro", "Read-only file system"),
        ("nr_inodes=2", "No space left on device"),  # for the lock
        ("nr_inodes=3", "No space left on device"),  # for the socket
    ],
)
def test_a_tmpdir_without_room_or_right_is_named(step, environment, tmp_path, options, said):
    mount = f'mount -t tmpfs -o {options} tmpfs "$TMPDIR"'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    given = environment | {"TMPDIR": str(tmp_path)}
    if not shutil.which("unshare") or subprocess.run([*inside, mount], env=given).returncode:
        pytest.skip("nothing can be mounted here")
    command = f'{mount} && exec "{sys.executable}" -I -S "$LAUNCH" say'
    answer = subprocess.run([*inside, command], env=given, capture_output=True, text=True)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"say: TMPDIR is {tmp_path}, ")
    assert f"({said})" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_limit_of_addresses_that_is_too_low_for_torch_is_named(environment, tmp_path):
    command = f'ulimit -v 600000; exec "{sys.executable}" -I -S "$LAUNCH" say'
    given = environment | {"TMPDIR": str(tmp_path)}
    answer = subprocess.run(["sh", "-c", command], env=given, capture_output=True, text=True)
    assert answer.returncode == 1
    assert (
        "perhaps because `ulimit -v` allows a process 585 MB of address space; set it"
        in answer.stderr
    )
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_step_does_not_outlive_its_caller(environment, number):
    command = [sys.executable, "-I", "-S", environment["LAUNCH"], "wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as caller:
        worker = int(caller.stdout.readline())
        caller.send_signal(number)
    deadline = time.monotonic() + 20
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(worker)


def test_no_step_goes_on_when_its_snakemake_is_killed(environment, tmp_path):
    """Caller and fork end with the caller's parent; then the lock that they shared is free."""
    present = tmp_path / "present"
    start = (
        "import os, subprocess, sys\n"
        "command = [sys.executable, '-I', '-S', os.environ['LAUNCH'], '--present', sys.argv[1]]\n"
        "subprocess.run([*command, 'wait'])\n"
    )
    command = [sys.executable, "-c", start, str(present)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        worker = int(parent.stdout.readline())
        with present.open() as lock:
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            parent.kill()
            fcntl.flock(lock, fcntl.LOCK_EX)
    # the lock is free a moment before the process has ended
    deadline = time.monotonic() + 30
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(worker)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"
