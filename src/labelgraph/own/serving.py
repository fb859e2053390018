"""A local web page that takes a picture and shows labels, probabilities and evidence.

There are five addresses, and no request can name a path that is then read. Other sites can neither
send requests (a header that they may not set, and their Origin) nor pretend to be this page (a Host
that is their name). Size, number and time of requests are limited, here and in connection.py; a
connection ends with its first answer.
"""

import asyncio
import contextlib
import ipaddress
import re
import socket
import sys
from importlib.resources import files
from typing import Any

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from labelgraph.own.asking import BusyError, Oracle
from labelgraph.own.connection import Connection

LARGEST = 20 * 2**20  # bytes of a picture, at most
AT_ONCE = 16  # pictures that wait for an answer, at most
MEMORY = AT_ONCE * LARGEST  # bytes of these and of unfinished requests
LINGER = 1  # seconds during which the rest of a refused request is read
ENDING = 3  # seconds that running requests get when the server stops
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE)
PAGES = {"/": ("index.html", "text/html"), "/page.js": ("page.js", "text/javascript"),
         "/page.css": ("page.css", "text/css")}  # fmt: skip
HEADERS = {
    "Connection": "close",
    "Server": "labelgraph",
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


class Server(uvicorn.Server):
    """Listens on creation, so that an unusable host or port raises OSError at once."""

    def __init__(self, host: str, port: int, oracle: Oracle, about: dict[str, Any]):
        six = ":" in host
        family = socket.AF_INET6 if six else socket.AF_INET
        self.socket = socket.create_server((host, port), family=family, dualstack_ipv6=six)
        self.port = self.socket.getsockname()[1]
        kinds = {"http": Connection, "loop": "asyncio", "ws": "none", "lifespan": "off"}
        quiet = {"log_config": None, "log_level": "critical", "proxy_headers": False}
        limits = {"backlog": 64, "timeout_graceful_shutdown": ENDING}
        headers, self.page = [*HEADERS.items()], Page(host, oracle, about)
        super().__init__(uvicorn.Config(self.page, headers=headers, **kinds, **quiet, **limits))

    def serve_forever(self) -> None:
        self.run([self.socket])


class Page:
    """The application: four fixed answers, and one about a picture."""

    def __init__(self, host: str, oracle: Oracle, about: dict[str, Any]):
        self.host, self.oracle = host, oracle
        self.places, self.held = asyncio.Semaphore(AT_ONCE), 0
        folder = files("labelgraph.own") / "page"
        self.fixed = {"/about": JSONResponse(about)} | {
            address: Response((folder / name).read_bytes(), media_type=kind)
            for address, (name, kind) in PAGES.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self.answer(request)
        except HTTPException as refusal:
            await read_on(request)
            answer = JSONResponse({"error": refusal.detail}, refusal.status_code)
        except Exception as error:  # our own bug; nothing of the request is printed
            print(f"labelgraph serve: {type(error).__name__} while answering", file=sys.stderr)
            answer = JSONResponse({"error": "the server failed on this picture"}, 500)
        await answer(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        if not is_known(request.headers.get("Host", ""), self.host):
            raise HTTPException(403, "this server does not answer to that host name")
        path = request.scope["path"]
        if request.scope["query_string"] or path not in (*self.fixed, "/predict"):
            raise HTTPException(404, "there is nothing at this address")
        if request.method not in (("GET", "HEAD") if path in self.fixed else ("POST",)):
            raise HTTPException(405, "this address does not accept that method")
        return self.fixed[path] if path in self.fixed else await self.predict(request)

    async def predict(self, request: Request) -> Response:
        check(request)
        content = bytearray()
        try:
            async for part in request.stream():
                content += part
                self.held += len(part)
                if self.held > MEMORY:
                    raise BusyError
            if self.places.locked():
                raise BusyError
            async with self.places:
                return JSONResponse(await run_in_threadpool(self.oracle.ask, bytes(content)))
        except BusyError:
            raise HTTPException(503, "too many requests at once; try again") from None
        except (OSError, MemoryError) as error:
            raise HTTPException(415, str(error)) from None
        except ClientDisconnect:
            raise HTTPException(400, "the file ended early") from None
        except asyncio.CancelledError:
            raise HTTPException(503, "the server is being stopped") from None
        finally:
            self.held -= len(content)
            content.clear()  # a refused request is read for a moment longer; its frame stays


def is_known(name: str, own: str) -> bool:
    """Whether a Host names this machine: an address, localhost, or the --host it was started with.

    Another site could point a name of its own at this machine and get in.
    """
    found = HOST.fullmatch(name)
    bare = found[1].strip("[]").lower() if found else ""
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return bool(bare) and bare in ("localhost", own.lower())
    return True


def check(request: Request) -> None:
    """Accepts this server's own page, programs that set the header, and files up to LARGEST."""
    origin, site, sign, length, coded = map(request.headers.get, (
        "Origin", "Sec-Fetch-Site", "X-Labelgraph", "Content-Length", "Transfer-Encoding"
    ))  # fmt: skip
    own = origin in (None, f"http://{request.headers['Host']}")
    if not own or site not in (None, "same-origin", "none") or sign != "picture":
        raise HTTPException(
            403, "send pictures from this server's own page, or with the header"
            " X-Labelgraph: picture"
        )  # fmt: skip
    if length is None or coded:
        raise HTTPException(411, "the header Content-Length is missing")
    if int(length) > LARGEST:  # h11 has refused all but numbers of up to 20 digits
        raise HTTPException(413, f"the file is larger than {LARGEST >> 20} MiB")


async def read_on(request: Request) -> None:
    """Closing while the client is still sending would lose the answer."""
    if "Expect" in request.headers:  # the client waits with the body
        return
    read = RuntimeError  # raised by a request that was read already
    with contextlib.suppress(read, TimeoutError, ClientDisconnect, asyncio.CancelledError):
        async with asyncio.timeout(LINGER):
            async for _ in request.stream():
                pass
