"""`labelgraph serve` over loopback, with plain requests: answers, limits, and who is kept out."""

import base64
import http.client
import io
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from run_cases import calibrate, make_run, picture
from serve_cases import NASTY, POST, answers, connect, error, get, needs_six, running

from labelgraph.__main__ import main
from labelgraph.own import asking, reading
from labelgraph.predict import calibration

pytest.importorskip("uvicorn", reason="needs the extra serve")
from labelgraph.own import connection, serving

PICTURE = {"X-Labelgraph": "picture", "Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run") / "seed0", "baseline")
    calibrate(folder, 2.0, 0.05)
    return asking.Oracle(reading.read(folder))


@pytest.fixture(scope="module")
def server(oracle):
    with running(oracle, {"title": "t", "remark": "r"}) as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog):
    yield
    assert not caplog.records


def ask(server, method, path, body=None, headers=None):
    """Status, headers, and what the content says."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        line.request(method, path, body, headers or {})
        answer = line.getresponse()
        content = answer.read()
    finally:
        line.close()
    if answer.headers["Content-Type"] == "application/json":
        content = json.loads(content)
    return answer.status, answer.headers, content


def png(number=3, size=(90, 70)):
    stream = io.BytesIO()
    picture(number, size).save(stream, "PNG")
    return stream.getvalue()


def decoded(address):
    kind, _, text = address.partition(";base64,")
    return kind, Image.open(io.BytesIO(base64.b64decode(text)))


def test_a_picture_gets_labels_probabilities_and_evidence(server, oracle):
    status, _, found = ask(server, "POST", "/predict", png(6), PICTURE)
    assert status == 200
    labels = found["labels"]
    assert {each["label"] for each in labels} == {*oracle.trained.names}
    likely = [each["probability"] for each in labels]
    assert likely == sorted(likely, reverse=True)
    assert [each["chosen"] for each in labels] == [value >= 0.05 for value in likely]
    kind, shown = decoded(found["picture"])
    assert kind == "data:image/jpeg" and shown.size == (90, 70)
    explained = [each for each in labels if "heat" in each]
    assert explained and all(each["chosen"] for each in explained)
    for each in explained:
        kind, heat = decoded(each["heat"])
        assert kind == "data:image/png" and heat.mode == "RGBA"
        left, top, right, bottom = each["box"]
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    assert found["window"] == [0, 0, 1, 1]


def test_the_page_is_there_and_every_answer_is_closed_in(server):
    for path, kind in (
        ("/", "text/html"),
        ("/page.js", "text/javascript"),
        ("/page.css", "text/css"),
    ):
        status, headers, content = ask(server, "GET", path)
        assert status == 200 and headers["Content-Type"].startswith(kind)
        assert b"http://" not in content and b"https://" not in content  # nothing from elsewhere
    assert ask(server, "GET", "/about")[2] == {"title": "t", "remark": "r"}
    for method, path in (("GET", "/"), ("GET", "/nothing"), ("POST", "/predict"), ("PUT", "/")):
        headers = ask(server, method, path)[1]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "Python" not in headers["Server"]
        assert "Access-Control-Allow-Origin" not in headers


def test_what_answers_forbid_a_browser(server):
    headers = ask(server, "GET", "/")[1]
    assert headers["Content-Security-Policy"].split("; ") == [
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src data:"),
        *("connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
    ]
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=()"


def test_nothing_of_uvicorns_stands_before_the_page(server):
    assert server.config.loaded_app is server.page
    assert server.config.ws == "none"  # whatever else is installed


@pytest.mark.parametrize(
    "path",
    [
        *("/../../etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd", "/page/index.html"),
        *(
            "/page.js/../serving.py",
            "/serving.py",
            "/index.html",
            "/page.js?x",
            "file:///etc/passwd",
        ),
    ],
)
def test_no_path_leads_to_a_file(server, path):
    status, _, content = ask(server, "GET", path)
    assert status == 404 and content == {"error": "there is nothing at this address"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},  # what a form of another site can send
        PICTURE | {"Origin": "http://evil.example"},
        PICTURE | {"Origin": "null"},
        PICTURE | {"Sec-Fetch-Site": "cross-site"},
        PICTURE | {"Sec-Fetch-Site": "same-site"},  # another port of this machine
        PICTURE | {"Host": "evil.example"},  # a name of somebody else's that leads here
        PICTURE | {"Host": "127.0.0.1.evil.example:80"},
        PICTURE | {"Host": ""},
    ],
)
def test_other_sites_are_kept_out(server, headers):
    status, _, content = ask(server, "POST", "/predict", png(), headers)
    assert status == 403 and content.keys() == {"error"}


def test_the_name_it_was_started_with_is_its_own():
    for name, own in (
        ("mybox", "mybox"),
        ("MyBox:8321", "mybox"),
        ("[::1]:80", "::1"),
        ("box", "Box"),
    ):
        assert serving.is_known(name, own)
    for name, own in (("mybox", "127.0.0.1"), ("mybox.evil", "mybox"), ("", ""), ("[]", "")):
        assert not serving.is_known(name, own)


def test_the_own_page_is_let_in_under_every_name_of_this_machine(server):
    for host in ("127.0.0.1", "localhost", "[::1]", "127.0.0.1:99", "localhost:1"):
        own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        assert ask(server, "POST", "/predict", png(), PICTURE | own)[0] == 200


def test_what_is_no_picture_is_refused(server):
    for content, reason in (
        (b"<script>alert(1)</script>" * 9, "is not an image"),
        (png()[:300], "cannot be read as an image"),
        (b"", "is not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image"),
    ):
        status, _, found = ask(server, "POST", "/predict", content, PICTURE)
        assert (
            status == 415 and found["error"].startswith("the picture") and reason in found["error"]
        )


def test_size_is_bounded_before_anything_is_read(server, monkeypatch):
    monkeypatch.setattr(serving, "LINGER", 0.05)
    large = PICTURE | {"Content-Length": str(serving.LARGEST + 1)}
    status, _, found = ask(server, "POST", "/predict", None, large)
    assert status == 413 and found == {"error": "the file is larger than 20 MiB"}
    for header, refused in (
        ({"Content-Length": "-1"}, 400),
        ({"Content-Length": "x"}, 400),
        ({"Transfer-Encoding": "chunked"}, 411),
    ):
        assert ask(server, "POST", "/predict", None, PICTURE | header)[0] == refused


def test_a_huge_picture_in_a_small_file_is_refused(server):
    import odd_pictures

    bomb = odd_pictures.png(50_000, 50_000, 8, 0, b"\0" * 1000)
    status, _, found = ask(server, "POST", "/predict", bomb, PICTURE)
    assert status == 415 and "too many pixels" in found["error"]


@pytest.mark.parametrize("text, status", NASTY.values(), ids=NASTY)
def test_nasty_requests_get_one_answer(server, monkeypatch, text, status):
    monkeypatch.setattr(serving, "LINGER", 0.05)
    with connect(server) as line:
        line.sendall(text.encode())
        ((found, head, content),) = answers(line)
    assert found == status
    assert "default-src 'none'" in head["content-security-policy"]
    assert head["x-content-type-options"] == "nosniff" and head["connection"] == "close"
    assert "x-evil" not in head and head["server"] == "labelgraph"
    if status != 200 and not text.startswith("HEAD"):
        assert head["content-type"] == "application/json" and error(content)


@pytest.mark.parametrize("body", ["", "1234"])
def test_a_body_that_ends_early_is_named(server, body):
    with connect(server) as line:
        line.sendall(f"{POST}Content-Length: 5\r\n\r\n{body}".encode())
        line.shutdown(socket.SHUT_WR)
        ((status, _, content),) = answers(line)
    assert status == 400 and error(content) == "the file ended early"


def test_who_says_no_more_still_gets_the_answer(server):
    with connect(server) as line:
        line.sendall(get("/about").encode())
        line.shutdown(socket.SHUT_WR)
        assert [status for status, *_ in answers(line)] == [200]


def test_who_is_refused_while_sending_is_told(server):
    """A connection that is closed on a sender is reset, and its answer is lost."""
    content = bytes(serving.LARGEST)
    status, _, found = ask(server, "POST", "/predict", content, {"Content-Length": len(content)})
    assert status == 403 and "X-Labelgraph: picture" in found["error"]
    assert ask(server, "POST", "/predict", content + b"x", PICTURE)[0] == 413
    assert ask(server, "POST", "/predict", content, PICTURE)[0] == 415


def test_nothing_is_sent_for_before_it_is_let_in(server):
    waits = "Expect: 100-continue\r\nContent-Length: {}\r\n\r\n"
    with connect(server) as line:
        line.sendall((POST + waits.format(serving.LARGEST + 1)).encode())
        assert [status for status, *_ in answers(line)] == [413]
    with connect(server) as line:
        line.sendall((POST + waits.format(len(png()))).encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 100")
        line.sendall(png())
        assert [status for status, *_ in answers(line)] == [200]


def test_a_request_that_says_nothing_is_ended(server, monkeypatch):
    monkeypatch.setattr(connection, "SILENCE", 0.2)
    with connect(server) as line:
        line.sendall(b"POST /predict HTTP/1.1\r\n")
        assert line.recv(100) == b""


def test_a_request_that_dribbles_is_ended(server, monkeypatch):
    monkeypatch.setattr(connection, "LONGEST", 0.3)
    with connect(server) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(OSError):
            for _ in range(200):
                line.sendall(b"X")
                time.sleep(0.05)
    assert ask(server, "GET", "/about")[0] == 200


def test_a_picture_that_dribbles_is_refused_in_words(server, monkeypatch):
    monkeypatch.setattr(connection, "LONGEST", 0.2)
    with connect(server) as line:
        line.sendall(f"{POST}Content-Length: 5\r\n\r\n123".encode())
        ((status, _, content),) = answers(line)
    assert status == 408 and error(content) == "too slow"


def test_who_does_not_read_the_answer_is_let_go(server, monkeypatch):
    monkeypatch.setattr(connection, "LONGEST", 2)
    monkeypatch.setattr(server.page.oracle, "ask", lambda content: "x" * 15_000_000)
    with connect(server) as line:
        line.sendall(f"{POST}Content-Length: 1\r\n\r\nx".encode())
        assert line.recv(12) == b"HTTP/1.1 200"
        deadline = time.monotonic() + 20
        while server.server_state.connections:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("start", ["", "GET / HTTP/1.1\r\n", f"{POST}Content-Length: 99\r\n\r\n"])
def test_forty_who_dribble_keep_nobody_waiting(server, start):
    lines = [connect(server) for _ in range(40)]
    try:
        for line in lines:
            line.sendall(start.encode())
        for _ in range(3):
            for line in lines:
                line.sendall(b"X")
            began = time.monotonic()
            assert ask(server, "GET", "/about")[0] == 200
            assert ask(server, "POST", "/predict", png(), PICTURE)[0] == 200
            assert time.monotonic() - began < connection.SILENCE / 2
    finally:
        for line in lines:
            line.close()


def test_of_too_many_unfinished_requests_the_oldest_gives_way(server, monkeypatch):
    monkeypatch.setattr(connection, "OPEN", 3)
    lines = []
    try:
        for number in range(4):
            lines.append(connect(server))
            lines[-1].sendall(f"GET /about HTTP/1.1\r\nHost: localhost\r\nX-{number}".encode())
            time.sleep(0.05)
        assert lines[0].recv(1) == b""
        for line in lines[1:]:
            line.sendall(b": x\r\n\r\n")
            assert [status for status, *_ in answers(line)] == [200]
    finally:
        for line in lines:
            line.close()


def test_the_number_of_pictures_at_once_is_bounded(server, oracle):
    content = png()
    lines = [connect(server) for _ in range(serving.AT_ONCE)]
    try:
        with oracle.turn:  # nobody is answered
            for line in lines:
                line.sendall(f"{POST}Content-Length: {len(content)}\r\n\r\n".encode() + content)
            deadline = time.monotonic() + 20
            while not server.page.places.locked():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            status, _, found = ask(server, "POST", "/predict", content, PICTURE)
            assert status == 503 and found == {"error": "too many ask; try again"}
            assert ask(server, "GET", "/about")[0] == 200
        for line in lines:
            assert [status for status, *_ in answers(line)] == [200]
    finally:
        for line in lines:
            line.close()
    assert server.page.held == 0


def test_the_memory_of_pictures_is_bounded(server, monkeypatch):
    monkeypatch.setattr(serving, "MEMORY", 1000)
    with connect(server) as other:
        other.sendall(f"{POST}Content-Length: 999\r\n\r\n".encode() + bytes(800))
        deadline = time.monotonic() + 20
        while server.page.held < 800:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert ask(server, "POST", "/predict", bytes(300), PICTURE)[0] == 503
    deadline = time.monotonic() + 20
    while server.page.held:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert ask(server, "POST", "/predict", bytes(1000), PICTURE)[0] == 415


def test_a_fault_of_ours_is_an_answer_and_prints_nothing_of_what_was_sent(
    server, monkeypatch, capsys
):
    def fail(content):
        raise RuntimeError(content)

    monkeypatch.setattr(server.page.oracle, "ask", fail)
    status, headers, found = ask(server, "POST", "/predict", b"secret", PICTURE)
    assert status == 500 and "failed" in found["error"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert capsys.readouterr().err == "labelgraph serve: RuntimeError while answering\n"


def test_no_name_server_is_asked(oracle, monkeypatch):
    def refuse(*_):
        raise AssertionError("a name was looked up")

    for name in ("getfqdn", "gethostbyaddr", "gethostbyname", "getnameinfo"):
        monkeypatch.setattr(socket, name, refuse)
    plain = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more: plain(str(ipaddress.ip_address(host)), *more)
    )
    with running(oracle, {"title": "t"}) as server:
        assert ask(server, "GET", "/about")[2] == {"title": "t"}


@needs_six
def test_all_of_ipv6_is_all_of_ipv4_too(oracle):
    with serving.Server("::", 0, oracle, {}).socket as found:
        assert not found.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


@needs_six
def test_ipv6(oracle):
    with running(oracle, {"title": "t"}, "::1") as server:
        line = http.client.HTTPConnection("::1", server.port, timeout=20)
        line.request("GET", "/about")
        assert line.getresponse().read() == b'{"title":"t"}'
        line.close()


SLEEPY = """
import sys, time
from pathlib import Path
from types import SimpleNamespace

settings = {"method": "m", "dataset": "d"}
trained = SimpleNamespace(calibration=None, folder=Path(), names="ab", settings=settings)
oracle = SimpleNamespace(ask=lambda content: time.sleep(100))
sys.modules |= {
    "labelgraph.own.asking": SimpleNamespace(
        Oracle=lambda trained: oracle, BusyError=type("BusyError", (Exception,), {})
    ),
    "labelgraph.predict.calibration": SimpleNamespace(describe=lambda found, path: ""),
    "labelgraph.own.reading": SimpleNamespace(read=lambda folder: trained),
}
from labelgraph.__main__ import main
from labelgraph.own import serving

serving.ENDING = 0.5
sys.exit(main(["serve", "run", "--port", "0", "--host", sys.argv[1]]))
"""


@pytest.fixture
def process(request):
    """A server without a model, which takes long to import; every picture takes 100 seconds."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", SLEEPY, request.param], **pipes) as found:
        yield found
        found.kill()


@pytest.mark.parametrize(
    "process, number, shown",
    [
        ("127.0.0.1", signal.SIGTERM, "127.0.0.1"),
        pytest.param("::1", signal.SIGINT, "[::1]", marks=needs_six),
    ],
    indirect=["process"],
)
def test_it_ends_when_told_to_and_answers_first(process, number, shown):
    first = process.stdout.readline()
    assert first.startswith(f"http://{shown}:")
    assert first.endswith("/ (m on d, 2 labels); Ctrl-C stops it\n")
    address = (shown.strip("[]"), int(first.split("/")[2].rpartition(":")[2]))
    lines = [socket.create_connection(address, timeout=20) for _ in range(3)]
    lines[0].sendall(b"GET / HTTP/1.1\r\n")  # headers that do not end
    lines[1].sendall(f"{POST}Content-Length: 9\r\n\r\n12".encode())  # a picture that does not
    lines[2].sendall(f"{POST}Content-Length: 2\r\n\r\n12".encode())  # one that takes long
    time.sleep(0.3)
    os.kill(process.pid, number)
    began = time.monotonic()
    assert lines[0].recv(1) == b""
    for line in lines[1:]:
        ((status, _, content),) = answers(line)
        assert status == 503 and error(content) == "the server is being stopped"
    rest = process.communicate(timeout=20)
    assert process.returncode == 0 and rest == ("", "")
    assert time.monotonic() - began < 20  # the picture would have taken 100
    family = socket.AF_INET6 if ":" in shown else socket.AF_INET
    socket.create_server(address, family=family).close()  # the port is free
    for line in lines:
        line.close()


def test_the_first_line_spells_out_control_characters(monkeypatch, capsys):
    settings = {"method": "m", "dataset": "d\x1b[31m\n\u202e"}
    trained = SimpleNamespace(calibration=None, folder=Path(), names="ab", settings=settings)
    started = SimpleNamespace(port=1, serve_forever=lambda: None)
    monkeypatch.setattr(reading, "read", lambda folder: trained)
    monkeypatch.setattr(calibration, "describe", lambda found, path: "")
    monkeypatch.setattr(serving, "Server", lambda *given: started)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # or it ends this process
    assert main(["serve", "run"]) == 0
    first = "http://127.0.0.1:1/ (m on d\\u001b[31m\\u000a\\u202e, 2 labels); Ctrl-C stops it\n"
    assert capsys.readouterr().out == first


def test_who_waits_too_long_is_told(oracle, monkeypatch):
    monkeypatch.setattr(asking, "WAIT", 0.05)
    with oracle.turn, pytest.raises(asking.BusyError):
        oracle.ask(png())


def test_without_the_extra_it_says_what_to_type(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", str(tmp_path / "my run")]) == 2
    said = capsys.readouterr().err
    assert f"`uv run --extra serve labelgraph serve '{tmp_path}/my run'` brings them" in said


def test_wrong_usage_is_named(tmp_path, server, capsys):
    run = make_run(tmp_path / "run", "baseline")
    assert main(["serve", str(run), "--port", str(server.port)]) == 2
    said = capsys.readouterr().err
    assert "cannot listen on 127.0.0.1" in said and "choose another --port" in said
    assert "attempting" not in said
    with pytest.raises(SystemExit) as stop:
        main(["serve", str(run), "--port", "70000"])
    assert stop.value.code == 2
    assert main(["serve", str(tmp_path / "none")]) == 2
