"""Too little memory, shared memory or room for threads: one sentence, and what helps."""

import errno
import multiprocessing.synchronize  # noqa: F401  (it looks at SemLock once, before that is replaced)
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import torch
from conftest import relined
from PIL import Image
from run_cases import run_settings

from labelgraph.inputs import batches, workers
from labelgraph.jobs import shortages
from labelgraph.scenes import pictures

ALLOCATOR = "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you"
WORKER = (
    "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback:\n  File ...\n"
    "RuntimeError: unable to allocate shared memory(shm) for file </torch_1>: No space left (28)\n"
)
BUS = "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that ..."
LOST = "CUDA error: uncorrectable ECC error"
SHARED = "in /dev/shm, which is full or cannot be written"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "out of memory (MemoryError); run less at once"),
        (RuntimeError(ALLOCATOR), "out of memory ([enforce fail"),
        (ImportError("x.so: failed to map segment from shared object"), "out of memory (x.so: "),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory ("),
        (RuntimeError("can't start new thread"), "no more threads can be started"),
        (RuntimeError(WORKER), f"{SHARED} (RuntimeError: unable to allocate"),
        (RuntimeError(BUS), SHARED),
        (
            RuntimeError("CUDA out of memory. Tried"),
            "the GPU is out of memory (CUDA out of memory.",
        ),
        (torch.AcceleratorError(f"{LOST}\nCompile with"), f"a GPU failed ({LOST}). The job is"),
        (
            RuntimeError(f"process 1 of 2 ...: {{'message': \"{LOST}\\nC\""),
            f"a GPU failed ({LOST}).",
        ),
    ],
)
def test_a_shortage_is_named(error, said):
    assert said in shortages.sentence(error)


@pytest.mark.parametrize(
    "error",
    [
        *(ValueError("can't allocate memory"), KeyError("shared memory")),
        *(RuntimeError("CUDA error: device-side assert triggered"), RuntimeError("GPU is lost")),
        *(RuntimeError("size mismatch"), ImportError("No module named 'x'")),
        FileNotFoundError(errno.ENOENT, "No such file", "can't start new thread/shared memory.png"),
    ],
)
def test_other_errors_are_left_to_others(error):
    assert shortages.sentence(error) is None


def test_a_limit_of_addresses_is_named_with_what_it_allows(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 31, 1 << 31))
    said = shortages.sentence(MemoryError())
    assert said.endswith("or raise `ulimit -v`, which allows a process 2,048 MB of address space")


def test_a_command_that_cannot_load_torch_says_why(tmp_path):
    line = f'ulimit -v 600000; exec "{sys.executable}" -m labelgraph predict . x.png'
    answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
    assert answer.returncode == 2
    assert re.fullmatch(r"labelgraph predict: out of memory \(.*\); run .* MB .*\n", answer.stderr)


def no_semaphore(*_):
    raise OSError(errno.EROFS, "Read-only file system")


def test_processes_that_read_images_need_shared_memory(tmp_path, monkeypatch):
    for number in range(2):
        Image.new("RGB", (9, 9)).save(tmp_path / f"{number}.png")
    monkeypatch.setattr("_multiprocessing.SemLock", no_semaphore)
    settings = relined(run_settings("baseline"), train={"workers": 1})
    names, parts = np.array(["0.png", "1.png"]), [np.array([0, 1])]
    with pytest.raises(OSError, match="no shared memory: ") as caught:
        next(batches.Pictures(tmp_path, names, 8, settings).batches(parts, None))
    said = shortages.sentence(caught.value)
    assert re.search(r"written \(Read-only file system\); make it .*workers to 0", said)
    settings = relined(settings, train={"workers": 0})
    assert len(next(batches.Pictures(tmp_path, names, 8, settings).batches(parts, None))[0]) == 2


READING = """
import sys
from pathlib import Path
import numpy as np
from labelgraph.inputs import batches, workers
from labelgraph.study.settings import RunSettings
pictures = batches.Pictures(
    Path(sys.argv[1]), np.array(["0.png", "1.png"]), 8, RunSettings.parse(sys.argv[2])
)
print([tuple(images.shape) for images, _ in pictures.batches([np.arange(2)], None)])
"""


def test_processes_read_images_whatever_the_length_of_tmpdir(tmp_path):
    """It was longer than a socket's name may be, and the reader's end was waited for for ever."""
    for number in range(2):
        Image.new("RGB", (9, 9)).save(tmp_path / f"{number}.png")
    long = tmp_path / ("x" * 130)
    long.mkdir()
    settings = relined(run_settings("baseline"), train={"workers": 1}).json_text()
    command = [sys.executable, "-c", READING, str(tmp_path), settings]
    given = os.environ | {"TMPDIR": str(long)}
    answer = subprocess.run(command, env=given, capture_output=True, text=True, timeout=100)
    assert answer.stdout == "[(2, 3, 8, 8)]\n", answer.stderr


def test_a_tmpdir_that_is_too_long_is_named_where_there_is_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/x" * 40)
    monkeypatch.setattr(workers, "SHORT", str(tmp_path / "nowhere"))
    with pytest.raises(OSError, match=r"too long for the sockets .* 70 characters at most"):
        workers.check()


def test_where_no_other_process_can_be_started_one_draws(monkeypatch, capsys):
    monkeypatch.setattr("_multiprocessing.SemLock", no_semaphore)
    assert pictures.workers(2) is None
    assert "drawing in this process only: no others can be started" in capsys.readouterr().err


def test_shared_memory_that_is_read_only():
    """As in some containers."""
    mount = "mount -t tmpfs -o ro tmpfs /dev/shm"
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*inside, mount]).returncode:
        pytest.skip("nothing can be mounted here")
    program = "from labelgraph.inputs import workers; workers.check()"
    command = f'{mount} && exec "{sys.executable}" -c "{program}"'
    answer = subprocess.run([*inside, command], capture_output=True, text=True)
    found = answer.stderr.splitlines()[-1].removeprefix("OSError: ")
    for error in (OSError(found), ValueError(found)):  # as it was raised, and from a team
        assert f"{SHARED} (Read-only file system)" in shortages.sentence(error)
