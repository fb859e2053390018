"""A server that misbehaves as real ones do, and a source entry for the file it serves."""

import hashlib
import io
import re
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from labelgraph.fetch import sources

PATIENCE = sources.Patience(
    attempts=3, wait_seconds=0.01, longest_wait_seconds=0.02, timeout_seconds=5
)
PAGE = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"


def zipped(seed: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.bin", hashlib.shake_256(bytes([seed])).digest(200_000))
    return content.getvalue()


DATA, OTHER = zipped(1), zipped(2)


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Clients that hang up are part of the tests."""


class Server:
    """Each path has a list of answers, given in turn; the last one again and again."""

    def __init__(self):
        self.answers, self.ranges, self.validators = {}, [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.ranges.append((self.path, self.headers.get("Range")))
                outer.validators.append(self.headers.get("If-Range"))
                waiting = outer.answers[self.path]
                (waiting.pop(0) if len(waiting) > 1 else waiting[0])(self)

            def log_message(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def address(self, path, *answers):
        self.answers[path] = list(answers)
        return self.root + path


def serve(data, *, tag='"1"', ranges=True, cut=None, mistaken=False, slow=0, shift=0, length=True):
    def answer(handler):
        wanted = handler.headers.get("Range")
        unchanged = handler.headers.get("If-Range", tag) == tag or mistaken
        first = int(re.match(r"bytes=(\d+)-", wanted)[1]) if wanted and ranges and unchanged else 0
        handler.send_response(206 if first else 200)
        if tag:
            handler.send_header("ETag", tag)
        first += shift if first else 0
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        if length:
            handler.send_header("Content-Length", str(len(data) - first))
        handler.end_headers()
        handler.wfile.write(data[first:cut])
        handler.wfile.flush()
        time.sleep(slow)

    return answer


def status(code):
    return lambda handler: handler.send_error(code)


def source_of(*addresses, **changed):
    fields = {
        "name": "data",
        "group": "voc2007",
        "file": "data.zip",
        "addresses": addresses,
        "bytes": len(DATA),
        "checksums": {"sha256": hashlib.sha256(DATA).hexdigest()},
        "evidence": "observed",
        "licence": "free",
        "note": "",
        "unpack": None,
    }
    return sources.Source(**fields | changed)


def write_table(path, source):
    entry = {key: getattr(source, key) for key in ("file", "bytes", "evidence", "licence", "note")}
    entry |= {"addresses": list(source.addresses), "checksums": source.checksums, "unpack": None}
    group = {"title": "", "serves": [], "layout": [], "starts": [""], "sources": {"data": entry}}
    table = {"transfer": vars(PATIENCE), "groups": {"voc2007": group}}
    path.write_text(yaml.safe_dump(table))
    return ["--sources", str(path), "--name", "data"]
