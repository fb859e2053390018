"""Small files: whole or not at all, the same bytes for the same content, no code executed."""

import errno
import zipfile

import numpy as np
import pytest

from labelgraph.files import small


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path):
    path = tmp_path / "below" / "a.txt"
    with small.whole(path) as draft:
        draft.write_text("one")
        assert not path.exists() and draft.parent == path.parent
    with pytest.raises(KeyboardInterrupt), small.whole(path) as draft:
        draft.write_text("tw")
        raise KeyboardInterrupt
    assert path.read_text() == "one"
    assert [each.name for each in path.parent.iterdir()] == ["a.txt"]  # the draft has gone


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_as_such(tmp_path, number):
    full = pytest.raises(OSError, match=r"a\.txt cannot be written: no space is left there")
    with full, small.whole(tmp_path / "a.txt"):
        raise OSError(number, "full")
    with pytest.raises(OSError, match="broken"), small.whole(tmp_path / "a.txt"):
        raise OSError(errno.EIO, "broken")


def test_a_folder_and_a_file_in_the_way_are_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(IsADirectoryError, match="is a folder; expected the name of a file"):
        small.write_text(tmp_path, "x")
    for path in (tmp_path / "file/a.txt", tmp_path / "file/below/a.txt"):
        with pytest.raises(NotADirectoryError, match=r"is not a folder; a\.txt needs one"):
            small.write_text(path, "x")


def test_json_is_written_for_people_to_read(tmp_path):
    path = tmp_path / "a.json"
    small.write_json(path, {"é": [1, None]})
    assert path.read_text(encoding="utf-8") == '{\n "é": [\n  1,\n  null\n ]\n}\n'
    assert small.read_json(path) == {"é": [1, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        small.write_json(path, float("nan"))
    assert small.read_json(path) == {"é": [1, None]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{\n "a": 1,\n}', r"a\.json, line 3: not JSON: "),
        (b"\xff\xfe", "not JSON: the file is not UTF-8 text"),
        (b"[" * 100_000, "too many nested brackets"),
        (b"9" * 10_000, "a number with thousands of digits"),
    ],
)
def test_a_file_that_is_not_json_is_named(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        small.read_json(tmp_path / "a.json")


def test_json_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert small.read_json(tmp_path / "a.json") == [1]


ARRAYS = {"a": np.arange(6).reshape(2, 3), "names": np.array(["x", "é"])}


def test_arrays_are_restored_and_equal_arrays_give_equal_bytes(tmp_path):
    first, second = tmp_path / "1.npz", tmp_path / "2.npz"
    for path in (first, second):
        small.write_arrays(path, **ARRAYS)
    assert first.read_bytes() == second.read_bytes()
    found = small.read_arrays(first)
    assert found.keys() == ARRAYS.keys()
    assert all(np.array_equal(found[name], array) for name, array in ARRAYS.items())
    with pytest.raises(TypeError, match="array 'a' holds Python objects"):
        small.write_arrays(first, a=np.array([None]))


def test_a_small_archive_may_unpack_to_a_thousand_times_its_size(tmp_path):
    small.write_arrays(tmp_path / "a.npz", a=np.zeros(300_000))
    assert (tmp_path / "a.npz").stat().st_size < 300_000 * 8 / 200
    assert not small.read_arrays(tmp_path / "a.npz")["a"].any()


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as content:
        for name, data in members:
            content.writestr(name, data)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_a_repeated_name_or_too_much_content_is_refused(tmp_path, monkeypatch):
    small.write_arrays(tmp_path / "a.npz", a=np.zeros(10_000))
    data = zipfile.ZipFile(tmp_path / "a.npz").read("a.npy")
    twice = archive(tmp_path / "twice.npz", [("a.npy", data), ("a.npy", data)])
    with pytest.raises(ValueError, match=r"twice\.npz is not an \.npz.*: it holds 'a\.npy' twice"):
        small.read_arrays(twice)
    monkeypatch.setattr(small, "RATIO", 2)
    monkeypatch.setattr(small, "SMALL", len(data))
    assert small.read_arrays(tmp_path / "a.npz").keys() == {"a"}
    monkeypatch.setattr(small, "SMALL", len(data) - 1)
    with pytest.raises(ValueError, match=f"it unpacks to {len(data):,} bytes, expected"):
        small.read_arrays(tmp_path / "a.npz")
    monkeypatch.setattr(small, "RATIO", len(data))  # a large file may unpack to more
    assert small.read_arrays(tmp_path / "a.npz").keys() == {"a"}


def test_a_fingerprint_covers_names_types_shapes_and_values():
    one = np.arange(6, dtype=np.int32)
    same = small.fingerprint(a=one, b=one)
    assert same == small.fingerprint(b=one, a=one)
    assert same == small.fingerprint(a=np.arange(12, dtype=np.int32)[::2] // 2, b=one)
    others = [
        small.fingerprint(a=one, c=one),
        small.fingerprint(a=one.astype(np.uint32), b=one),
        small.fingerprint(a=one.reshape(2, 3), b=one),
        small.fingerprint(a=one[::-1], b=one),
        small.fingerprint(a=one),
    ]
    assert len({same, *others}) == 6


def test_the_sha256_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert small.sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")
