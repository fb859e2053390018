"""`labelgraph serve`: a page on this machine that says what a picture shows."""

import argparse
import contextlib
import ipaddress
import sys
from pathlib import Path

HELP = "a local web page: drop a picture, see labels, probabilities and what speaks for them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a run, as in results/runs/.../seed0")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=port, default=8321, help="(%(default)s); 0 for a free one")


def port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port, a number from 0 to 65535")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    from labelgraph.trained import asking, calibration, reading, serving  # import torch

    trained = reading.read(arguments.run)
    remark = calibration.describe(trained.calibration, trained.folder / "calibration.json")
    settings = trained.settings
    title = f"{settings['method']} on {settings['dataset']}, {len(trained.names)} labels"
    about = {"title": title, "remark": remark, "largest": serving.LARGEST}
    try:
        server = serving.Server(arguments.host, arguments.port, asking.Oracle(trained), about)
    except OSError as error:
        raise ValueError(
            f"cannot listen on {arguments.host}, port {arguments.port}: {error.strerror or error};"
            " choose another --port"
        ) from None
    with server, contextlib.suppress(KeyboardInterrupt):
        host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        print(f"http://{host}:{server.server_port}/ ({title}); Ctrl-C stops it", flush=True)
        if not is_loopback(arguments.host):
            print("Everybody who reaches this machine can send pictures to it.", file=sys.stderr)
        server.serve_forever()
    return 0


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
