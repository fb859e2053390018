"""Runs a step in a process that has imported torch already: the import is slower than most steps.

    python -I -S launch.py [--present FILE] [--log FILE] STEP ARGUMENTS...

The first call starts a server (server.py) that imports the slow packages once. The server forks for
every call, and the fork takes over the caller's folder, environment and terminal. When Snakemake,
the caller's parent, dies, the caller ends, and its fork ends with it, so no job runs on unnoticed.
While they run, both hold a shared lock on the file `--present`, so that the next Snakemake can wait
for them (locks.py). This program starts once for every job, so it uses little of the standard
library and nothing else.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
import zlib
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))  # `python -I -S` finds no package by itself

from labelgraph.numerics import PINS

SERVER = Path(__file__).with_name("server.py")
START_SECONDS = 600  # a busy disk takes minutes to give torch for the first time
LOOK_SECONDS = 0.5  # how often a caller checks that its parent is still there
KILLED = 137
NO_SOCKET = 75  # exit code of server.py if it cannot create its socket
# SLURM ends each of its job steps as a whole and gives it processors, memory and GPUs of its own,
# so no server serves two of them.
STEP = ("SLURM_JOB_ID", "SLURM_STEP_ID")


def main(arguments: list[str]) -> int:
    parent, streams = os.getppid(), [0, 1, 2]
    if arguments[:1] == ["--present"]:
        streams.append(hold_shared_lock(arguments[1]))
        arguments = arguments[2:]
    request = {"argv": arguments, "cwd": str(Path.cwd()), "env": os.environ | PINS}
    try:
        line = connect(address())
    except OSError as error:
        print(f"{named(arguments)}: {error}", file=sys.stderr)
        return 1
    with line:
        socket.send_fds(line, [json.dumps(request).encode() + b"\n"], streams)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: line.sendall(b"stop\n"))
        line.settimeout(LOOK_SECONDS)
        while os.getppid() == parent:
            with contextlib.suppress(TimeoutError):
                if answer := line.recv(16):
                    return int(answer)
                why = limited() or "perhaps because memory ran out"
                print(f"{named(arguments)} was killed, {why}", file=sys.stderr)
                break
    return KILLED


def named(arguments: list[str]) -> str:
    """The step, and its log, which tells it apart from other jobs of the same rule."""
    if arguments[:1] == ["--log"]:
        return f"{arguments[2]} ({arguments[1]})"
    return arguments[0]


def hold_shared_lock(path: str) -> int:
    """Returns a descriptor; the lock lasts until caller and fork have both closed it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def address() -> Path:
    """One server per user, environment, packages, pins, text of server.py and cluster job."""
    python = Path(sys.executable)  # sys.prefix is not the environment's here, because of -S
    packages = python.parent.parent.glob("lib/python*/site-packages")
    installed = [path.stat().st_mtime_ns for path in (SERVER, *packages)]
    step = [os.environ.get(name) for name in STEP]
    key = zlib.crc32(f"{__file__} {python} {installed} {PINS} {step}".encode())
    return private_folder() / f"{key:08x}.socket"


def private_folder() -> Path:
    """This user's folder in TMPDIR. Its permissions protect the socket."""
    temporary = Path(os.environ.get("TMPDIR") or "/tmp").absolute()
    folder = temporary / f"labelgraph-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise unusable(temporary, error) from None
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} belongs to somebody else or is open to others; remove it")
    return folder


def unusable(temporary: Path, error: OSError) -> OSError:
    """The error that says so in one sentence."""
    return OSError(
        f"TMPDIR is {temporary}, where the process that starts the jobs has its socket, and nothing"
        f" can be written there ({error.strerror}); set TMPDIR to a folder of yours with free space"
    )


def connect(path: Path) -> socket.socket:
    """A connection to the server, which is started if none answers."""
    try:
        lock = path.with_suffix(".lock").open("w")
    except OSError as error:
        raise unusable(path.parents[1], error) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return knock(path) or start(path)


def start(path: Path) -> socket.socket:
    import subprocess

    server = subprocess.Popen(
        [sys.executable, "-P", str(SERVER), str(path)],
        env=os.environ | PINS,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + START_SECONDS
    while (line := knock(path)) is None:
        if time.monotonic() > deadline:
            server.kill()
        if server.poll() is not None:
            said = server.communicate()[1].decode(errors="replace")
            if server.returncode == NO_SOCKET:
                raise unusable(path.parents[1], OSError(0, said.strip()))
            raise OSError(reason(said, server.returncode, time.monotonic() > deadline))
        time.sleep(0.02)
    return line


def reason(said: str, code: int, late: bool) -> str:
    """Why the server ended: its last line, and the limit that it may have reached."""
    words = said.strip().splitlines()[-1:] or [f"it took {START_SECONDS} s" if late else ""]
    how = words[0] or (
        f"signal {-code}, perhaps because memory ran out" if code < 0 else f"exit code {code}"
    )
    if limit := limited():
        return f"torch and other libraries could not be loaded ({how}), {limit}"
    return f"{SERVER} did not start: {said.strip()[-2000:] or how}"


def limited() -> str:
    """The limit of the address space, if there is one."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return ""
    return (
        f"perhaps because `ulimit -v` allows a process {limit >> 20:,} MB of address space; set"
        " it to 8,000 MB or more, or to unlimited"
    )


def knock(path: Path) -> socket.socket | None:
    line = socket.socket(socket.AF_UNIX)
    try:
        with contextlib.chdir(path.parent):  # the whole path may be too long for a socket
            line.connect(path.name)
    except (FileNotFoundError, ConnectionRefusedError):
        line.close()
        return None
    return line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
