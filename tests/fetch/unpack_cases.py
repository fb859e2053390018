"""Two small archives of one dataset, a table of sources that names them, and the step on them."""

import io
import json
import tarfile
import zipfile

import pytest
import yaml

from labelgraph.steps import unpack

LAYOUT = ["devkit/2007/Lists/a.txt", "devkit/2007/Lists/b.txt", "devkit/2007/Images"]
FIRST = {"devkit/2007/Lists/a.txt": b"1\n", "devkit/2007/Images/1.jpg": b"one" * 5000}
SECOND = {"devkit/2007/Lists/b.txt": b"2\n", "devkit/2007/Images/2.jpg": b"two" * 7000}
LISTING = {
    "devkit/2007/Images/1.jpg": 15000,
    "devkit/2007/Images/2.jpg": 21000,
    "devkit/2007/Lists/a.txt": 2,
    "devkit/2007/Lists/b.txt": 2,
}


def pack_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o4777
            archive.addfile(info, io.BytesIO(content))
    return path


def pack_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def run(place, *, local=None):
    origin = ["--local", str(local)] if local else ["--archives", *map(str, packed(place))]
    table, output = place / "table.yaml", place / "raw" / "voc.json"
    unpack.command(["--sources", str(table), "--name", "voc", "--output", str(output), *origin])
    return json.loads(output.read_text())


def packed(place):
    return [place / "in" / "first.tar", place / "in" / "second.zip"]


def pack_good(place):
    pack_tar(place / "in" / "first.tar", FIRST)
    pack_zip(place / "in" / "second.zip", SECOND)


def refused(place, message):
    """Checks that the step fails with this sentence and leaves nothing behind."""
    before = {path for path in place.rglob("*") if "raw" not in path.parts}
    with pytest.raises((ValueError, OSError), match=message) as caught:
        run(place)
    assert "\n" not in str(caught.value)
    assert {path for path in place.rglob("*") if "raw" not in path.parts} == before
    assert [path.name for path in (place / "raw").iterdir()] == [".voc.lock"]


def write_table(folder):
    """A table of one group, made from first.tar and second.zip."""
    entry = {"addresses": ["http://a"], "bytes": None, "checksums": None, "evidence": None}
    entry |= {"licence": "free", "note": "x", "unpack": {"into": "", "drop": "top", "only": []}}
    files = {"one": "first.tar", "two": "second.zip"}
    group = {
        "title": "",
        "serves": [],
        "layout": LAYOUT,
        "starts": ["", "devkit", "devkit/2007"],
        "sources": {name: entry | {"file": file} for name, file in files.items()},
    }
    transfer = {"attempts": 1, "wait_seconds": 0, "longest_wait_seconds": 0, "timeout_seconds": 1}
    table = {"transfer": transfer, "groups": {"voc": group}}
    (folder / "table.yaml").write_text(yaml.safe_dump(table))
