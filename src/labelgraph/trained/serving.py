"""A page on this machine: a picture goes in, labels, probabilities and evidence come out.

There are four addresses and nothing is ever read from a path that a request names. Pages of other
sites can neither ask (a header that they may not send, and their Origin) nor pretend to be this one
(a Host that is a name of theirs). Size, number and time of requests are bounded.
"""

import ipaddress
import json
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from labelgraph.trained.asking import BusyError, Oracle

LARGEST = 20 * 2**20  # bytes of a picture
CHUNK = 1 << 16
SILENCE = 10  # seconds that a request may say nothing
LONGEST = 60  # seconds that a request may take
AT_ONCE = 16  # requests
PAGES = {"/": ("index.html", "text/html"), "/page.js": ("page.js", "text/javascript"),
         "/page.css": ("page.css", "text/css")}  # fmt: skip
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class RefusalError(Exception):
    """What a request is told, and with which status."""

    def __init__(self, status: HTTPStatus, sentence: str):
        super().__init__(sentence)
        self.status = status


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, oracle: Oracle, about: dict[str, Any]):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.oracle, self.about, self.host = oracle, about, host
        self.places = threading.BoundedSemaphore(AT_ONCE)
        folder = files("labelgraph.trained") / "page"
        self.pages = {
            address: ((folder / name).read_bytes(), f"{kind}; charset=utf-8")
            for address, (name, kind) in PAGES.items()
        }
        super().__init__((host, port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """One more than AT_ONCE is not waited for: it is closed."""
        if self.places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        end = threading.Timer(LONGEST, cut, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self.places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody who went away is nobody's fault."""

    def known(self, name: str) -> bool:
        """Whether a Host is this machine's: an address, localhost, or what it was started with.

        A name of somebody else's that leads here is how other sites would get in.
        """
        name = name.rpartition("@")[2]
        bare = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            return bare.lower() in ("localhost", self.host.lower())
        return True


def cut(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = SILENCE
    server_version, sys_version = "labelgraph", ""

    def do_GET(self) -> None:
        self.answer(self.get)

    def do_POST(self) -> None:
        self.answer(self.post)

    def answer(self, how: Any) -> None:
        try:
            host = self.headers.get("Host", "")
            if not self.server.known(host):
                raise RefusalError(HTTPStatus.FORBIDDEN, "this server is not known by that name")
            status, content, kind = how()
        except RefusalError as refusal:
            self.send_error(refusal.status, str(refusal))
        else:
            self.reply(status, content, kind)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Also what the parser of requests finds wrong."""
        text = message or HTTPStatus(code).phrase
        self.reply(code, json.dumps({"error": text}).encode(), "application/json")

    def reply(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        fields = {"Content-Type": kind, "Content-Length": str(len(content)), **HEADERS}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def get(self) -> tuple[HTTPStatus, bytes, str]:
        if self.path == "/about":
            return HTTPStatus.OK, json.dumps(self.server.about).encode(), "application/json"
        if self.path not in self.server.pages:
            raise RefusalError(HTTPStatus.NOT_FOUND, "there is nothing at this address")
        return HTTPStatus.OK, *self.server.pages[self.path]

    def post(self) -> tuple[HTTPStatus, bytes, str]:
        if self.path != "/predict":
            raise RefusalError(HTTPStatus.NOT_FOUND, "there is nothing at this address")
        self.check_sender()
        try:
            found = self.server.oracle.ask(self.body())
        except BusyError:
            raise RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, "too many ask; try again") from None
        except (OSError, MemoryError) as error:
            raise RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error)) from None
        text = json.dumps(found, ensure_ascii=False).encode()
        return HTTPStatus.OK, text, "application/json"

    def check_sender(self) -> None:
        """Only this server's own page, or a program that means to."""
        origin, site = self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site")
        own = origin in (None, f"http://{self.headers.get('Host')}")
        near = site in (None, "same-origin", "none")
        if not (own and near and self.headers.get("X-Labelgraph") == "picture"):
            raise RefusalError(
                HTTPStatus.FORBIDDEN, "pictures come from this server's own page, or with the"
                " header X-Labelgraph: picture"
            )  # fmt: skip

    def body(self) -> bytes:
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal() or self.headers.get("Transfer-Encoding"):
            raise RefusalError(
                HTTPStatus.LENGTH_REQUIRED, "the picture's length must be said first"
            )
        if int(text) > LARGEST:
            limit = f"{LARGEST >> 20} MiB"
            raise RefusalError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the file is larger than {limit}"
            )
        left, parts = int(text), []
        while left:
            part = self.rfile.read(min(left, CHUNK))
            if not part:
                raise RefusalError(HTTPStatus.BAD_REQUEST, "the file ended early")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def log_message(self, *_: Any) -> None:
        """What is sent is nobody else's business."""
