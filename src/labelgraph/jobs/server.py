"""The process that launch.py starts: it imports the slow packages once and forks for every call.

    python -P server.py SOCKET

It ends after half a minute without calls. Nothing of `labelgraph` is imported before the fork, so
every step runs the code as it is on the disk.
"""

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

SLOW = (
    *("numpy", "torch", "torch._dynamo", "safetensors.torch", "pandas", "PIL.Image", "yaml"),
    "matplotlib.backends.backend_svg",
)
IDLE_SECONDS = 30
KILLED = 137
NO_SOCKET = 75  # launch.py knows it
GPU_FAILED = 76  # launch.py starts the job again
DESCRIPTORS = 128  # at most, of one call: the terminal's and the caller's locks


def serve(path: Path) -> int:
    """Imports the slow packages, then forks for every call until none has come for a while."""
    with socket.socket(socket.AF_UNIX) as door:
        bind(door, path)  # callers cannot connect before it listens
        for name in SLOW:
            importlib.import_module(name)
        door.listen(128)
        door.settimeout(1)
        last = time.monotonic()
        while time.monotonic() - last < IDLE_SECONDS:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    last = time.monotonic()
                last = time.monotonic()  # a fork is still running
            with contextlib.suppress(TimeoutError):
                line, _ = door.accept()
                last = time.monotonic()
                with (
                    line,
                    contextlib.suppress(OSError),
                ):  # no memory for a fork; the caller reports it
                    if os.fork() == 0:
                        door.close()
                        try:
                            answer(line)
                        finally:  # never back into this loop
                            os._exit(KILLED)
        path.unlink(missing_ok=True)
    return 0


def bind(door: socket.socket, path: Path) -> None:
    path.unlink(missing_ok=True)
    try:
        with contextlib.chdir(path.parent):  # the whole path may be too long for a socket
            door.bind(path.name)
    except OSError as error:
        print(error.strerror, file=sys.stderr)
        sys.exit(NO_SOCKET)  # launch.py reports it


def answer(line: socket.socket) -> None:
    """In the fork: takes over the caller's terminal, folder and environment, and runs the step.

    It does not return.
    """
    os.setsid()
    line.settimeout(None)
    text, descriptors, _, _ = socket.recv_fds(line, 1 << 16, DESCRIPTORS)
    while not text.endswith(b"\n"):
        text += line.recv(1 << 20)
    request = json.loads(text)
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    begin = threading.Thread(target=obey, args=(line,), daemon=True).start
    code, broken = perform(request["argv"], request["gpus"], begin)
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        line.sendall(" ".join([str(code), *broken]).encode())
    os._exit(code)


def obey(line: socket.socket) -> None:
    """Ends this process when its caller ends, and stops it when the caller was asked to stop."""
    while line.recv(16):
        os.kill(os.getpid(), signal.SIGTERM)
    os.killpg(0, signal.SIGKILL)  # and everything that it has started


def perform(
    arguments: list[str], gpus: list[str], begin: Callable[[], None]
) -> tuple[int, list[str]]:
    """Runs a step. Returns its exit code, and those of its GPUs that it could not use at all.

    `begin` starts the first thread, which fails where the system allows no more of them.
    """
    log = None
    if arguments[0] == "--log":
        log, arguments = Path(arguments[1]), arguments[2:]
    name, *rest = arguments
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout's code
    from labelgraph.jobs import gpu_check, shortages

    broken: dict[str, str] = {}
    try:
        begin()
        if broken := gpu_check.broken(gpus):
            code, message = GPU_FAILED, "".join(gpu_check.lines(name, broken))
        else:
            importlib.import_module(f"labelgraph.steps.{name}").command(rest)
            code, message = 0, ""
    except SystemExit as stop:
        code, message = int(stop.code or 0), ""
    except BaseException as error:
        code = GPU_FAILED if gpus and shortages.of_gpu(error) else 1
        message = explanation(name, error)
    sys.stderr.write(message)
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(message or f"{name}: exit code {code}\n", encoding="utf-8")
    return code, [*broken]


def explanation(name: str, error: BaseException) -> str:
    """A user's mistake ends in one sentence, a bug in a traceback."""
    from safetensors import SafetensorError  # raised for a full disk and for a damaged file

    from labelgraph.jobs import shortages
    from labelgraph.jobs.user_errors import USER_ERRORS

    said = shortages.sentence(error)
    if said is None and isinstance(error, (*USER_ERRORS, SafetensorError)):
        said = str(error)
    if said is None or "LABELGRAPH_TRACEBACK" in os.environ:
        return "".join(traceback.format_exception(error))
    return f"{name}: {said}\n"


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1])))
