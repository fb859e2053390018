"""Downloads from a server that disconnects, changes files, lies, refuses and stays silent."""

import errno
import io
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
from download_cases import (
    DATA,
    OTHER,
    PAGE,
    PATIENCE,
    Server,
    serve,
    source_of,
    status,
    write_table,
)

from labelgraph.fetch import checks, sources, transfer
from labelgraph.fetch.part import Part
from labelgraph.steps import fetch


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "archives" / "data.zip"


def get(source, target):
    log = io.StringIO()
    transfer.download(source, target, patience=PATIENCE, stream=log)
    assert [path.name for path in (target.parent / ".part").iterdir()] == [f"{target.name}.lock"]
    return log.getvalue()


def part_of(target):
    return target.parent / ".part" / f"{target.name}.part"


def test_whole_file_arrives_and_is_verified(server, target):
    log = get(source_of(server.address("/a", serve(DATA))), target)
    assert target.read_bytes() == DATA
    assert "size and sha256 verified" in log


def test_good_file_is_not_fetched_again(server, target):
    source = source_of(server.address("/a", serve(DATA)))
    get(source, target)
    assert "already there" in get(source, target)
    assert len(server.ranges) == 1
    target.write_bytes(OTHER)
    get(source, target)
    assert target.read_bytes() == DATA


def test_cut_is_resumed(server, target):
    answers = (serve(DATA, cut=90_000), serve(DATA, cut=150_000), serve(DATA))
    get(source_of(server.address("/a", *answers)), target)
    assert target.read_bytes() == DATA
    assert server.ranges == [("/a", None), ("/a", "bytes=90000-"), ("/a", "bytes=150000-")]


@pytest.mark.parametrize("known", [True, False], ids=["checksum", "no checksum"])
@pytest.mark.parametrize(
    "second",
    [serve(DATA, ranges=False), serve(DATA, tag='"2"'), serve(DATA, tag='"2"', mistaken=True)],
    ids=["ignores Range", "changed", "changed, ignores If-Range"],
)
def test_parts_of_different_files_are_never_joined(server, target, second, known):
    address = server.address("/a", serve(OTHER, cut=90_000), second)
    changed = {} if known else {"checksums": {}, "bytes": None, "evidence": None, "note": "unknown"}
    log = get(source_of(address, **changed), target)
    assert target.read_bytes() == DATA
    assert server.ranges[1] == ("/a", "bytes=90000-")
    assert ("sha256 verified" if known else "nothing could be verified") in log


def test_without_validator_and_checksum_it_starts_over(server, target):
    address = server.address("/a", serve(OTHER, cut=90_000, tag=None), serve(DATA, tag=None))
    get(source_of(address, checksums={}, note="unknown"), target)
    assert target.read_bytes() == DATA
    assert server.ranges[1] == ("/a", None)


def test_validator_is_sent_back(server, target):
    get(source_of(server.address("/a", serve(DATA, cut=90_000), serve(DATA))), target)
    assert server.validators == [None, '"1"']


def test_an_answer_at_another_offset_is_refused(server, target):
    answers = (serve(DATA, cut=90_000), serve(DATA, shift=500), serve(DATA))
    log = get(source_of(server.address("/a", *answers)), target)
    assert target.read_bytes() == DATA and "does not continue the same file" in log


def test_the_file_is_synced_to_the_disk_before_it_is_renamed(server, target, monkeypatch):
    usual, sizes = os.fsync, []

    def noted(file):
        sizes.append((os.fstat(file).st_size, target.exists()))
        usual(file)

    monkeypatch.setattr(os, "fsync", noted)
    get(source_of(server.address("/a", serve(DATA))), target)
    assert (len(DATA), False) in sizes


@pytest.mark.parametrize("tag", ['W/"1"', ""], ids=["weak", "none"])
def test_a_weak_tag_does_not_prove_that_it_is_the_same_file(server, target, tag):
    answers = serve(OTHER, cut=90_000, tag=tag), serve(DATA, tag=tag)
    get(source_of(server.address("/a", *answers), checksums={}, note="unknown"), target)
    assert target.read_bytes() == DATA
    assert server.ranges[1] == ("/a", None) and server.validators == [None, None]


def test_two_processes_download_the_same_file_once(server, target):
    source, logs = source_of(server.address("/a", serve(DATA, slow=0.3))), []
    both = [threading.Thread(target=lambda: logs.append(get(source, target))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(server.ranges) == 1 and len(logs) == 2
    assert sum("already there" in log for log in logs) == 1


def test_failures_no_longer_count_after_enough_progress(server, target, monkeypatch):
    monkeypatch.setattr(transfer, "GAIN", 30_000)
    cuts = [serve(DATA, cut=cut) for cut in (30_000, 60_000, 90_000, 120_000, 150_000)]
    log = get(source_of(server.address("/a", *cuts, serve(DATA))), target)
    assert target.read_bytes() == DATA  # after five failures, where three in a row are too many
    assert log.count("next attempt in 0.01 s") == 5


def test_failures_with_little_progress_between_them_add_up(server, target, monkeypatch):
    monkeypatch.setattr(transfer, "GAIN", 30_000)
    cuts = [serve(DATA, cut=cut) for cut in (30_000, 59_999, 80_000)]
    with pytest.raises(ConnectionError, match="cut after 80,000 of"):
        get(source_of(server.address("/a", *cuts, serve(DATA))), target)
    assert len(server.ranges) == 3


def test_part_beyond_the_end_is_dropped(server, target):
    answers = (serve(DATA, cut=90_000), status(416), serve(DATA))
    get(source_of(server.address("/a", *answers)), target)
    assert server.ranges[1:] == [("/a", "bytes=90000-"), ("/a", None)]


def test_a_download_stops_when_more_than_expected_arrives(server, target):
    answer = serve(DATA + bytes(10_000_000), length=False)
    with pytest.raises(ValueError, match=f"more than the expected {len(DATA):,} bytes"):
        get(source_of(server.address("/a", answer), checksums={}), target)
    assert not target.exists() and not part_of(target).exists()


def test_a_file_joined_from_two_versions_is_fetched_again(server, target):
    answers = (serve(OTHER, cut=90_000), serve(DATA, mistaken=True), serve(DATA))
    log = get(source_of(server.address("/a", *answers)), target)
    assert target.read_bytes() == DATA and "starting over" in log


@pytest.mark.parametrize("first", [status(404), status(403), serve(PAGE), serve(OTHER)])
def test_the_mirror_is_tried_next(server, target, first):
    get(source_of(server.address("/a", first), server.address("/b", serve(DATA))), target)
    assert target.read_bytes() == DATA
    assert [path for path, _ in server.ranges] == ["/a", "/b"]


def test_the_mirror_continues_where_the_first_stopped(server, target):
    first = server.address("/a", serve(DATA, cut=90_000), status(404))
    get(source_of(first, server.address("/b", serve(DATA, tag='"b"'))), target)
    assert target.read_bytes() == DATA
    assert server.ranges[-1] == ("/b", "bytes=90000-")


def test_server_error_is_tried_again(server, target):
    log = get(source_of(server.address("/a", status(500), status(503), serve(DATA))), target)
    assert target.read_bytes() == DATA
    assert "500 Internal Server Error; next attempt in 0.01 s" in log


def test_number_of_attempts_is_bounded(server, target):
    source = source_of(*(server.address(path, status(503)) for path in ("/a", "/b")))
    with pytest.raises(ConnectionError):
        get(source, target)
    assert [path for path, _ in server.ranges] == ["/a"] * 3 + ["/b"] * 3


def test_a_web_page_instead_of_the_rest_loses_nothing(server, target):
    answers = (serve(DATA, cut=90_000), serve(PAGE, ranges=False), serve(DATA))
    get(source_of(server.address("/a", *answers)), target)
    assert server.ranges[-1] == ("/a", "bytes=90000-")


FAILURES = {
    "gone": (status(404), {}, FileNotFoundError, "404 Not Found.*correct the addresses"),
    "down": (status(500), {}, ConnectionError, "500 Internal.*run this again"),
    "cut": (serve(DATA, cut=90_000, ranges=False), {}, ConnectionError, "cut after 90,000 of"),
    "page": (serve(PAGE), {}, ValueError, "a web page, probably a login or error page"),
    "no zip": (serve(b"x" * 2000), {}, ValueError, "not a zip archive: it begins with b'xxx"),
    "short": (
        serve(DATA[:-9]),
        {},
        ValueError,
        f"{len(DATA) - 9:,} bytes offered, expected {len(DATA):,}",
    ),
    "wrong": (serve(OTHER), {}, ValueError, "sha256 is .*, expected .*wrong file was deleted"),
    "md5": (serve(DATA), {"checksums": {"md5": "0" * 32}}, ValueError, "md5 is .*, expected 0000"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failure_is_one_message_and_no_file(server, target, case):
    answer, changed, kind, message = FAILURES[case]
    with pytest.raises(kind, match=message) as caught:
        get(
            source_of(server.address("/a", answer), server.address("/b", answer), **changed), target
        )
    assert "\n" not in str(caught.value) and "local.voc2007" in str(caught.value)
    assert not target.exists()
    assert part_of(target).exists() == (case == "cut")


def test_a_wrong_file_is_not_resumed(server, target):
    address = server.address("/a", serve(OTHER), serve(DATA))
    with pytest.raises(ValueError, match="expected"):
        get(source_of(address), target)
    get(source_of(address), target)
    assert server.ranges == [("/a", None), ("/a", None)]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:1/a", "connection refused"),
        ("http://no.such.host.invalid/a", "cannot be resolved"),
    ],
)
def test_no_server(target, monkeypatch, address, message):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(ConnectionError, match=message):
        get(source_of(address), target)
    assert not target.exists()


def test_silence_ends(server, target):
    silent = sources.Patience(1, 0.01, 0.01, timeout_seconds=0.2)
    source = source_of(server.address("/a", serve(DATA, cut=90_000, slow=1)))
    with pytest.raises(
        ConnectionError, match=r"no answer for 0.2 s.*90,000 bytes received are kept"
    ):
        transfer.download(source, target, patience=silent, stream=io.StringIO())


def test_a_file_given_out_on_request_says_how_to_get_it(target):
    source = source_of(note="ask the authors", bytes=None, checksums={})
    with pytest.raises(FileNotFoundError, match=r"ask the authors; then set local\.voc2007"):
        get(source, target)


def test_just_enough_room_is_enough(server, target, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=len(DATA))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    get(source_of(server.address("/a", serve(DATA))), target)
    assert target.read_bytes() == DATA


def test_no_room_is_seen_before_the_first_byte(server, target, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"no space left.*200.\d kB are needed and 1.0 kB are free"):
        get(source_of(server.address("/a", serve(DATA))), target)
    assert not target.exists() and not part_of(target).exists()


class FullDisk(io.FileIO):
    """Writes 60,000 bytes in all and then fails, as a full disk does."""

    def write(self, data):
        room = 60_000 - os.fstat(self.fileno()).st_size
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(data[:room]))


def test_a_disk_that_fills_half_way_keeps_the_part(server, target, monkeypatch):
    source = source_of(server.address("/a", serve(DATA)))
    usual = Path.open

    def full(path, mode="r", *rest, **more):
        if path.suffix == ".part" and "a" in mode:
            return FullDisk(path, "ab")
        return usual(path, mode, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(OSError, match=r"no space left.*60,000 bytes of data.zip are kept"):
            get(source, target)
    assert not target.exists() and part_of(target).read_bytes() == DATA[:60_000]
    get(source, target)
    assert target.read_bytes() == DATA
    assert server.ranges[-1] == ("/a", "bytes=60000-")


def test_killed_process_leaves_a_part_that_is_resumed(server, target, tmp_path):
    source = source_of(server.address("/a", serve(DATA, cut=90_000, slow=5), serve(DATA)))
    arguments = [*write_table(tmp_path / "table.yaml", source), "--output", str(target)]
    process = subprocess.Popen([sys.executable, "-m", "labelgraph.steps.fetch", *arguments])
    while not (part_of(target).exists() and part_of(target).stat().st_size == 90_000):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    fetch.command(arguments)
    assert target.read_bytes() == DATA
    assert server.ranges == [("/a", None), ("/a", "bytes=90000-")]


def test_local_copy_is_verified(target, tmp_path):
    arguments = [
        *write_table(tmp_path / "table.yaml", source_of(note="here")),
        "--output",
        str(target),
    ]
    (tmp_path / "data.zip").write_bytes(OTHER)
    with pytest.raises(ValueError, match=r"data\.zip is not data: sha256 is"):
        fetch.command([*arguments, "--local", str(tmp_path)])
    (tmp_path / "data.zip").write_bytes(DATA + b"x")
    with pytest.raises(ValueError, match=r"expected [\d,]+: too long, or another file; replace it"):
        fetch.command([*arguments, "--local", str(tmp_path)])
    (tmp_path / "data.zip").write_bytes(DATA[:-1])
    with pytest.raises(ValueError, match=r"expected [\d,]+: truncated, or another file"):
        fetch.command([*arguments, "--local", str(tmp_path)])
    with pytest.raises(FileNotFoundError, match=r"expected a copy of data\.zip"):
        fetch.command([*arguments, "--local", str(tmp_path / "nowhere")])
    assert not target.exists()
    (tmp_path / "data.zip").write_bytes(DATA)
    fetch.command([*arguments, "--local", str(tmp_path / "data.zip")])
    assert target.read_bytes() == DATA


def http_error(code):
    return HTTPError("http://a", code, "so", {}, None)


@pytest.mark.parametrize(
    ("error", "have", "expected"),
    [
        *((http_error(code), 0, True) for code in (400, 401, 404, 410, 499)),
        *((http_error(code), 0, False) for code in (408, 416, 425, 429, 500, 503)),
        (PermissionError(errno.EACCES, "no", "/a/file"), 0, True),
        (URLError(ssl.SSLCertVerificationError()), 9, True),
        *((URLError(kind()), 0, True) for kind in (socket.gaierror, ConnectionRefusedError)),
        *((URLError(kind()), 9, False) for kind in (socket.gaierror, ConnectionRefusedError)),
        *((kind(), 0, False) for kind in (TimeoutError, ConnectionResetError)),
    ],
)
def test_which_errors_are_not_retried(tmp_path, error, have, expected):
    """A server that answered a moment ago may come back; one that never answered will not."""
    (tmp_path / "a.part").write_bytes(bytes(have))
    assert transfer.hopeless(error, Part(tmp_path / "a.part")) == expected


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (http_error(404), FileNotFoundError, "404 so"),
        (http_error(410), FileNotFoundError, "410 so"),
        (http_error(403), ConnectionError, "403 so"),
        (URLError(socket.gaierror()), ConnectionError, "the host name cannot be resolved"),
        (URLError(TimeoutError()), ConnectionError, "no answer for 5 s"),
        (TimeoutError(), ConnectionError, "no answer for 5 s"),
        (ConnectionRefusedError(), ConnectionError, "connection refused"),
        (ConnectionResetError(), ConnectionError, "ConnectionResetError"),
        (ConnectionResetError("reset"), ConnectionError, "reset"),
    ],
)
def test_errors_in_words(error, kind, message):
    found = transfer.explain(error, PATIENCE)
    assert type(found) is kind and str(found) == message


GONE, CUT, WRONG = FileNotFoundError("404"), ConnectionError("cut"), ValueError("no zip")


@pytest.mark.parametrize(
    ("failures", "have", "kind", "message"),
    [
        ([GONE, GONE], 0, FileNotFoundError, "a: 404; b: 404. Next: correct the addresses in the"),
        (
            [GONE, CUT],
            0,
            ConnectionError,
            "run this again (nothing was kept), or set local.voc2007",
        ),
        ([CUT], 1200, ConnectionError, "run this again (the 1,200 bytes received are kept), or"),
        ([GONE, WRONG], 0, ValueError, "the wrong file was deleted; run this again later, or set"),
    ],
)
def test_one_sentence_for_all_addresses(tmp_path, failures, have, kind, message):
    (tmp_path / "a.part").write_bytes(bytes(have))
    part = Part(tmp_path / "a.part")
    found = transfer.summary(source_of(), part, dict(zip("ab", failures, strict=False)))
    assert type(found) is kind and message in str(found)


def test_the_waits_double_up_to_the_longest(server, target, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    patience = sources.Patience(6, 1.0, 5.0, timeout_seconds=5)
    source = source_of(server.address("/a", status(503)))
    with pytest.raises(ConnectionError, match="503"):
        transfer.download(source, target, patience=patience, stream=io.StringIO())
    assert waits == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(
    ("file", "start", "message"),
    [
        ("a.zip", b"PK\x03\x04", ""),
        ("a.zip", b"PK\x05\x06", ""),
        ("a.zip", b"PK\x01\x02", "not a zip archive: it begins with b'PK"),
        ("a.tgz", b"\x1f\x8b", ""),
        ("a.tar.gz", b"\x1f\x8c", "not a tar.gz archive"),
        ("a.tar", b"x" * 512, "not a tar archive"),
        ("a.tar", b"x" * 511, ""),  # too little to tell
        ("a.txt", b"anything", ""),
        (
            "a.txt",
            b"\xef\xbb\xbf  <HTML>",
            "a web page, probably a login or error page, instead of a.txt",
        ),
        ("a.txt", b"\n<?xml", "a web page"),
    ],
)
def test_the_first_bytes_show_what_a_file_is(file, start, message):
    if not message:
        checks.check_start(start, source_of(file=file))
        return
    with pytest.raises(ValueError, match=message):
        checks.check_start(start, source_of(file=file))


def test_the_log_says_what_was_verified(tmp_path):
    (tmp_path / "a").write_bytes(DATA)
    sha = source_of().checksums
    for known, size, message in (
        (sha, len(DATA), "size and sha256 verified"),
        (sha, None, "sha256 verified"),
        ({}, len(DATA), "only its size could be verified: no checksum is known"),
        ({}, None, "nothing could be verified: no checksum is known"),
    ):
        assert checks.check(tmp_path / "a", source_of(checksums=known, bytes=size)) == message
