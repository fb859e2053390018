"""`labelgraph serve` over loopback, with plain requests: answers, limits, and who is kept out."""

import base64
import http.client
import io
import json
import socket
import threading
import time

import pytest
from PIL import Image
from run_cases import calibrate, make_run, picture

from labelgraph.__main__ import main
from labelgraph.trained import asking, reading, serving

PICTURE = {"X-Labelgraph": "picture", "Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run") / "seed0", "baseline")
    calibrate(folder, 2.0, 0.05)
    return asking.Oracle(reading.read(folder))


@pytest.fixture
def server(oracle):
    with serving.Server("127.0.0.1", 0, oracle, {"title": "t", "remark": "r"}) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.02,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def ask(server, method, path, body=None, headers=None):
    """Status, headers, and what the content says."""
    line = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
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
        PICTURE | {"Host": "evil.example"},  # a name of somebody else's that leads here
        PICTURE | {"Host": "127.0.0.1.evil.example:80"},
        PICTURE | {"Host": ""},
    ],
)
def test_other_sites_are_kept_out(server, headers):
    status, _, content = ask(server, "POST", "/predict", png(), headers)
    assert status == 403 and content.keys() == {"error"}


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


def test_size_is_bounded_before_anything_is_read(server):
    large = PICTURE | {"Content-Length": str(serving.LARGEST + 1)}
    status, _, found = ask(server, "POST", "/predict", None, large)
    assert status == 413 and found == {"error": "the file is larger than 20 MiB"}
    for header in (
        {"Content-Length": "-1"},
        {"Content-Length": "x"},
        {"Transfer-Encoding": "chunked"},
    ):
        assert ask(server, "POST", "/predict", None, PICTURE | header)[0] == 411


def test_a_huge_picture_in_a_small_file_is_refused(server):
    import odd_pictures

    bomb = odd_pictures.png(50_000, 50_000, 8, 0, b"\0" * 1000)
    status, _, found = ask(server, "POST", "/predict", bomb, PICTURE)
    assert status == 415 and "too many pixels" in found["error"]


def test_a_request_that_says_nothing_is_ended(server, monkeypatch):
    monkeypatch.setattr(serving.Handler, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as line:
        line.sendall(b"POST /predict HTTP/1.1\r\n")
        assert line.recv(100) == b""


def test_a_request_that_dribbles_is_ended(server, monkeypatch):
    monkeypatch.setattr(serving, "LONGEST", 0.3)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(OSError):
            for _ in range(200):
                line.sendall(b"X")
                time.sleep(0.05)
    assert ask(server, "GET", "/about")[0] == 200


def test_the_number_of_requests_at_once_is_bounded(server):
    waiting = [
        socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(serving.AT_ONCE)
    ]
    try:
        for line in waiting:
            line.sendall(b"GET /about HTTP/1.1\r\n")
        deadline = time.monotonic() + 20
        while server.places.acquire(blocking=False):  # until all of them are being answered
            server.places.release()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            ask(server, "GET", "/about")
    finally:
        for line in waiting:
            line.close()
    deadline = time.monotonic() + 20
    while not server.places.acquire(blocking=False):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    server.places.release()
    assert ask(server, "GET", "/about")[0] == 200


def test_who_waits_too_long_is_told(oracle, monkeypatch):
    monkeypatch.setattr(asking, "WAIT", 0.05)
    with oracle.turn, pytest.raises(asking.BusyError):
        oracle.ask(png())


def test_wrong_usage_is_named(tmp_path, server, capsys):
    run = make_run(tmp_path / "run", "baseline")
    assert main(["serve", str(run), "--port", str(server.server_port)]) == 2
    said = capsys.readouterr().err
    assert "cannot listen on 127.0.0.1" in said and "choose another --port" in said
    with pytest.raises(SystemExit) as stop:
        main(["serve", str(run), "--port", "70000"])
    assert stop.value.code == 2
    assert main(["serve", str(tmp_path / "none")]) == 2
