"""The table of sources, and what is shown while a file comes."""

import io
from pathlib import Path

import pytest
import yaml
from download_cases import source_of, write_table

from labelgraph.download import sources
from labelgraph.download.progress import Progress

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


def test_table_names_every_file_with_its_licence():
    table = sources.read(TABLE)
    assert len(table.sources()) == 22
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
        ({"url": "http://a"}, "has unknown keys"),
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


def test_unknown_names_are_told():
    table = sources.read(TABLE)
    with pytest.raises(ValueError, match="no source 'x' in the sources; there are"):
        table.source("x")
    with pytest.raises(ValueError, match="no group 'x' in the sources; there are"):
        table.group("x")
