"""What a method may use about the labels: counts of the fit images, word vectors."""

import json
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch

from labelgraph.files.small import (
    read_arrays,
    read_json,
    sha256,
    write_arrays,
)
from labelgraph.inputs import word_vectors
from labelgraph.manifest.manifest import Manifest, no_boxes, write
from labelgraph.parts import labelspace
from labelgraph.split import targets
from labelgraph.steps import count_labels, embed_labels

OPTIONS = {"aliases": {}, "multiword": "mean", "case": "lower", "missing": "refused"}
GLOVE = "cat 1 0\nthe 9 9\ntable 0 -2\ndining 4 0\ncat 7 7\ntv 0.5 1e-1\nhot-dog 3 3\nà 5 5\n"
TRAIN = {
    "names": np.array(["cat", "dining table", "tvmonitor"]),
    "role": np.array([0, 0, 0, 0, 1, 2], np.uint8),
    "labels": np.array(
        [
            [1, 1, 0],
            [1, -1, 0],
            [1, 1, -2],
            [0, -2, -2],
            [1, 1, 1],  # tune
            [1, 1, 1],  # shot
        ],
        np.int8,
    ),
}


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text(GLOVE, encoding="utf-8")
    return path


@pytest.fixture
def inputs(tmp_path, glove):
    """The two files that a label space is read from, made by the two steps."""
    files = {name: tmp_path / f"{name}.npz" for name in ("train", "manifest", "counts", "vectors")}
    write_arrays(files["train"], **TRAIN)
    names = ("tvmonitor", "cat", "dining table")  # another order than the training file's
    labels = np.zeros((1, 3), np.int8)
    images, parts = np.array(["a.jpg"]), np.array(["test"])
    write(Manifest(images, parts, names, labels, **no_boxes()), files["manifest"])
    count_labels.command([f"--train={files['train']}", f"--output={files['counts']}"])
    embed_labels.command(
        [
            f"--manifest={files['manifest']}",
            f"--vectors={glove}",
            f"--options={json.dumps(OPTIONS | {'aliases': {'tvmonitor': 'tv'}})}",
            f"--output={files['vectors']}",
            f"--report={tmp_path / 'vectors.json'}",
        ]
    )
    return files


# ---- counts


def test_counts_by_hand(inputs):
    """Four fit images; difficult and hidden entries and other roles do not count."""
    counts = read_arrays(inputs["counts"])
    assert counts["counts"].tolist() == [[3, 2, 0], [2, 2, 0], [0, 0, 0]]
    assert counts["counts"].dtype == np.int64
    assert counts["positives"].tolist() == [3, 2, 0]
    assert counts["known"].tolist() == [4, 3, 2]
    assert counts["images"] == 4
    assert counts["names"].tolist() == TRAIN["names"].tolist()


def test_large_counts_are_exact():
    labels = np.ones((70_000, 2), np.int8)
    labels[0, 0] = 0
    role = np.zeros(70_000, np.uint8)
    found = targets.count({"names": np.array(["a", "b"]), "role": role, "labels": labels})
    assert found["counts"].tolist() == [[69_999, 69_999], [69_999, 70_000]]


def test_a_label_space_by_hand(inputs):
    space = labelspace.read(inputs["counts"], inputs["vectors"])
    assert space.names == ("cat", "dining table", "tvmonitor")
    assert space.images == 4
    assert space.counts.tolist() == [[3, 2, 0], [2, 2, 0], [0, 0, 0]]
    assert torch.allclose(space.positive_rate, torch.tensor([3 / 4, 2 / 3, 0]))
    assert torch.allclose(space.vectors, torch.tensor([[1, 0], [2, -1], [0.5, 0.1]]))
    assert all(t.dtype == torch.float32 for t in (space.counts, space.positive_rate, space.vectors))


def test_edges_are_looked_up_by_name_and_added_up_in_both_directions(tmp_path, inputs):
    path = tmp_path / "edges.csv"
    lines = ["label,other,weight", "cat,tvmonitor,1.5", "tvmonitor,cat,0.5", "cat,cat,9"]
    path.write_text("\n".join([*lines, "moon,cat,4"]))
    space = labelspace.read(inputs["counts"], inputs["vectors"], path)
    assert space.edges.tolist() == [[0, 0, 2], [0, 0, 0], [2, 0, 0]]
    assert labelspace.read(inputs["counts"], inputs["vectors"]).edges is None


def test_a_label_without_known_entries(tmp_path, inputs):
    hidden = TRAIN | {"labels": np.full((6, 3), -2, np.int8)}
    write_arrays(inputs["train"], **hidden)
    count_labels.main(inputs["train"], inputs["counts"])
    space = labelspace.read(inputs["counts"], inputs["vectors"])
    assert space.positive_rate.tolist() == [0, 0, 0]


def test_labels_without_a_vector_are_named(tmp_path, inputs):
    write_arrays(inputs["vectors"], names=np.array(["cat"]), vectors=np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match="no vector of 'dining table'"):
        labelspace.read(inputs["counts"], inputs["vectors"])
    with pytest.raises(FileNotFoundError, match=r"none.npz is missing"):
        labelspace.read(tmp_path / "none.npz", inputs["vectors"])


def test_the_steps_do_not_import_torch():
    steps = "split, count_labels, embed_labels"
    code = f"import sys; from labelgraph.steps import {steps}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cat", ["cat"]),
        ("dining table", ["dining", "table"]),
        ("Dining_Table", ["dining", "table"]),
        ("t-shirt", ["t", "shirt"]),
        ("hot dog", ["hot-dog"]),
        ("pottedplant", ["potted", "plant"]),
    ],
)
def test_words_of_a_label(name, words):
    aliases = {"hot dog": "hot-dog", "pottedplant": "potted plant"}
    assert word_vectors.split(name, aliases, "lower") == words


def test_case_may_be_kept():
    assert word_vectors.split("Dining Table", {}, "keep") == ["Dining", "Table"]


def test_vectors_are_means_over_words(glove):
    vectors, report = word_vectors.embed(("dining table", "à", "cat"), glove, OPTIONS)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[2, -1], [5, 5], [1, 0]]  # of two lines for cat, the first
    assert report["dining table"] == {"words": ["dining", "table"], "missing": []}


def test_missing_words_are_reported(glove):
    vectors, report = word_vectors.embed(("kitchen table",), glove, OPTIONS)
    assert vectors.tolist() == [[0, -2]]
    assert report["kitchen table"] == {"words": ["table"], "missing": ["kitchen"]}


def test_a_label_without_any_word_is_an_error(glove):
    with pytest.raises(
        ValueError, match=r"label 'tv_monitors_x' .*tv, monitors.*aliases: \{tv_mon"
    ) as e:
        word_vectors.embed(("tv_monitors_x",), glove_without_tv(glove), OPTIONS)
    assert str(glove) in str(e.value)


def glove_without_tv(path):
    path.write_text("cat 1 0\n", encoding="utf-8")
    return path


def test_the_report_says_where_vectors_are_from(inputs, glove, tmp_path):
    report = read_json(tmp_path / "vectors.json")
    assert report["vectors"] == {"file": "glove.txt", "sha256": sha256(glove), "size": 2}
    assert report["options"]["aliases"] == {"tvmonitor": "tv"}
    assert report["labels"]["tvmonitor"] == {"words": ["tv"], "missing": []}


@pytest.mark.parametrize("others", [{}, {"glove.6B.50d.txt": "cat 8\n", "readme.md": "no"}])
def test_a_text_file_inside_a_zip(tmp_path, others):
    path = tmp_path / "glove.6B.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in ({"glove.6B.300d.txt": GLOVE} | others).items():
            archive.writestr(name, text)
    assert word_vectors.embed(("table",), path, OPTIONS)[0].tolist() == [[0, -2]]


def test_zips_that_cannot_be_read(tmp_path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", GLOVE)
        archive.writestr("b.txt", GLOVE)
    with pytest.raises(ValueError, match=r"holds \['a.txt', 'b.txt'\]; expected glove.6B.300d.txt"):
        word_vectors.read_words(path, {"cat"})
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match="is damaged"):
        word_vectors.read_words(path, {"cat"})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dog 1", "line 9: 1 numbers after 'dog', expected 2"),
        ("dog 1 2 3", "line 9: 3 numbers after 'dog', expected 2"),
        ("dog 1 x", "line 9: 'x' is not a number"),
        ("dog nan 1", "line 9: not every number is finite"),
        ("", "line 9: 0 numbers after '', expected 2"),
    ],
)
def test_malformed_lines_are_named(glove, line, message):
    glove.write_text(f"{GLOVE}{line}\nbird 0 0\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        word_vectors.read_words(glove, {"dog", "bird"})


def test_words_with_spaces_are_skipped(glove):
    glove.write_text(f"at name@domain.com 1 1\n{GLOVE}", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        word_vectors.read_words(glove, {"cat"})  # the first line sets how many numbers there are
    glove.write_text(f"{GLOVE}at name@domain.com 1 1\n. . . 2 2\nat 6 6\n", encoding="utf-8")
    assert word_vectors.read_words(glove, {"at"})["at"].tolist() == [6, 6]


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"glove.txt is missing; `snakemake"):
        word_vectors.read_words(tmp_path / "glove.txt", {"cat"})


@pytest.mark.parametrize(
    "options",
    [
        {},
        OPTIONS | {"more": 1},
        OPTIONS | {"multiword": "sum"},
        OPTIONS | {"case": "upper"},
        OPTIONS | {"aliases": {"cat": ["a"]}},
        OPTIONS | {"aliases": {"cat": " "}},
    ],
)
def test_wrong_options(glove, options):
    with pytest.raises(ValueError, match=r"options are|may be|aliases|no word in it"):
        word_vectors.embed(("cat",), glove, options)


def test_options_that_are_not_json():
    names = ("manifest", "vectors", "options", "output", "report")
    with pytest.raises(ValueError, match="--options is not JSON"):
        embed_labels.command([f"--{name}=x" for name in names])


def test_reading_stops_at_the_last_word_that_is_needed(glove):
    glove.write_text(f"{GLOVE}broken\n", encoding="utf-8")
    assert set(word_vectors.read_words(glove, {"cat", "tv"})) == {"cat", "tv"}
    with pytest.raises(ValueError, match="line 9"):
        word_vectors.read_words(glove, {"cat", "yak"})


def test_a_long_file_is_not_held_in_memory(tmp_path):
    numbers = " ".join(["0.12345"] * 300)
    path = tmp_path / "long.txt"
    path.write_text("".join(f"w{row} {numbers}\n" for row in range(8_000)))
    tracemalloc.start()
    try:
        assert len(word_vectors.read_words(path, {"w7999", "yak"})) == 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 19e6 and peak < 4e6
