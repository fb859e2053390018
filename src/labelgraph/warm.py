"""The process that launch.py starts: it has imported what is slow, and forks for every call.

    python -P warm.py SOCKET

It leaves after half a minute without calls. Nothing of `labelgraph` is imported before the fork,
so an edited file is always the one that runs.
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
from pathlib import Path

SLOW = (
    *("numpy", "torch", "torch._dynamo", "safetensors.torch", "pandas", "PIL.Image", "yaml"),
    "matplotlib.backends.backend_svg",
)
IDLE_SECONDS = 30
USER_ERRORS = (ValueError, OSError, FloatingPointError)


def serve(path: Path) -> int:
    """Imports what is slow, then forks for every call until none has come for a while."""
    for name in SLOW:
        importlib.import_module(name)
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen(128)
        door.settimeout(1)
        last = time.monotonic()
        while time.monotonic() - last < IDLE_SECONDS:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    last = time.monotonic()
                last = time.monotonic()  # a fork is still at work
            with contextlib.suppress(TimeoutError):
                line, _ = door.accept()
                last = time.monotonic()
                if os.fork() == 0:
                    door.close()
                    answer(line)
                line.close()
        path.unlink(missing_ok=True)
    return 0


def answer(line: socket.socket) -> None:
    """In the fork: becomes the process that the caller asked for. Does not return."""
    os.setsid()
    line.settimeout(None)
    text, descriptors, _, _ = socket.recv_fds(line, 1 << 16, 4)
    while not text.endswith(b"\n"):
        text += line.recv(1 << 20)
    request = json.loads(text)
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    threading.Thread(target=obey, args=(line,), daemon=True).start()
    code = perform(request["argv"])
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        line.sendall(str(code).encode())
    os._exit(code)


def obey(line: socket.socket) -> None:
    """Ends this process with its caller, and passes on the caller's wish to stop."""
    while line.recv(16):
        os.kill(os.getpid(), signal.SIGTERM)
    os.killpg(0, signal.SIGKILL)  # with all that it has started


def perform(arguments: list[str]) -> int:
    """Runs a step; a user's mistake ends in one sentence, a fault of ours in a traceback."""
    log = None
    if arguments[0] == "--log":
        log, arguments = Path(arguments[1]), arguments[2:]
    name, *rest = arguments
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout's code
    try:
        importlib.import_module(f"labelgraph.steps.{name}").command(rest)
        code, message = 0, ""
    except SystemExit as stop:
        code, message = int(stop.code or 0), ""
    except USER_ERRORS as error:
        code, message = 1, f"{name}: {error}\n"
        if "LABELGRAPH_TRACEBACK" in os.environ:
            message = traceback.format_exc()
    except BaseException:
        code, message = 1, traceback.format_exc()
    sys.stderr.write(message)
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(message or f"{name}: exit code {code}\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1])))
