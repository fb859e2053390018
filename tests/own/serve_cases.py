"""The server of `labelgraph serve` in a thread, and malformed requests with their status."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest


def has_six():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_six = pytest.mark.skipif(not has_six(), reason="needs IPv6")
POST = "POST /predict HTTP/1.1\r\nHost: localhost\r\nX-Labelgraph: picture\r\n"


@contextmanager
def running(oracle, about, host="127.0.0.1"):
    from labelgraph.own import serving

    server = serving.Server(host, 0, oracle, about)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join()


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def answers(line):
    """Every answer until the server closes: (status, headers, content)."""
    stream, found = line.makefile("rb"), []
    while first := stream.readline():
        head = {}
        while field := stream.readline().strip():
            name, _, value = field.decode("latin-1").partition(": ")
            head[name.lower()] = value
        content = stream.read(int(head.get("content-length", 0)))
        found.append((int(first.split()[1]), head, content))
    return found


def error(content):
    return json.loads(content)["error"]


def get(target, version="1.1", host="localhost", more=""):
    return f"GET {target} HTTP/{version}\r\nHost: {host}\r\n{more}\r\n"


STRANGE_NAMES = {
    host: (get("/about", host=host), 403)
    for host in (
        *("evil-localhost", "localhost.evil.com", "localhost:80@evil", "evil@localhost", "::1"),
        *("localhost:x", "localhost:80:80", "[::1", "127.0.0.1]", "[localhost]", "a,localhost"),
        *("127.0.0.1.evil.com", "localhost evil", "localhost\r\n evil", "", "[]", "locälhost"),
    )
}
LENGTHS = {
    length: (f"{POST}Content-Length: {length}\r\n\r\n12345", status)
    for length, status in (
        *(("9" * 5000, 400), ("9" * 21, 400), ("9" * 20, 413), ("20971521", 413), ("-5", 400)),
        *(("+5", 400), ("1_000", 400), ("5 5", 400), ("", 400), ("0x5", 400), ("5.0", 400)),
        *(("5, 6", 400), ("5\r\nContent-Length: 6", 400), ("\u0665", 400), ("five", 400)),
    )
}
TRANSFERS = {
    "chunked": (f"{POST}Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n", 411),
    "chunked and a length": (
        f"{POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
        411,
    ),
    "broken chunks": (f"{POST}Transfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
    "broken chunks of a body that is not read": (
        get("/about", more="Transfer-Encoding: chunked\r\n") + "ZZ\r\n",
        400,
    ),
    "gzip": (f"{POST}Transfer-Encoding: gzip\r\n\r\n", 400),
    "chunked twice": (f"{POST}Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
    "obscured": (f"{POST}Transfer-Encoding : chunked\r\n\r\n", 400),
    "no length": (f"{POST}\r\n", 411),
    "no length in HTTP/1.0": (f"{POST.replace('/1.1', '/1.0')}\r\nbody", 411),
}
HEADS = {
    "no host": ("GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (get("/", more="Host: evil\r\n"), 400),
    "the same host twice": (get("/", more="Host: localhost\r\n"), 400),
    "HTTP/1.0": (get("/about", "1.0"), 200),
    "HTTP/1.0 without a host": ("GET / HTTP/1.0\r\n\r\n", 403),
    "HTTP/0.9": ("GET /\r\n\r\n", 400),
    "HTTP/2's first line": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 403),
    "a long field": (get("/", more=f"X: {'x' * 70_000}\r\n"), 400),
    "a field without an end": (f"GET / HTTP/1.1\r\nX: {'x' * 70_000}", 400),
    "many fields": (get("/", more="X: y\r\n" * 9000), 400),
    "a long address": (get("/" + "x" * 70_000), 400),
    "a zero byte": (get("/", more="X: a\0b\r\n"), 400),
    "a field's name with a space": (get("/", more="X Y: z\r\n"), 400),
    "no field": (get("/", more="XYZ\r\n"), 400),
    "TLS": ("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", 400),
    "an upgrade": (get("/about", more="Connection: Upgrade\r\nUpgrade: websocket\r\n"), 200),
    "HTTP/2 by upgrade": (get("/about", more="Connection: Upgrade\r\nUpgrade: h2c\r\n"), 200),
    "two requests": (get("/about") + get("/evil"), 200),
    "a second request in the body": (get("/about", more="Content-Length: 99\r\n") + "GET", 200),
    "more than the length says": (f"{POST}Content-Length: 3\r\n\r\n12345 and on", 415),
}
METHODS = {
    f"{method} {target}": (f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n", status)
    for method, target, status in (
        *(("PUT", "/", 405), ("BREW", "/", 405), ("TRACE", "/about", 405), ("POST", "/", 405)),
        *(("GET", "/predict", 405), ("HEAD", "/predict", 405), ("OPTIONS", "/predict", 405)),
        *(("OPTIONS", "*", 404), ("CONNECT", "evil.example:80", 404), ("HEAD", "/about", 200)),
    )
}
TARGETS = {
    target: (get(target), 404)
    for target in (
        *("//", "/..", "/../", "/%2e%2e/", "/%2e%2e%2fserving.py", "/page.js/..", "/./page.js"),
        *("//page.js", "/page.js/", "/page.js?x=1", "/PAGE.JS", "/page.js%00"),
        *("/page.js;x", "/%0d%0aX-Evil:%201", "http://evil.example/about", "about", "/%ff"),
    )
}
MALFORMED = {
    f"{kind}: {name[:40]!r}": case
    for kind, cases in (
        *(("host", STRANGE_NAMES), ("length", LENGTHS), ("transfer", TRANSFERS)),
        *(("head", HEADS), ("method", METHODS), ("target", TARGETS)),
    )
    for name, case in cases.items()
}
