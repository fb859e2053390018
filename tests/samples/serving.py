"""Serves a folder of archives on loopback, sometimes as badly as real servers do."""

import hashlib
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PIECES = 20  # in which a slow answer comes
PAUSE = 0.1  # seconds between them
CUT = 0.4  # share of the missing bytes after which the line is cut


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Clients hang up when they have waited long enough."""


class Server:
    """`manners`: file -> what its first answers are, of cut, busy and slow; then it is served."""

    def __init__(self, folder: Path, manners: dict[str, list[str]]):
        self.folder, self.manners = folder, {name: [*some] for name, some in manners.items()}
        self.asked: Counter[str] = Counter()  # file -> requests
        self.resumed: Counter[str] = Counter()  # file -> requests that began after its first byte
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self, self.path.lstrip("/"))

            def log_message(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> "Server":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, name: str) -> None:
        left = self.manners.get(name, [])
        manner = left.pop(0) if left else ""
        self.asked[name] += 1
        if manner == "busy" or not (self.folder / name).is_file():
            handler.send_error(503 if manner else 404)
            return
        data = (self.folder / name).read_bytes()
        wanted = re.match(r"bytes=(\d+)-", handler.headers.get("Range") or "")
        first = int(wanted[1]) if wanted else 0
        self.resumed[name] += bool(first)
        handler.send_response(206 if first else 200)
        handler.send_header("ETag", f'"{len(data)}"')
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data) - first))
        handler.end_headers()
        self.send(handler, data[first:], manner)

    def send(self, handler: BaseHTTPRequestHandler, data: bytes, manner: str) -> None:
        if manner == "cut":
            data = data[: int(len(data) * CUT)]
        size = -(-len(data) // PIECES) if manner == "slow" else len(data)
        for begin in range(0, len(data), size):
            handler.wfile.write(data[begin : begin + size])
            time.sleep(PAUSE if manner == "slow" else 0)


def table(found: dict[str, Any], folder: Path, root: str) -> dict[str, Any]:
    """The content of sources.yaml for these files: known sizes and checksums become theirs."""
    for group in found["groups"].values():
        for source in group["sources"].values():
            path = folder / source["file"]
            source["addresses"] = [f"{root}/{path.name}"]
            if not path.exists():
                continue
            data = path.read_bytes()
            if source["bytes"] is not None:
                source["bytes"] = len(data)
            for kind in source["checksums"] or ():
                source["checksums"][kind] = hashlib.new(kind, data).hexdigest()
    return found
