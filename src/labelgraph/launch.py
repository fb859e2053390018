"""Runs a step in a process that has torch already: importing it costs more than most steps do.

    python -I -S launch.py [--log FILE] STEP ARGUMENTS...

The first call starts a server that imports the slow packages once. Every call is then a fork of
it, with the caller's folder, environment and terminal; when the caller dies its fork dies, and
the server leaves after half a minute without calls. Nothing of `labelgraph` is imported before
the fork, so an edited file is always the one that runs. Only the standard library is used here.

Numbers must not depend on the machine, so the instruction sets that change rounding are pinned.
"""

import contextlib
import fcntl
import hashlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

# COMPATIBLE is the one mode in which MKL promises the same results on every maker's processors.
PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    # Snakemake sets these to the threads of the job that happens to start the server.
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    ),
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # what makes cuBLAS repeatable
}
SLOW = (
    *("numpy", "torch", "torch._dynamo", "safetensors.torch", "pandas", "PIL.Image", "yaml"),
    "matplotlib.backends.backend_svg",
)
IDLE_SECONDS = 30
START_SECONDS = 120
USER_ERRORS = (ValueError, OSError, FloatingPointError)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--serve"]:
        return serve(Path(arguments[1]))
    request = {"argv": arguments, "cwd": str(Path.cwd()), "env": dict(os.environ)}
    with connect(address()) as line:
        socket.send_fds(line, [json.dumps(request).encode() + b"\n"], [0, 1, 2])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: line.sendall(b"stop\n"))
        answer = line.recv(16)
    if not answer:
        print(f"{' '.join(arguments[:4])} was killed, perhaps for memory", file=sys.stderr)
        return 137
    return int(answer)


def address() -> Path:
    """One server per user, environment and installed packages."""
    python = Path(sys.executable)  # sys.prefix is not the environment's here, because of -S
    packages = python.parent.parent.glob("lib/python*/site-packages")
    installed = [folder.stat().st_mtime_ns for folder in packages]
    key = hashlib.sha256(f"{__file__} {python} {installed}".encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir(), f"labelgraph-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise PermissionError(f"{folder} belongs to somebody else or is open to others; remove it")
    return folder / f"{key}.socket"


def connect(path: Path) -> socket.socket:
    """A line to the server, which is started if none answers."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = knock(path)
        if line is None:
            command = [sys.executable, __file__, "--serve", str(path)]
            server = subprocess.Popen(
                command,
                env=os.environ | PINS,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            deadline = time.monotonic() + START_SECONDS
            while (line := knock(path)) is None:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"no server: {server.communicate()[1].decode()[-2000:]}")
                time.sleep(0.02)
        return line


def knock(path: Path) -> socket.socket | None:
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        line.close()
        return None
    return line


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
    line.settimeout(None)
    text, descriptors, _, _ = socket.recv_fds(line, 1 << 16, 3)
    while not text.endswith(b"\n"):
        text += line.recv(1 << 20)
    request = json.loads(text)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"] | PINS)
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
    os._exit(137)


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
    sys.exit(main(sys.argv[1:]))
