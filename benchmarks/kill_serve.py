"""The part of kill.py for `labelgraph serve`, killed as it starts, waits or answers a request.

It restarts on the same port each time, and must give the same answer as undisturbed.
"""

import contextlib
import http.client
import os
import random
import socket
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path

START_SECONDS = 120
MOMENTS = ("starting", "waiting", "answering")
HEADERS = {"X-Labelgraph": "picture", "Content-Type": "application/octet-stream"}
Row = tuple[str, float, str, str]  # victim, seconds, what it did, how it continued


def struck(folder: Path, draw: random.Random, most: int) -> list[Row]:
    """Kills on one port, and how the last server answered."""
    expected, starting, answering = undisturbed(folder)
    port, rows = free_port(), []
    for _ in range(most):
        moment = draw.choice(MOMENTS)
        longest = starting if moment == "starting" else answering
        rows.append(("serve", kill(folder, port, moment, draw.uniform(0, longest)), moment))
    try:
        with serving(folder, port) as server:
            wait_for_line(server)
            same = ask(port, folder) == expected
        then = "the same" if same else "another answer"
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        then = f"no answer: {error}"
    return [(*row, then) for row in rows]


@cache
def undisturbed(folder: Path) -> tuple[bytes, float, float]:
    """The answer, the seconds until the server listens, and the seconds of an answer."""
    port, times = free_port(), [time.monotonic()]
    with serving(folder, port) as server:
        wait_for_line(server)
        times.append(time.monotonic())
        ask(port, folder)
        times.append(time.monotonic())
        return ask(port, folder), times[1] - times[0], times[2] - times[1]


def kill(folder: Path, port: int, moment: str, seconds: float) -> float:
    """Kills, and returns after how many seconds."""
    with serving(folder, port) as server:
        if moment != "starting":
            wait_for_line(server)
        if moment == "answering":
            client = threading.Thread(target=hear_the_end, args=(port, folder))
            client.start()
        time.sleep(seconds)
        server.kill()
        server.wait()
        if moment == "answering":
            client.join(60)
            if client.is_alive():
                raise RuntimeError("the client of a killed server still waits")
    return round(seconds, 1)


@contextlib.contextmanager
def serving(folder: Path, port: int):
    run = sorted(folder.glob("results/runs/mini/full/voc2007/*/seed0"))[0]
    command = [sys.executable, "-m", "labelgraph", "serve", str(run), "--port", str(port)]
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    code = {"PYTHONPATH": str(folder / "src")}  # the copy's code, whatever is installed
    server = subprocess.Popen(command, cwd=folder, env=os.environ | code, **said)
    try:
        yield server
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def wait_for_line(server: subprocess.Popen) -> None:
    """Waits for the line with its address, which it prints when it listens."""
    late = threading.Timer(START_SECONDS, server.kill)
    late.start()
    said = ""
    for line in server.stdout:
        said += line
        if "http://" in line:
            late.cancel()
            return
    late.cancel()
    raise RuntimeError(f"serve has ended: {said[-500:]}")


def ask(port: int, folder: Path, patience: float = START_SECONDS) -> bytes:
    """Sends a picture and returns the answer."""
    picture = sorted(folder.glob("data/raw/drawn/voc2007/**/*.jpg"))[0].read_bytes()
    deadline = time.monotonic() + patience
    while True:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.closing(line):
            try:
                line.request("POST", "/predict", picture, HEADERS)
            except ConnectionRefusedError:  # it prints its address just before it listens
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
                continue
            answer = line.getresponse()
            content = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {content[:300]!r}")
            return content


def hear_the_end(port: int, folder: Path) -> None:
    with contextlib.suppress(OSError, RuntimeError, http.client.HTTPException):
        ask(port, folder, patience=0)


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]
