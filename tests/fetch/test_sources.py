"""The table of sources, and the progress shown during a download."""

import io
from pathlib import Path

import pytest
import yaml
from download_cases import source_of, write_table

from labelgraph.fetch import sources
from labelgraph.fetch.progress import Progress, duration, size

TABLE = Path("workflow/config/sources.yaml")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def watched(stream):
    now = iter(range(1000))
    progress = Progress("data", stream, clock=lambda: next(now))  # a second between two looks
    progress.begin(0, 40_000_000)
    for _ in range(20):
        progress.add(1_000_000)
    progress.finish("verified")
    return stream.getvalue()


def test_terminal_has_one_line_that_is_updated():
    text = watched(Terminal())
    assert text.count("\n") == 1 and text.count("\r") == 21
    assert "data: 10.0 MB of 40.0 MB, 1.0 MB/s, 0:00:30 left" in text


def test_log_has_a_line_every_ten_seconds():
    assert watched(io.StringIO()).splitlines() == [
        "data: 10.0 MB of 40.0 MB, 1.0 MB/s, 0:00:30 left",
        "data: 20.0 MB of 40.0 MB, 1.0 MB/s, 0:00:20 left",
        "data: 20.0 MB in 0:00:21; verified",
    ]


def test_bytes_received_before_do_not_count_for_the_rate():
    now, stream = iter([0, 0, 10]), io.StringIO()
    progress = Progress("data", stream, clock=lambda: next(now))
    progress.begin(30_000_000, 40_000_000)
    progress.add(5_000_000)
    assert stream.getvalue() == "data: 35.0 MB of 40.0 MB, 500.0 kB/s, 0:00:10 left\n"


def test_sizes_and_times_are_rounded():
    assert [size(count) for count in (999, 1000, 999_949, 10**9)] == [
        *("999 B", "1.0 kB", "999.9 kB", "1.00 GB")
    ]
    assert [duration(seconds) for seconds in (0.4, 59.6, 3725.2)] == [
        "0:00:00",
        "0:01:00",
        "1:02:05",
    ]


def test_table_names_every_file_with_its_licence():
    table = sources.read(TABLE)
    assert len(table.sources()) == 25
    for source in table.sources():
        assert source.licence
        assert source.bytes is None or source.bytes > 1000
    for dataset in ("voc2007", "coco2014", "nuswide", "vg200", "vg500"):
        (group,) = table.needed(dataset)
        assert group.sources and group.layout
    assert list(table.group("voc2007").sources) == ["voc2007_trainval", "voc2007_test"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"licence": ""}, "licence is empty"),
        ({"file": "../data.zip"}, "must be a plain name"),
        ({"checksums": {"md5": "12"}}, "must be hexadecimal"),
        ({"checksums": None}, "evidence must be given for checksums"),
        ({"checksums": None, "evidence": None}, "a note must say why"),
        ({"addresses": ["file:///etc/passwd"]}, "must begin with http"),
        ({"url": "http://a", "ftp": 1}, r"has unknown keys \['ftp', 'url'\]; known are"),
        ({"evidence": "rumour"}, "evidence 'rumour' must be one of"),
        ({"unpack": {"into": "", "drop": ""}}, r"unpack lacks \['only'\]; write null"),
        ({"unpack": 3}, "unpack: found int, expected entries"),
    ],
)
def test_wrong_entry_is_named(tmp_path, changed, message):
    path = tmp_path / "table.yaml"
    write_table(path, source_of("http://a/data.zip"))
    content = yaml.safe_load(path.read_text())
    content["groups"]["voc2007"]["sources"]["data"] |= changed
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=f"groups.voc2007.sources.data.*{message}"):
        sources.read(path)


def test_missing_and_repeated_entries_are_named(tmp_path):
    path = tmp_path / "table.yaml"
    write_table(path, source_of("http://a/data.zip"))
    content = yaml.safe_load(path.read_text())
    entries = content["groups"]["voc2007"]["sources"]
    entries["more"] = dict(entries["data"])
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=r"file 'data\.zip' is listed twice"):
        sources.read(path)
    content["groups"]["other"] = content["groups"]["voc2007"] | {
        "sources": {"data": entries["data"]}
    }
    del entries["more"]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match="source 'data' is listed twice"):
        sources.read(path)
    for key in ("licence", "bytes", "file"):
        del entries["data"][key]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=r"data lacks \['bytes', 'file', 'licence'\]; write null"):
        sources.read(path)


def test_local_copies(tmp_path, monkeypatch):
    table = sources.read(TABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "voc").mkdir()
    assert sources.local_copies(table, {"voc2007": "~/voc"}) == {"voc2007": f"{tmp_path}/voc"}
    with pytest.raises(ValueError, match=r"unknown keys \['voc'\]; known are .*'voc2007'"):
        sources.local_copies(table, {"voc": "~/voc"})
    with pytest.raises(FileNotFoundError, match=r"local\.voc2007 is ~/no, which does not exist"):
        sources.local_copies(table, {"voc2007": "~/no"})


def test_unknown_names_are_reported():
    table = sources.read(TABLE)
    with pytest.raises(ValueError, match="no source 'x' in the sources; there are"):
        table.source("x")
    with pytest.raises(ValueError, match="no group 'x' in the sources; there are"):
        table.group("x")
