"""Edge cases of the dataset readers: the last image, the second entry, the odd option."""

import json

import numpy as np
import pytest
from dataset_cases import SAMPLES, change, published, read

from labelgraph.manifest import finding
from labelgraph.manifest.readers import (
    _parts,
    _published,
    _reading,
    coco_json,
    folders,
    nuswide,
    table,
)
from labelgraph.manifest.readers import visual_genome as genome
from labelgraph.manifest.readers import voc_folders as voc


def refused(message, call, *arguments, **more):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        call(*arguments, **more)


# ---- shared helpers


def test_readers_are_listed_in_order_and_name_their_options():
    assert finding.available() == sorted(finding.available())
    refused(r"voc2007 takes the options \['boxes'\], not \[\]", finding.read, "voc2007", SAMPLES)


def test_a_repeated_line_is_named_with_both_places():
    assert _reading.positions(["a", "b"], "f, line") == {"a": 0, "b": 1}
    refused(
        "f, line 3: 'a' is listed a second time, first at 1; expected once",
        *(_reading.positions, ["a", "b", "a"], "f, line"),
    )


def test_the_first_box_that_is_not_four_finite_numbers_is_named():
    boxes = [[1, 2, 3, 4], [1, np.nan, 3, 4], [np.inf] * 4]
    refused(
        r"f, box 2: box \[1.0, nan, 3.0, 4.0\] is not finite", _reading.as_boxes, boxes, "f, box"
    )
    refused(
        r"f, box 2: box \[1, 2\] is not four numbers",
        _reading.as_boxes,
        [[1] * 4, [1, 2]],
        "f, box",
    )
    refused("f, box 1: box 'abcd' is not", _reading.as_boxes, ["abcd"], "f, box")
    refused(
        r"f, box 2: box \[1.0, 2.0, 3.0, inf\] is not finite",
        _reading.as_boxes,
        [[1] * 4, [1, 2, 3, 1e39]],
        "f, box",
    )
    assert _reading.as_boxes([(1, 2, 3, 4)], "f").tolist() == [[1, 2, 3, 4]]
    assert _reading.as_boxes([], "f").shape == (0, 4)


def test_a_missing_entry_is_counted_from_one():
    assert _reading.pick([{"a": 1, "b": 2}], ["a", "b"], "f, entry") == [(1, 2)]
    refused(
        r"f, entry 2: expected an entry with \['a', 'b'\]",
        *(_reading.pick, [{"a": 1, "b": 2}, {"a": 1}], ["a", "b"], "f, entry"),
    )


@pytest.mark.parametrize(("value", "kinds"), [(True, (int, str)), ("", str), (3, str), (None, str)])
def test_the_values_of_a_key_are_checked(value, kinds):
    _reading.check_column(["x"], kinds, "f: id")
    refused(
        "f: id of entry 2 is .*; expected (text|a whole number or text)",
        _reading.check_column,
        ["x", value],
        kinds,
        "f: id",
    )


def test_the_collector_runs_again_if_it_ran_before():
    import gc

    for running in (False, True):
        gc.enable() if running else gc.disable()
        with _reading.collector_paused():
            assert not gc.isenabled()
        assert gc.isenabled() == running


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 1, True])
def test_a_share_of_nothing_or_all_is_refused(share):
    refused("option draw is", _parts.check, {"share": share, "seed": 0})
    _parts.check({"share": 0.001, "seed": 0})


def test_parts_are_drawn_by_hand():
    """A half: of each label's two images one goes to each side; the rarest label goes first."""
    shown = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 0], [0, 0]], bool)
    for seed in range(6):
        test = _parts.drawn(shown, {"share": 0.5, "seed": seed}, None) == "test"
        assert [test[pair].sum() for pair in (slice(0, 2), slice(2, 4), slice(4, 6))] == [1, 1, 1]
    none = _parts.drawn(np.zeros((4, 1), bool), {"share": 0.25, "seed": 3}, None)
    assert sorted(none) == ["test", "train", "train", "train"]
    # of one image, one part would have none
    refused(
        "cannot be drawn from 1 images",
        _parts.drawn,
        np.ones((1, 1), bool),
        {"share": 0.5, "seed": 0},
        None,
    )


# ---- published lists


PATHS = {1: "VG_100K/1.jpg", 2: "VG_100K/2.jpg", 3: "VG_100K/3.jpg"}


def test_published_parts_names_and_numbers(tmp_path):
    (tmp_path / "list").write_text("3.jpg\n1.jpg\n")
    found = _published.read_parts({"train": tmp_path / "list"}, PATHS)
    assert [*found.items()] == [(3, "train"), (1, "train"), (2, "unused")]
    (tmp_path / "names").write_text("Man\ntree\nMAN\n")
    refused("names, line 3: 'man' is listed a second", _published.read_names, tmp_path / "names", 2)
    (tmp_path / "names").write_text("Man\ntree\n")
    assert _published.read_names(tmp_path / "names", 2) == ["man", "tree"]
    refused("names has 2 names; option labels is 3", _published.read_names, tmp_path / "names", 3)
    assert _published.read_names(None, 2) == ["vg_000", "vg_001"]


def test_a_published_index_has_a_number_for_each_label(tmp_path):
    path, parts = tmp_path / "index.json", {1: "train", 2: "unused", 3: "test"}
    path.write_text('{"1.jpg": [0, 4], "3.jpg": []}')
    assert _published.read_index(path, parts, 5).tolist() == [[1, 0, 0, 0, 1], [0] * 5, [0] * 5]
    assert _published.read_index(path, parts, 2).tolist() == [[1, 0], [0, 0], [0, 0]]
    refused("numbers 5 labels; option labels is 6", _published.read_index, path, parts, 6)
    path.write_text('{"1.jpg": [0], "3.jpg": 4}')
    refused(
        "entry '3.jpg': 4; expected label numbers from 0", _published.read_index, path, parts, 1
    )
    path.write_text("[]")
    refused("found list, expected image: label numbers", _published.read_index, path, parts, 1)
    path.write_text('{"1.jpg": [0]}')
    refused(r"no entry for image 3 \(1 missing\)", _published.read_index, path, parts, 1)


# ---- COCO


def coco(folder, pictures=(), items=(), boxes=True, **options):
    """Read from a file with these images and annotations, of two categories."""
    categories = [{"id": 7, "name": "dog"}, {"id": 9, "name": "cat"}]
    content = {"images": [*pictures], "annotations": [*items], "categories": categories}
    (folder / "a.json").write_text(json.dumps(content))
    standing = {"images": "", "draw": {"share": 0.5, "seed": 0}, "crowd": "keep", "order": "id"}
    standing |= {"annotations": "a.json", "empty_images": "keep", "boxes": boxes, "outside": False}
    return coco_json.read(folder, **standing | options)


IMAGES = [{"id": number, "file_name": f"{number}.jpg"} for number in (5, 6, 8)]


def item(number, image, category=7, **more):
    return {"id": number, "image_id": image, "category_id": category, "bbox": [1, 2, 3, 4], **more}


def test_coco_without_boxes_and_without_crowds(tmp_path):
    items = [item(1, 6), item(2, 8, 9, iscrowd=1), item(3, 8, 7, iscrowd=0)]
    found = coco(tmp_path, IMAGES, items, empty_images="drop")
    assert found.images.tolist() == ["6.jpg", "8.jpg"] and found.names == ("dog", "cat")
    assert found.labels.tolist() == [[1, 0], [1, 1]]
    assert found.box_image.tolist() == [0, 1, 1] and found.box_label.tolist() == [0, 1, 0]
    few = coco(tmp_path, IMAGES, items, crowd="drop", order="alphabetical")
    assert few.names == ("cat", "dog") and few.labels.tolist() == [[0, 0], [0, 1], [0, 1]]
    assert few.box_image.tolist() == [1, 2]
    for each in items:
        del each["bbox"]
    assert len(coco(tmp_path, IMAGES, items, boxes=False).boxes) == 0
    refused("annotation 1: expected an entry with", coco, tmp_path, IMAGES, items)


def test_coco_joins_its_parts(tmp_path):
    coco(tmp_path, IMAGES[:2], [item(1, 6)])
    (tmp_path / "a.json").rename(tmp_path / "b.json")
    files = {"x": "b.json", "y": "a.json"}
    found = coco(
        tmp_path, IMAGES[2:], [item(1, 8, 9)], annotations=files, draw=None, images="{part}/p"
    )
    assert found.images.tolist() == ["x/p/5.jpg", "x/p/6.jpg", "y/p/8.jpg"]
    assert found.parts.tolist() == ["x", "x", "y"] and found.box_image.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("images", "items", "options", "message"),
    [
        (IMAGES, [item(1, 6), item(1, 8)], {}, "annotation 2: 1 is listed a second"),
        (IMAGES + [{"id": 9, "file_name": "5.jpg"}], [], {}, "image 4: '5.jpg' is listed"),
        (IMAGES + [{"id": 5, "file_name": "9.jpg"}], [], {}, "image 4: 5 is listed"),
        (IMAGES + [{"id": None, "file_name": "9.jpg"}], [], {}, "image: id of entry 4 is 'None'"),
        (IMAGES, [item(None, 5)], {}, "annotation: id of entry 1"),
        (IMAGES, [item(1, None)], {}, "annotation: image_id of entry 1"),
        (IMAGES, [item(1, 5, None)], {}, "annotation: category_id of entry 1"),
        (IMAGES, [item(1, 7)], {}, r"annotation 1 \(id 1\): image 7 is not in the file"),
        (IMAGES, [item(1, 5, 8)], {}, r"annotation 1 \(id 1\): category 8 is not in the file"),
        (IMAGES, [item(1, 5, bbox=[1, 2, 3])], {}, r"annotation 1: box \[1, 2, 3\] is not four"),
        ([], [], {"crowd": "some"}, "option crowd is 'some'"),
        ([], [], {"empty_images": "some"}, "option empty_images is 'some'"),
        ([], [], {"boxes": "some"}, "option boxes is 'some'"),
        ([], [], {"order": "some"}, "option order is 'some'"),
        ([], [], {"draw": None}, "option draw is None; set it with one file of annotations"),
        ([], [], {"annotations": {"x": "a.json"}}, "option draw is {.*, not with several"),
    ],
)
def test_the_mistake_in_a_coco_file_is_located(tmp_path, images, items, options, message):
    refused(message, coco, tmp_path, images, items, **options)


# ---- folders


def test_folders_of_labels_by_hand(tmp_path):
    for name in (
        "b/1.jpg",
        "a/1.jpg",
        "a/deep/2.PNG",
        "none/3.jpg",
        "a/.hidden.jpg",
        "a/x.txt",
        ".h/4.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name[-5:])
    found = folders.read(tmp_path, parts=None, draw={"share": 0.5, "seed": 0}, none="none")
    assert found.images.tolist() == ["a/1.jpg", "a/deep/2.PNG", "none/3.jpg"]
    assert found.names == ("a", "b")
    assert found.labels.tolist() == [[1, 1], [1, 0], [0, 0]]
    (tmp_path / "b/1.jpg").write_text("another")
    found = folders.read(tmp_path, parts=None, draw={"share": 0.5, "seed": 0}, none=None)
    assert found.images.tolist() == ["a/1.jpg", "b/1.jpg", "a/deep/2.PNG", "none/3.jpg"]
    assert found.names == ("a", "b", "none")
    (tmp_path / "5.jpg").touch()
    refused("5.jpg is not in a label's folder; move it into one", folders.files, tmp_path)


def test_folders_need_parts_or_a_draw_and_something_in_them(tmp_path):
    draw = {"share": 0.5, "seed": 0}
    for parts, drawn in ((None, None), (["a"], draw)):
        refused(
            "set one of the options parts and draw",
            folders.read,
            tmp_path,
            parts=parts,
            draw=drawn,
            none=None,
        )
    refused("has no folder with images", folders.read, tmp_path, parts=None, draw=draw, none=None)
    refused(
        "is missing; option parts names", folders.read, tmp_path, parts=["a"], draw=None, none=None
    )


# ---- tables


def test_cells_of_a_table_are_strings_without_blanks(tmp_path):
    (tmp_path / "t.csv").write_text("image,labels, 3 \na , x;y ,\nNA,,nan\n")
    rows = table.read_rows(tmp_path / "t.csv")
    assert rows.columns.tolist() == ["image", "labels", " 3 "]
    assert rows.to_numpy().tolist() == [["a", "x;y", ""], ["NA", "", "nan"]]
    (tmp_path / "t.tsv").write_text("a,b\tc\n1,2\t3\n")
    assert table.read_rows(tmp_path / "t.tsv").to_numpy().tolist() == [["1,2", "3"]]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("t.csv", "a,b,a\n1,2,3\n", "two columns are called 'a'; rename one of them"),
        ("t.tsv", "a\tb\ta\n1\t2\t3\n", "two columns are called 'a'; rename one of them"),
        ("t.csv", "a,b\n", "has no rows below its header"),
        ("t.csv", "a,b\n1,2\n3,x\0y\n", "row 2: a NUL character"),
        ("u.csv", "a\n", "u.csv is missing"),
    ],
)
def test_the_mistake_in_a_table_file_is_located(tmp_path, file, text, message):
    if file != "u.csv":
        (tmp_path / file).write_text(text)
    refused(message, table.read_rows, tmp_path / file)


def test_empty_cells_of_other_kinds_are_empty_strings(tmp_path, monkeypatch):
    import pandas as pd

    rows = pd.DataFrame({"image": ["a", "b"], "x": [None, float("nan")], 3: [1, 0]}, dtype=object)
    monkeypatch.setattr(pd, "read_parquet", lambda path: rows)
    (tmp_path / "t.parquet").touch()
    found = table.read_rows(tmp_path / "t.parquet")
    assert found.columns.tolist() == ["image", "x", "3"]
    assert found.to_numpy().tolist() == [["a", "", "1"], ["b", "", "0"]]


CODED = "image,cat,dog,who,part\na,1,0,me,x\nb,-1,yes,you,y\n"


def test_columns_of_codes(tmp_path):
    (tmp_path / "t.csv").write_text(CODED)
    given = {"file": "t.csv", "image": "image", "separator": ";", "part": "part", "draw": None}
    given |= {"images": "p", "ending": ".jpg", "group": None, "outside": False}
    found = table.read(tmp_path, labels=["dog", "cat"], **given)
    assert found.names == ("dog", "cat") and found.labels.tolist() == [[0, 1], [1, -1]]
    assert found.images.tolist() == ["p/a.jpg", "p/b.jpg"] and found.parts.tolist() == ["x", "y"]
    found = table.read(tmp_path, labels=None, **given | {"group": "who"})
    assert found.names == ("cat", "dog")
    refused("row 1, column 'who': 'me'", table.read, tmp_path, labels=None, **given)
    for column in ("image", "part", "group", "labels"):
        wrong = given | {"labels": "cat"} | {column: "no"}
        refused("has no column 'no'; it has", table.read, tmp_path, **wrong)
    refused("has no column 'no'", table.read, tmp_path, labels=["cat", "no"], **given)
    refused(
        "set one of the options part and draw",
        table.read,
        tmp_path,
        labels=None,
        **given | {"part": None},
    )


# ---- NUS-WIDE


def test_nuswide_lines(tmp_path):
    (tmp_path / "Labels").write_bytes(b" 1\r\n0\t\r\n1\n\n\n")
    assert nuswide.read_labels(tmp_path / "Labels", 3).tolist() == [1, 0, 1]
    refused("Labels has 3 lines; Imagelist.txt has 4", nuswide.read_labels, tmp_path / "Labels", 4)
    (tmp_path / "list").write_text("a\\1.jpg\nb/2.jpg\n")
    assert nuswide.read_images(tmp_path / "list") == ["a/1.jpg", "b/2.jpg"]
    for line in ("a/b/1.jpg", "a/", "/1.jpg", "1.jpg"):
        (tmp_path / "list").write_text(f"a/1.jpg\n{line}\n")
        refused(r"list, line 2: .*; expected folder\\file", nuswide.read_images, tmp_path / "list")


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ("a/1\na/2\n", "a/2\n", "TestImagelist.txt, line 1: 'a/2' is already in train"),
        ("a/1\n", "a/3\na/4\n", "TestImagelist.txt, line 2: 'a/4' is not in .*Imagelist.txt"),
        ("a/1\n", "a/3\n", "line 2: 'a/2' is in neither TrainImagelist.txt nor TestImagelist.txt"),
    ],
)
def test_nuswide_lists_that_do_not_fit(tmp_path, train, test, message):
    images = ["a/1", "a/2", "a/3"]
    for file, text in (("Train", train), ("Test", test)):
        (tmp_path / f"{file}Imagelist.txt").write_text(text)
    refused(message, nuswide.read_parts, tmp_path / "Imagelist.txt", images)


# ---- Visual Genome


def test_genome_parts_are_drawn_and_leave_one_on_each_side():
    images = [4, 5, 6, 9]
    found = genome.draw_parts(images, 3, 1)
    drawn = {images[place] for place in np.random.RandomState(1).permutation(4)[:3]}
    assert {image for image, part in found.items() if part == "test"} == drawn
    for wrong in (0, 4, -1):
        refused(
            f"option test_images is {wrong}; expected 1 to 3", genome.draw_parts, images, wrong, 1
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": "names.txt", "index": None}, "`names` needs `index`"),
        ({"names": None, "boxes": True}, "with `index` needs `names`"),
        ({"test_images": 2, "seed": 0}, "either `lists` or both"),
        ({"lists": None, "test_images": 2}, "either `lists` or both"),
        ({"lists": None, "seed": 2}, "either `lists` or both"),
        ({"test_images": 2}, "either `lists` or both"),
        ({"seed": 2}, "either `lists` or both"),
    ],
)
def test_genome_options_that_do_not_fit(tmp_path, changes, message):
    import shutil

    root = shutil.copytree(SAMPLES / "visual_genome", tmp_path / "visual_genome")
    given = published(root) | {"names": "names.txt", "boxes": True, "labels": 2} | changes
    refused(message, read, "visual_genome", root, **given)


def test_genome_without_boxes_needs_no_objects(tmp_path):
    import shutil

    root = shutil.copytree(SAMPLES / "visual_genome", tmp_path / "visual_genome")
    given = published(root) | {"names": None, "boxes": False, "labels": 3}
    with_objects = read("visual_genome", root, **given)
    (root / "objects.json").unlink()
    assert (read("visual_genome", root, **given).labels == with_objects.labels).all()


@pytest.mark.parametrize("names", ["man", [1], ["man", 1], None])
def test_genome_names_are_strings(names):
    refused("f: names .*; expected a list of strings", genome.first_name, names, "f")
    assert genome.first_name([" Man ", "boy"], "f") == "man" and genome.first_name([], "f") == ""


def test_genome_labels_are_counted_by_image_then_by_name():
    words = ["b", "a", "c"]
    objects = genome.Objects(
        np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 2, 2]), words, None
    )
    assert genome.most_shown(objects, 3) == ["c", "a", "b"]
    refused("option labels is 0; objects.json has 3", genome.most_shown, objects, 0)
    refused("option labels is 4; objects.json has 3", genome.most_shown, objects, 4)


def test_genome_addresses(tmp_path):
    path = tmp_path / "image_data.json"
    entries = [{"image_id": 1, "url": "http://x/VG_100K/1.jpg"}]
    path.write_text(json.dumps(entries))
    assert genome.read_paths(path) == {1: "VG_100K/1.jpg"}
    path.write_text(json.dumps([*entries, {"image_id": 2, "url": "http://x/VG_100K/1.jpg"}]))
    refused("image_data.json, image 2: url", genome.read_paths, path)


# ---- VOC


def test_voc_labels_of_objects(tmp_path):
    here = SAMPLES / "voc2007/VOCdevkit/VOC2007"
    things = [[("b", False, ()), ("a", True, ())], [("a", False, ()), ("a", True, ())]]
    assert voc.found_names(here, [], things, "objects") == ["a", "b"]
    assert voc.seen(things, ["a", "b"], here).tolist() == [[-1, 1], [1, 0]]
    refused("class 'b' of an object is not one of", voc.seen, things, ["a"], here)
    refused(
        "has no labels: found no objects with one",
        voc.found_names,
        here,
        [],
        [[]],
        "objects",
    )
    refused("found no lists with one", voc.found_names, tmp_path / "a/b", ["x"], [], "lists")


def test_voc_lists(tmp_path):
    for name, text in {
        "x": "1\n2\n3\n",
        "a_x": "1 1\n2 -1\n3 0\n",
        "b_x": "3 1\n1 -1\n2 0\n",
    }.items():
        (tmp_path / f"{name}.txt").write_text(text)
    assert voc.read_part(tmp_path / "x.txt", ["a", "b"]).tolist() == [[1, 0], [0, -1], [-1, 1]]
    assert voc.found_names(tmp_path, ["x"], [], "lists") == ["a", "b"]
    change(tmp_path / "a_x.txt", "2 -1\n", "")
    refused("a_x.txt has no line for image '2' of", voc.read_part, tmp_path / "x.txt", ["a"])
    change(tmp_path / "b_x.txt", "1 -1", "4 -1")
    refused("b_x.txt, line 2: image '4' is not in", voc.read_part, tmp_path / "x.txt", ["b"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": 2}, "option boxes is 2"),
        ({"labels": "files"}, "option labels is 'files'"),
        ({"parts": None}, "the options parts and draw; found neither"),
        ({"draw": {"share": 0.5, "seed": 0}}, "the options parts and draw; found both"),
        ({"parts": None, "draw": {"share": 0.5, "seed": 0}}, "without parts it must be 'objects'"),
    ],
)
def test_voc_options_that_do_not_fit(changes, message):
    given = {"folder": "VOCdevkit/VOC2007", "parts": ["trainval", "test"], "draw": None}
    given |= {"names": None, "labels": "lists", "boxes": False, "ending": ".jpg"}
    given["outside"] = False
    refused(message, voc.read, SAMPLES / "voc2007", **given | changes)
    found = voc.read(SAMPLES / "voc2007", **given)
    assert len(found.boxes) == 0 and (found.labels == read("voc2007").labels).all()


def test_a_box_of_voc_is_counted_from_one(tmp_path):
    box = "".join(
        f"<{edge}>{n}</{edge}>" for edge, n in zip(voc.EDGES, (1, 1, 10, 20), strict=True)
    )
    thing = f"<object><name> cow </name><difficult> 1 </difficult><bndbox>{box}</bndbox></object>"
    (tmp_path / "a.xml").write_text(f"<annotation>{thing}</annotation>")
    assert voc.read_objects(tmp_path / "a.xml") == [("cow", True, (0, 0, 10, 20))]
    change(tmp_path / "a.xml", "<difficult> 1 </difficult>", "")
    assert voc.read_objects(tmp_path / "a.xml")[0][1] is False
