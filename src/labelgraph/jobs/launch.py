"""Runs a step in a process that has imported torch already: the import is slower than most steps.

    python -I -S launch.py [--present FILE] [--share N] [--gpus N] [--log FILE] STEP ARGUMENTS...

The first call starts a server (server.py) that imports the slow packages once. The server forks for
every call, and the fork takes over the caller's folder, environment and terminal. When Snakemake,
the caller's parent, dies, the caller ends, and its fork ends with it, so no job runs on unnoticed.
While they run, both hold a shared lock on the file `--present`, so that the next Snakemake can wait
for them (locks.py). A job sees the GPUs that were locked for it, `--gpus` of them or a place on one
that `--share` jobs share (devices.py), and no other.
This program starts once for every job, so it uses little of the standard library and nothing else.
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

OPTIONS = ("--present", "--share", "--gpus")
# Not in TMPDIR: two jobs of one user on one machine must see each other's locks, whatever it is.
GPU_LOCKS = Path("/tmp")
SERVER = Path(__file__).with_name("server.py")
START_SECONDS = 600  # a busy disk takes minutes to give torch for the first time
LOOK_SECONDS = 0.5  # how often a caller checks that its parent is still there
KILLED = 137
NO_SOCKET = 75  # exit code of server.py if it cannot create its socket
GPU_FAILED = 76  # of a job whose GPU failed: it starts again, on another one or from a checkpoint
RESTARTS = 1  # of a job whose GPU failed while it computed
# SLURM ends each of its job steps as a whole and gives it processors, memory and GPUs of its own,
# so no server serves two of them.
STEP = ("SLURM_JOB_ID", "SLURM_STEP_ID")


def main(arguments: list[str]) -> int:
    parent, streams = os.getppid(), [0, 1, 2]
    options, arguments = own_options(arguments)
    if "--present" in options:
        streams.append(hold_shared_lock(options["--present"]))

    unusable: set[str] = set()
    restarts = 0
    while True:
        try:
            gpus = take_gpus(options, named(arguments), parent, unusable)
            line = connect(address()) if gpus is not None else None
        except (OSError, ValueError) as error:
            print(f"{named(arguments)}: {error}", file=sys.stderr)
            return 1
        if line is None:
            return KILLED
        code, *broken = call(line, arguments, gpus, streams, parent)
        restarts += code == GPU_FAILED and not broken
        if code != GPU_FAILED or restarts > RESTARTS:
            return code
        unusable.update(broken)


def call(
    line: socket.socket,
    arguments: list[str],
    gpus: dict[str, list[int]],
    streams: list[int],
    parent: int,
) -> list:
    """Runs the step. Returns its exit code, and the GPUs that it could not use at all.

    The locks go to the process that runs the step, so nobody gets its GPUs before that has ended.
    """
    environment = os.environ | PINS | {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}
    request = {"argv": arguments, "cwd": str(Path.cwd()), "env": environment, "gpus": [*gpus]}
    locks = [lock for both in gpus.values() for lock in both]
    with line:
        socket.send_fds(line, [json.dumps(request).encode() + b"\n"], streams + locks)
        for lock in locks:
            os.close(lock)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: line.sendall(b"stop\n"))
        line.settimeout(LOOK_SECONDS)
        while os.getppid() == parent:
            with contextlib.suppress(TimeoutError):
                if answer := line.recv(1 << 12):
                    code, *broken = answer.decode().split()
                    return [int(code), *broken]
                why = limited() or "perhaps because memory ran out"
                print(f"{named(arguments)} was killed, {why}", file=sys.stderr)
                break
    return [KILLED]


def own_options(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """The options of this program, and the rest: the step with its log and its arguments."""
    options = {}
    while arguments[0] in OPTIONS:
        options[arguments[0]], arguments = arguments[1], arguments[2:]
    return options, arguments


def take_gpus(
    options: dict[str, str], job: str, parent: int, unusable: set[str]
) -> dict[str, list[int]] | None:
    """The job's GPUs and their locks; waits for them. None when nobody wants the job any more."""
    count, share = int(options.get("--gpus", 0)), int(options.get("--share", 1))
    if not count:
        return {}
    from labelgraph.jobs import devices

    for number in (signal.SIGTERM, signal.SIGINT):  # no traceback while it waits
        signal.signal(number, signal.SIG_DFL)

    def say(text: str) -> None:
        print(f"{job} {text}", file=sys.stderr, flush=True)

    try:
        need = devices.Need(count, share, frozenset(unusable))
        folder, wanted = private_folder(GPU_LOCKS), lambda: os.getppid() == parent
        return devices.take(folder, need, say, wanted) or None
    except OSError as error:
        raise OSError(
            f"jobs share out the GPUs by files in {GPU_LOCKS}/labelgraph-{os.getuid()}, and that"
            f" failed ({error}); make room there, or make it writable"
        ) from None


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


def private_folder(temporary: Path | None = None) -> Path:
    """This user's folder in TMPDIR. Its permissions protect the socket and the locks."""
    temporary = temporary or Path(os.environ.get("TMPDIR") or "/tmp").absolute()
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
