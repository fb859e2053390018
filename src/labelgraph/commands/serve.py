"""`labelgraph serve`: a local web page that says what a picture shows."""

import argparse
import contextlib
import ipaddress
import os
import shlex
import signal
import sys
import threading
from pathlib import Path

from labelgraph.files import names

HELP = "start a local web page: drop a picture, see its labels, probabilities and evidence"
EXAMPLES = (
    "labelgraph serve results/runs/own/full/pets",
    "labelgraph serve results/runs/own/full/pets/ml_gcn/seed0 --port 0",
)
NEEDS = (
    "starlette and uvicorn are missing; `uv run --extra serve labelgraph serve {}` installs them"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", type=Path, help="a run's folder, or a folder of runs for the best of them"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=port, default=8321, help="port; 0 for any free one (default: %(default)s)"
    )


def port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, a number from 0 to 65535")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise ValueError(NEEDS.format(shlex.quote(str(arguments.run)))) from None
    from labelgraph.own import asking, reading, serving
    from labelgraph.predict import calibration

    trained = reading.read(arguments.run)
    remark = calibration.describe(trained.calibration, trained.folder / "calibration.json")
    settings = trained.settings
    title = f"{settings.method} on {settings.dataset}, {len(trained.names)} labels"
    about = {"title": title, "remark": remark, "largest": serving.LARGEST}
    try:
        server = serving.Server(arguments.host, arguments.port, asking.Oracle(trained), about)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise ValueError(
            f"cannot listen on {arguments.host}, port {arguments.port}: {reason};"
            " choose another --port or --host"
        ) from None
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C
    with contextlib.suppress(KeyboardInterrupt):
        host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        print(f"http://{host}:{server.port}/ ({names.shown(title)}); Ctrl-C stops it", flush=True)
        if not is_loopback(arguments.host):
            print("Anyone who can reach this machine can send pictures to it.", file=sys.stderr)
        server.serve_forever()
    if threading.active_count() > 1:  # a thread that still reads a picture cannot be stopped
        sys.stderr.flush()
        os._exit(0)
    return 0


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
