"""What ConceptNet says of labels: from lines of the official format to a table of pairs."""

import csv
import gzip
import io
import json
import tracemalloc

import numpy as np
import pytest

from labelgraph.files.small import read_json, sha256
from labelgraph.inputs import conceptnet
from labelgraph.manifest.manifest import Manifest, no_boxes, write
from labelgraph.steps import relate_labels

NAMES = ("dog", "traffic light", "tvmonitor", "Car", "t-shirt", "hot dog", "moon")
ALIASES = {"tvmonitor": "tv", "t-shirt": "t-shirt"}


def line(start, end, weight, relation="RelatedTo"):
    about = {"dataset": "/d/verbosity", "license": "cc:by-sa/4.0", "weight": weight}
    cells = [f"/a/[/r/{relation}/,{start}/,{end}/]", f"/r/{relation}", start, end]
    return "\t".join([*cells, json.dumps(about)]).encode()


GOOD = [
    line("/c/en/dog", "/c/en/car", 2.0, "AtLocation"),
    line("/c/en/car/n", "/c/en/dog/n/wn/animal", 0.5),  # a sense, and the other direction
    line("/c/en/dog/n", "/c/en/dog/v", 8.0),  # of one word
    line("/c/en/traffic", "/c/en/car", 3.0),
    line("/c/en/light", "/c/en/car", 1.0),
    line("/c/en/traffic", "/c/en/light", 7.0),  # within a label
    line("/c/en/tv", "/c/en/t_shirt", 0.25),
    line("/c/fr/dog", "/c/en/car", 9.0),
    line("/c/en/dog", "/c/de/car", 9.0),
    line("/c/en/dogs", "/c/en/car", 9.0),
    line("/c/en/hot", "/c/en/ice", 1.0),
]
EDGES = {  # hot dog: dog as for the label dog, hot nothing
    ("dog", "Car"): 2.5,
    ("traffic light", "Car"): (3.0 + 1.0) / 2,
    ("tvmonitor", "t-shirt"): 0.25,
    ("Car", "hot dog"): 2.5 / 2,
}
HOSTILE = [
    b"",
    b"no tab at all",
    b"\xff\xfe\t\xff\t\xff\t\xff",
    b"\t".join([b"a", b"r", b"/c/en/dog", b"/c/en/car", b"{not json"]),
    b"\t".join([b"a", b"r", b"/c/en/dog", b"/c/en/car", b"[1]"]),
    b"\t".join([b"a", b"r", b"/c/en/dog", b"/c/en/car", b'{"weight": "1"}']),
    b"\t".join([b"a", b"r", b"/c/en/dog", b"/c/en/car", b"{}"]),
    b"\t".join([b"a", b"r", b"/c/en/dog", b"/c/en/car", b"\xff"]),
    b"\t".join([b"a", b"r", b"/c/en/dog", b"/c/en/car", b"[" * 100_000]),
    b"\t".join([b"a", b"r", b"/c/en/dog", b"/c/en/car", b'{"weight": ' + b"9" * 5000 + b"}"]),
    *[line("/c/en/dog", "/c/en/car", weight) for weight in (-1.0, 1e300, float("nan"))],
    b"x" * (2 * conceptnet.LONGEST) + b"\t\t/c/en/dog\t/c/en/car\t{}",
    b"a\tr\t/c/en/dog\t/c/en/car\t" + b'{"weight": 5}'.rjust(conceptnet.LONGEST),
]


def write_lines(path, lines):
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for each in lines:
            stream.write(each + b"\n")
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / conceptnet.FILE


def found(path, names=NAMES):
    edges, report = conceptnet.edges(names, path, ALIASES)
    return {(one, other): weight for one, other, weight in edges}, report


def test_weights_are_added_up_and_averaged_over_words(path):
    edges, report = found(write_lines(path, GOOD))
    assert edges == EDGES
    assert (report["lines"], report["unreadable"]) == (len(GOOD), 0)
    assert report["labels"]["hot dog"] == {"words": ["hot", "dog"], "missing": []}
    assert report["labels"]["t-shirt"] == {"words": ["t_shirt"], "missing": []}
    assert report["labels"]["moon"] == {"words": [], "missing": ["moon"]}


def test_the_order_of_labels_changes_no_weight(path):
    edges, _ = found(write_lines(path, GOOD), NAMES[::-1])
    assert edges == {(other, one): weight for (one, other), weight in EDGES.items()}


def test_lines_that_are_no_assertions_are_counted_and_left_out(path):
    mixed = [each for pair in zip(HOSTILE, GOOD, strict=False) for each in pair]
    edges, report = found(write_lines(path, [*mixed, *HOSTILE[len(GOOD) :]]))
    assert edges == EDGES
    assert report["unreadable"] == len(HOSTILE)
    assert report["lines"] == len(HOSTILE) + len(GOOD)


def test_a_file_of_any_size_needs_the_same_memory(path):
    few = [line(f"/c/en/word{n}", f"/c/en/other{n}", 1.0) for n in range(1000)]
    write_lines(path, [*GOOD, b"y" * (16 << 20), *few * 3])
    tracemalloc.start()
    edges, _ = found(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert edges == EDGES
    assert most < 8 << 20  # the long line alone has twice as many bytes


@pytest.mark.parametrize("damage", ["cut", "flipped", "plain"])
def test_a_damaged_file_is_refused(path, damage):
    data = write_lines(path, GOOD).read_bytes()
    flipped = data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]  # the sum of the content
    path.write_bytes({"cut": data[:-20], "flipped": flipped, "plain": b"a\tb"}[damage])
    with pytest.raises(ValueError, match=r"csv.gz is damaged .*; fetch it again"):
        found(path)


@pytest.mark.parametrize("lines", [[], HOSTILE[:3]])
def test_a_file_without_assertions_is_refused(path, lines):
    with pytest.raises(ValueError, match="holds no assertions"):
        found(write_lines(path, lines))


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"csv.gz is missing; `snakemake .*json` fetches"):
        found(path)


def test_the_step_writes_a_table_and_a_report(tmp_path, path, capsys):
    labels, parts = np.zeros((1, len(NAMES)), np.int8), np.array(["test"])
    manifest = tmp_path / "manifest.npz"
    write(Manifest(np.array(["a.jpg"]), parts, NAMES, labels, **no_boxes()), manifest)
    files = {"manifest": manifest, "assertions": write_lines(path, [*GOOD, b"?"])}
    files |= {"output": tmp_path / "edges.csv", "report": tmp_path / "edges.json"}
    given = [f"--{name}={file}" for name, file in files.items()]
    relate_labels.command([*given, f"--aliases={json.dumps(ALIASES)}"])
    rows = list(csv.reader(io.StringIO(files["output"].read_text())))
    assert rows[0] == ["label", "other", "weight"]
    assert {(one, other): float(weight) for one, other, weight in rows[1:]} == EDGES
    report = read_json(files["report"])
    assert report["assertions"] == {"file": path.name, "sha256": sha256(path)}
    said = capsys.readouterr().err
    assert "12 lines, 1 of them no assertion; 4 pairs of labels" in said
    assert "ConceptNet lacks: moon" in said


def test_aliases_must_be_words(capsys):
    names = ("manifest", "assertions", "output", "report")
    for wrong in ("{", "[]", '{"a": 1}'):
        with pytest.raises(SystemExit):
            relate_labels.command([*[f"--{name}=x" for name in names], f"--aliases={wrong}"])
        assert "--aliases: invalid" in capsys.readouterr().err
