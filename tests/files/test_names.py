"""Unusual and hostile names of labels, parts, images and folders."""

import contextlib
import csv
import json
import re

import numpy as np
import pytest
import yaml
from conftest import ROOT
from run_cases import picture
from small_study import check, run

from labelgraph.__main__ import main
from labelgraph.files import names
from labelgraph.files.small import read_json
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.manifest import finding
from labelgraph.manifest.manifest import Manifest, no_boxes
from labelgraph.own.datacheck import guessing
from labelgraph.steps import list_folder
from labelgraph.study.config import read_study

ODD = (  # allowed in a name
    *("two words", "it's", 'a "quote"', "$(id>PWNED)", "`id`", "x; id", "{input}", "100 %", "-rf"),
    *(
        "..",
        "a|b&c",
        "<script>alert(1)</script>",
        "שלום",
        "العربية",
        "🐈",
        "👨‍👩‍👧",
        "é",
        "日本\u3000語",
    ),
    *("null", "007", "~", "*", "?", "[a]", "#", "a: b", "\\n", "!", "C:\\x", "x\xa0y", "%s", "$$"),
)
BROKEN = {  # refused
    "a line end": "cat\ndog",
    "NUL": "cat\0",
    "an escape sequence": "\x1b[31mcat",
    "a C1 control": "c\x9b1mt",
    "a change of direction": "cat\u202etac",
}
PARTS = ("train $(id>PWNED)", "test; `id` 'x' {y} שלום 🐈")


@pytest.fixture(autouse=True)
def nothing_ran(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    yield
    assert not [*tmp_path.rglob("PWNED*")] and not [*ROOT.glob("PWNED*")]


def in_table(folder, labels=ODD, parts=PARTS, count=2):
    """Every label on `count` images of each part; the files are named after their label."""
    folder.mkdir(parents=True)
    rows = []
    for number, label in enumerate(labels):
        for copy in range(count * len(parts)):
            name = f"{label.replace('/', '')} {copy}.png"
            picture(100 * number + copy, (60, 50)).save(folder / name)
            rows.append([name, label, parts[copy % len(parts)]])
    write_csv(folder / "labels.csv", ["image", "labels", "split"], rows)
    return folder


def write_csv(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def in_folders(folder, labels=ODD, parts=PARTS):
    for number, label in enumerate(labels):
        for side, part in enumerate(parts):
            place = folder / part / label
            place.mkdir(parents=True)
            for copy in range(3):
                name = f"{label[::-1]} {side}{copy}.png"
                picture(100 * number + 10 * side + copy, (60, 50)).save(place / name)
    return folder


@pytest.mark.parametrize("make", [in_table, in_folders])
def test_odd_names_pass_the_check_and_keep_their_spelling(make, tmp_path, capsys):
    wanted = [label for label in ODD if not {*label} & {*(";|/" if make is in_table else "/.")}]
    folder = make(tmp_path / "it's $(id>PWNED) {x} 🐈", wanted)
    code, found, text = check(folder, tmp_path / "x.yaml", capsys)
    assert code == 0, text
    assert {*found["labels"]} == {*wanted}
    with_parts = yaml.safe_load((tmp_path / "x.yaml").read_text())
    (entry,) = with_parts["datasets"].values()
    assert entry["folder"] == str(folder)
    book = read_study(ROOT / "workflow/config", with_parts)
    (read,) = (book.dataset(name) for name in with_parts["datasets"])
    assert [*read.parts.lines().values()] == [*PARTS]
    assert all(names.shown(label)[:28] in text for label in wanted)


def test_odd_names_are_trained_predicted_and_scored(tmp_path, capsys):
    few = [label for label in ODD if not {*label} & {*";|/"}][:12]
    folder = in_table(tmp_path / "it's $(id>PWNED)", few, count=3)
    assert check(folder, tmp_path / "x.yaml", capsys)[0] == 0
    made = run(tmp_path / "x.yaml", tmp_path / "made")
    assert made["scores"]["labels"] == sorted(few)


@pytest.mark.parametrize("name", BROKEN.values(), ids=[*BROKEN])
class TestControlCharacters:
    def refused(self, capsys, folder, where):
        """Checks for one sentence that names file and row, without control characters."""
        entry = {"folder": str(folder), **self.entry}
        config = folder.parent / "x.yaml"
        config.write_text(yaml.safe_dump({"study": "own", "datasets": {"x": entry}}))
        assert main(["check-data", str(config)]) == 1
        out = capsys.readouterr().out
        (line,) = [line for line in out.split("\n") if line.startswith("PROBLEM: ")]
        assert where in line and "cannot be written as text: it has control characters" in line
        assert not names.REFUSED.search(out.replace("\n", ""))

    def table(self, folder, rows, **options):
        folder.mkdir()
        write_csv(folder / "t.csv", ["image", "labels", "part"], rows)
        self.entry = {"reader": "table", "options": {"file": "t.csv", **options}}

    @pytest.mark.parametrize("column", ["image", "labels", "part"])
    def test_in_tables(self, name, column, tmp_path, capsys):
        row = {"image": "b.png", "labels": "cat", "part": "train"} | {column: name + "."}
        self.table(tmp_path / "d", [["a.png", "cat", "train"], [*row.values()]], part="part")
        if "\0" in name:  # the csv reader refuses the whole file
            assert column and re.search("NUL|cannot be read", self.message(tmp_path / "d"))
            return
        self.refused(capsys, tmp_path / "d", "t.csv, row 2")

    def message(self, folder):
        with pytest.raises(ValueError) as error:
            guessing.table(folder)
        return str(error.value)

    def test_as_json(self, name, tmp_path, capsys):
        (tmp_path / f"d{name}".replace("\0", "")).mkdir()
        entry = {"folder": str(*tmp_path.iterdir()), "reader": "folders"}
        (tmp_path / "x.yaml").write_text(json.dumps({"datasets": {"x": entry}, "study": "own"}))
        assert main(["check-data", str(tmp_path / "x.yaml"), "--json"]) == 1
        out = capsys.readouterr().out
        assert json.loads(out)[0]["folder"] == entry["folder"]
        assert not names.REFUSED.search(out.replace("\n", ""))

    def test_in_headers(self, name, tmp_path, capsys):
        (tmp_path / "d").mkdir()
        write_csv(tmp_path / "d" / "t.csv", ["image", "a" + name + "a"], [["a.png", "1"]])
        self.entry = {"reader": "table", "options": {"file": "t.csv", "labels": None}}
        if "\0" not in name:
            self.refused(capsys, tmp_path / "d", "t.csv, the header: label ")

    @pytest.mark.parametrize("kind", ["image", "label"])
    def test_in_coco(self, name, kind, tmp_path, capsys):
        (tmp_path / "d").mkdir()
        content = {
            "images": [{"id": 1, "file_name": name if kind == "image" else "a.png"}],
            "categories": [{"id": 1, "name": name if kind == "label" else "cat"}],
            "annotations": [],
        }
        (tmp_path / "d" / "c.json").write_text(json.dumps(content))
        self.entry = {"reader": "coco_json", "options": {"annotations": "c.json", "images": ""}}
        what = "image 1" if kind == "image" else "category 1"
        self.refused(capsys, tmp_path / "d", f"c.json, {what}: {kind} ")

    def test_in_folders(self, name, tmp_path, capsys):
        if "\0" in name:
            return  # no file system has it
        self.entry = {"reader": "folders"}
        (tmp_path / "d" / name).mkdir(parents=True)
        picture(1).save(tmp_path / "d" / name / "1.png")
        self.refused(capsys, tmp_path / "d", "/d/")
        (tmp_path / "d" / name).rename(tmp_path / "d" / "cat")
        (tmp_path / "d" / "cat" / "1.png").rename(tmp_path / "d" / "cat" / f"{name}.png")
        self.refused(capsys, tmp_path / "d", "/d/cat: image ")

    def test_in_any_manifest(self, name):
        for field, value in (("images", name), ("parts", name), ("names", name)):
            sound = {"images": "a.png", "parts": "train", "names": "cat"} | {field: value}
            if value.endswith("\0") and field != "names":
                continue  # an array of texts has none at an end
            with pytest.raises(ValueError, match="cannot be written as text"):
                Manifest(
                    np.array([sound["images"]]), np.array([sound["parts"]]), (sound["names"],),
                    np.ones((1, 1), np.int8), **no_boxes(),
                )  # fmt: skip


def test_file_names_that_are_not_utf8(tmp_path, capsys):
    name = b"c\xfft".decode(errors="surrogateescape")
    try:
        (tmp_path / "d" / name).mkdir(parents=True)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 names only")
    picture(1).save(tmp_path / "d" / name / "1.png")
    assert main(["check-data", str(tmp_path / "d")]) == 1
    assert "label 'c\\udcfft' cannot be written as text" in capsys.readouterr().out
    (tmp_path / "d" / name / "1.png").rename(tmp_path / "d" / "1.png")
    (tmp_path / "d").rename(tmp_path / name)
    code = main(["check-data", str(tmp_path / name), "--write", str(tmp_path / "x.yaml")])
    assert code == 2 and not (tmp_path / "x.yaml").exists()
    assert "is not UTF-8 text; rename the folder" in capsys.readouterr().err


def test_in_voc(tmp_path, capsys):
    place = tmp_path / "d" / "Annotations"
    place.mkdir(parents=True)
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    for label, message in (
        ("\u202ecat", "object 1: label "),
        ("", "object 1: label '' is blank"),
    ):
        (place / "1.xml").write_text(f"<a><object><name>{label}</name>{box}</object></a>")
        assert main(["check-data", str(tmp_path / "d")]) == 1
        assert f"1.xml, {message}" in capsys.readouterr().out
    (place / "1.xml").rename(place / "1\u202e.xml")
    assert main(["check-data", str(tmp_path / "d")]) == 1
    assert "image '1\\u202e' cannot be written as text" in capsys.readouterr().out


def test_control_characters_in_folder_names_are_escaped(tmp_path, capsys):
    folder = tmp_path / "a\x1b[31m\nb"
    folder.mkdir()
    assert main(["check-data", str(folder)]) == 2
    err = capsys.readouterr().err
    assert "\\u001b[31m" in err and "\x1b" not in err
    in_folders(folder / "c", ["cat", "dog"], ["train", "test"])
    assert main(["check-data", str(folder / "c"), "--write", str(tmp_path / "x.yaml")]) == 0
    out = capsys.readouterr().out
    assert "\\u001b[31m\\u000ab/c\n" in out and "\x1b" not in out
    (entry,) = yaml.safe_load((tmp_path / "x.yaml").read_text())["datasets"].values()
    assert entry["folder"] == str(folder / "c")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("a\nb.yaml", "file 'a\\nb.yaml' cannot be written"),
        ("x.txt", "must have a name that ends in .yaml"),
    ],
)
def test_names_of_files_to_write(file, message, tmp_path, capsys):
    in_folders(tmp_path / "d", ["cat", "dog"], ["train", "test"])
    with contextlib.chdir(ROOT):
        assert main(["check-data", str(tmp_path / "d"), "--write", file]) == 2
    assert message in capsys.readouterr().err and not (ROOT / file).exists()


LEAVING = ("../out.png", "/etc/hostname", "a/../../out.png", "images/../../x/out.png", "..")


@pytest.mark.parametrize("name", LEAVING)
@pytest.mark.parametrize("reader", ["table", "coco_json", "voc_folders"])
def test_pictures_outside_of_the_folder_are_refused_unless_allowed(reader, name, tmp_path):
    root = tmp_path / "d"
    (root / "images").mkdir(parents=True)
    stands = read_yaml(ROOT / "workflow/config/own_data.yaml")["options"][reader]
    options = stands | {"outside": False}
    if reader == "table":
        write_csv(root / "t.csv", ["image", "labels"], [["a.png", "cat"], [name, "cat"]])
        options |= {"file": "t.csv"}
        where = f"{root}/t.csv, row 2: {name!r} leads out of the dataset's folder"
    elif reader == "coco_json":
        images = [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": name}]
        categories, items = [{"id": 1, "name": "cat"}], [(1, 1), (2, 1)]
        keys = ("image_id", "category_id")
        items = [{"id": n, **dict(zip(keys, pair, strict=True))} for n, pair in enumerate(items)]
        content = {"images": images, "categories": categories, "annotations": items}
        (root / "c.json").write_text(json.dumps(content))
        options |= {"annotations": "c.json", "images": "", "boxes": False}
        where = f"{root}/c.json, image 2: {name!r} leads out of the dataset's folder"
    else:
        lists = root / "ImageSets" / "Main"
        lists.mkdir(parents=True)
        for part, image in (("trainval", "a"), ("test", f"../../{name}")):
            (lists / f"{part}.txt").write_text(f"{image}\n")
            (lists / f"cat_{part}.txt").write_text(f"{image} 1\n")
        options |= {"boxes": False, "ending": ""}
        where = f"{lists}/test.txt, line 1: '../../{name}' leads out of the dataset's folder"
    with pytest.raises(ValueError, match=re.escape(where)):
        finding.read(reader, root, **options)
    found = finding.read(reader, root, **options | {"outside": True})
    assert any(image.endswith(name) for image in found.images.tolist())


def test_a_path_that_goes_up_and_stays_inside_is_accepted(tmp_path):
    write_csv(tmp_path / "t.csv", ["image", "labels"], [["../b/a.png", "cat"], ["a.png", "cat"]])
    stands = read_yaml(ROOT / "workflow/config/own_data.yaml")["options"]["table"]
    found = finding.read("table", tmp_path, **stands | {"file": "t.csv", "images": "c/d"})
    assert found.images.tolist() == ["c/d/../b/a.png", "c/d/a.png"]


def test_text_that_looks_like_a_number_stays_text(tmp_path):
    """In a file for --configfile, and in the one that check-data writes."""
    entry = {"folder": str(tmp_path), "reader": "table", "parts": {"train": "007", "report": "1e5"}}
    options = {"file": "2024", "labels": ["1", "null"], "part": "3", "image": "0x1"}
    lines = {"datasets": {"x": entry | {"options": options, "tune": "0.3", "aliases": {"1": "2"}}}}
    found = read_study(ROOT / "workflow/config", {"study": "own", **lines}).dataset("x")
    assert found.parts.lines() == entry["parts"] and found.tune == 0.3
    assert found.options | options == found.options and found.aliases == {"1": "2"}


def test_a_file_name_that_is_not_utf8_is_ignored(tmp_path, capsys):
    folder = in_folders(tmp_path / "d", ["cat", "dog"], ["train", "test"])
    try:
        (folder / b"n\xff\nt.txt".decode(errors="surrogateescape")).write_bytes(b"")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 names only")
    code, _, text = check(folder, tmp_path / "x.yaml", capsys)
    assert code == 0 and "1 other file is ignored: n\\udcff\\u000at.txt" in text
    list_folder.main(folder, "x", tmp_path / "raw" / "d.json")
    assert read_json(tmp_path / "raw" / "d.json")["listing"]["n\\udcff\\u000at.txt"] == 0


def test_a_folder_name_becomes_the_dataset_name(tmp_path, capsys):
    for name in ("x" * 200, "1", "voc2007", "$(id>PWNED)", "..x", "🐈"):
        folder = in_folders(tmp_path / name, ["cat", "dog"], ["train", "test"])
        assert check(folder, tmp_path / f"{name[:9]}.yaml", capsys)[0] == 0


def test_wrong_settings_in_a_dataset_file_are_named(tmp_path, capsys):
    folder = in_folders(tmp_path / "d", ["cat", "dog"], ["train", "test"])
    check(folder, tmp_path / "x.yaml", capsys)
    lines = (tmp_path / "x.yaml").read_text()
    (tmp_path / "y.yaml").write_text(f"{lines}train: {{epochs: 0}}\n")
    assert main(["check-data", str(tmp_path / "y.yaml")]) == 2
    assert "train.epochs is 0; expected a whole number from 1" in capsys.readouterr().err


def test_which_characters_are_refused():
    refused = "\0\n\r\t\x1b\x7f\x85\x9f\u2028\u2029\u202a\u202e\u2066\u2069\ud800\udfff"
    for letter in refused:
        assert names.wrong("label", f"a{letter}b") and names.wrong("part", f"a{letter}b")
        assert letter not in names.shown(f"a{letter}b")
    for letter in " ~\xa0é\u200d\u3000\ue000🐈":
        assert not names.wrong("label", f"a{letter}b") and letter in names.shown(f"a{letter}b")
    assert names.wrong("label", " ") and names.wrong("image", "") and not names.wrong("part", "")
