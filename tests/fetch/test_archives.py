"""Hostile, damaged and enormous archives: each is refused in one sentence and leaves nothing."""

import errno
import io
import shutil
import struct
import tarfile
import zipfile

import pytest
from unpack_cases import (
    FIRST,
    SECOND,
    pack_good,
    pack_tar,
    pack_zip,
    packed,
    refused,
    run,
    write_table,
)

from labelgraph.fetch import archives
from labelgraph.fetch.progress import Progress
from labelgraph.fetch.sources import Unpacking


@pytest.fixture
def place(tmp_path):
    write_table(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def here(place, files):
    """With an absolute name that the test could write to."""
    return {str(place / "out") if name == "/HERE/out" else name: files[name] for name in files}


OUT = "../../../out"
HOSTILE_TARS = {
    "parent": {"../out": b"x"},
    "deep parent": {f"devkit/{OUT}": b"x"},
    "absolute": {"/HERE/out": b"x"},
    "link out": {"a": special("a", tarfile.SYMTYPE, OUT)},
    "through a link": {"a": special("a", tarfile.SYMTYPE, "../.."), "a/out": b"x"},
    "link inside": {"a": special("a", tarfile.SYMTYPE, "devkit")},
    "hard link": {"a": special("a", tarfile.LNKTYPE, OUT)},
    "device": {"a": special("a", tarfile.CHRTYPE)},
    "pipe": {"a": special("a", tarfile.FIFOTYPE)},
    "sparse": {"a": special("a", tarfile.GNUTYPE_SPARSE)},
    "line break": {"a\nb": b"x"},
}


@pytest.mark.parametrize("case", HOSTILE_TARS)
def test_hostile_tar(place, case):
    pack_good(place)
    pack_tar(packed(place)[0], FIRST | here(place, HOSTILE_TARS[case]))
    refused(place, r"first.tar holds '.*(leads out|a link or a special file)")


def linked(name, kind=0o120777):
    info = zipfile.ZipInfo(name)
    info.external_attr = kind << 16
    return info


HOSTILE_ZIPS = {
    "parent": {"../out": b"x"},
    "backslash": {"..\\out": b"x"},
    "absolute": {"/HERE/out": b"x"},
    "drive": {"C:/out": b"x"},
    "link": {linked("a"): OUT},
    "through a link": {linked("a"): "../..", "a/out": b"x"},
    "pipe": {linked("a", 0o010644): b""},
}


@pytest.mark.parametrize("case", HOSTILE_ZIPS)
def test_hostile_zip(place, case):
    pack_good(place)
    pack_zip(packed(place)[1], SECOND | here(place, HOSTILE_ZIPS[case]))
    refused(place, r"second.zip holds '.*(leads out|a link or a special file)")


def test_file_and_folder_of_one_name(place):
    pack_good(place)
    pack_zip(packed(place)[1], SECOND | {"devkit/2007/Lists": b"x"})
    refused(place, "'devkit/2007/Lists' is both a file and a folder")


def test_bombs(place, monkeypatch):
    monkeypatch.setattr(archives, "SMALL", 100_000)
    pack_good(place)
    pack_zip(packed(place)[1], SECOND | {"zeros": bytes(10_000_000)})
    refused(place, r"second.zip unpacks to more than \d+.\d kB")
    log = Progress("zip", io.StringIO())
    with pytest.raises(ValueError, match="unpacks to more than"):
        archives.unpack(packed(place)[1], place / "in", Unpacking("", "", ()), log)
    assert log.done == 0  # seen before the first byte
    pack_good(place)
    monkeypatch.setattr(archives, "MEMBERS", 1)
    refused(place, "first.tar has more than 1 members")


def test_an_archive_at_the_limits_is_unpacked(tmp_path, monkeypatch):
    """The most members and bytes allowed, and a folder whose parents are not listed."""
    (tmp_path / "out").mkdir()
    path = pack_tar(tmp_path / "a.tar", {"a": b"x" * 600, "b": b"y" * 400})
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("c/d/e/", "")
        archive.writestr("f", b"z" * 1000)
    log = Progress("a", io.StringIO())
    monkeypatch.setattr(archives, "RATIO", 0)
    monkeypatch.setattr(archives, "SMALL", 1000)
    monkeypatch.setattr(archives, "MEMBERS", 2)
    for each in (path, tmp_path / "a.zip"):
        archives.unpack(each, tmp_path / "out", Unpacking("", "", ()), log)
    found = sorted(
        each.relative_to(tmp_path / "out").as_posix() for each in (tmp_path / "out").rglob("*")
    )
    assert found == ["a", "b", "c", "c/d", "c/d/e", "f"]
    monkeypatch.setattr(archives, "SMALL", 999)
    for each in (path, tmp_path / "a.zip"):
        with pytest.raises(ValueError, match=r"unpacks to more than 999 B, which no official"):
            archives.unpack(each, tmp_path / "out", Unpacking("", "", ()), log)


def test_compressed_tar_and_its_bomb(tmp_path, monkeypatch):
    def unpack_it(files):
        path = pack_tar(tmp_path / "a.tar.gz", files, "w:gz")
        log = Progress("a", io.StringIO())
        archives.unpack(path, tmp_path / "out", Unpacking("", "", ()), log)
        return path, log

    (tmp_path / "out").mkdir()
    path, log = unpack_it(FIRST)
    assert log.done == 15002
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"a.tar.gz is damaged or cut short"):
        archives.unpack(path, tmp_path / "out", Unpacking("", "", ()), log)
    monkeypatch.setattr(archives, "SMALL", 100_000)
    with pytest.raises(ValueError, match="unpacks to more than"):
        unpack_it({"zeros": bytes(10_000_000)})
    with pytest.raises(ValueError, match="unpacks to more than"):
        unpack_it({name: bytes(60_000) for name in "abc"})
    huge = tarfile.TarInfo("a")
    huge.pax_headers = {"comment": "x" * 10_000_000}
    with pytest.raises(ValueError, match="a header of"):
        unpack_it({"a": huge})


@pytest.mark.parametrize("keep", [100, 700, 1536, 10_000, 16_896, 17_920])
def test_truncated_tar(place, keep):
    """Cut in the first header, in a body, between members, and before the end marker."""
    pack_good(place)
    content = packed(place)[0].read_bytes()
    packed(place)[0].write_bytes(content[:keep])
    if keep == 17_920:  # all members and one block of zeros: whole, but for the padding
        assert run(place)["files"] == 4
    else:
        refused(place, r"first.tar is damaged or cut short")


def test_damaged_header_is_not_the_end(place):
    pack_good(place)
    content = bytearray(packed(place)[0].read_bytes())
    content[1024:1034] = b"0123456789"
    packed(place)[0].write_bytes(content)
    refused(place, r"first.tar is damaged or cut short")


@pytest.mark.parametrize("keep", [0, 10, 150, -30])
def test_truncated_zip(place, keep):
    pack_good(place)
    packed(place)[1].write_bytes(packed(place)[1].read_bytes()[:keep])
    refused(place, r"second.zip is damaged or cut short")


def test_damaged_zip_content(place):
    pack_good(place)
    content = bytearray(packed(place)[1].read_bytes())
    where = content.index(b"Images/2.jpg") + 20
    content[where : where + 4] = b"\xff\xff\xff\xff"
    packed(place)[1].write_bytes(content)
    refused(place, r"second.zip is damaged or cut short")


def test_a_member_that_is_shorter_than_the_zip_says(place):
    pack_good(place)
    shorter, longer = (struct.pack("<I", count) for count in (21_000, 21_001))
    content = packed(place)[1].read_bytes()
    assert content.count(shorter) == 2  # before the member, and in the list at the end
    packed(place)[1].write_bytes(content.replace(shorter, longer))
    refused(place, r"second.zip is damaged.*Images/2.jpg: 21,000 of 21,001 bytes")


@pytest.mark.parametrize("kind", ["another method", "encrypted"])
def test_a_zip_packed_in_an_unusual_way(place, kind):
    pack_good(place)
    with zipfile.ZipFile(packed(place)[1], "a") as archive:
        archive.writestr("odd", b"x" * 100, zipfile.ZIP_LZMA if kind == "another method" else None)
        if kind == "encrypted":
            archive.infolist()[-1].flag_bits |= 1
    refused(place, r"second.zip holds 'odd', encrypted or packed in an unusual way")


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, r"no space left in .*: a\.tar was being unpacked"), (errno.EIO, "broken")],
)
def test_a_disk_that_fills_or_fails_during_unpacking(tmp_path, monkeypatch, number, message):
    def fails(*_):
        raise OSError(number, "broken")

    monkeypatch.setattr(archives, "copy", fails)
    path = pack_tar(tmp_path / "a.tar", FIRST)
    log = Progress("a", io.StringIO())
    with pytest.raises(OSError, match=message):
        archives.unpack(path, tmp_path, Unpacking("", "", ()), log)


@pytest.mark.parametrize(("free", "needed"), [(1000, "20.5 kB"), (1_000_000, "10.0 MB")])
def test_no_room(place, monkeypatch, free, needed):
    """For the tar, and for what the zip says it unpacks to."""
    pack_good(place)
    pack_zip(packed(place)[1], SECOND | {"zeros": bytes(10_000_000)})
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    refused(place, rf"no space left in .*{needed} are needed and 1.0 .B are free")
