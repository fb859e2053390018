"""Nothing in a user's data is ignored silently: cells, columns, files, parts, boxes."""

import json
import os
import shutil
import warnings

import numpy as np
import odd_pictures
import pytest
from check_data_cases import checked
from conftest import ROOT
from dataset_cases import SAMPLES
from PIL import Image
from run_cases import picture

from labelgraph.files import images
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.manifest import finding, manifest
from labelgraph.manifest.readers import folders
from labelgraph.own.datacheck import boxes, guessing, pictures


def codes(folder, count=12, **columns):
    """A table beside its pictures; `columns` give the cell of each row."""
    lines = [",".join(["image", *columns])]
    for row in range(count):
        picture(row, (60, 50)).save(folder / f"{row}.png")
        lines.append(",".join([f"{row}.png", *(cell(row) for cell in columns.values())]))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def even(row):
    return str(row % 2)


def odd(row):
    return str(1 - row % 2)


ODD = {  # cells in row 3 of the column cat, or in more rows
    "a question mark": lambda row: "?" if row == 2 else even(row),
    "nothing": lambda row: "" if row == 2 else even(row),
    "a 2": lambda row: "2" if row == 2 else even(row),
    "a word among words": lambda row: "perhaps" if row == 2 else ("yes", "no")[row % 2],
    "a number among truths": lambda row: "1.5" if row == 2 else ("True", "False")[row % 2],
    "mostly question marks": lambda row: "?" if row not in (0, 1) else even(row),
    "mostly nothing": lambda row: "1" if row == 0 else "",
}


@pytest.mark.parametrize("cell", ODD.values(), ids=[*ODD])
def test_an_odd_cell_does_not_remove_a_label(cell, tmp_path, capsys):
    codes(tmp_path, cat=cell, dog=even, bird=odd)
    assert guessing.guess(tmp_path)["options"]["labels"] is None  # all columns are labels
    code, out, _ = checked(capsys, tmp_path)
    row = next(
        row for row in range(12) if cell(row) not in ("0", "1", "yes", "no", "True", "False")
    )
    where = f"labels.csv, row {row + 1}, column 'cat': {cell(row)!r}; expected 1 yes, 0 no or -1"
    assert code == 1 and f"PROBLEM: {tmp_path}/{where}" in out and "No problem" not in out


def test_how_many_more_cells_are_odd(tmp_path, capsys):
    codes(tmp_path, cat=lambda row: "?" if row < 4 else even(row), dog=even)
    assert (
        ", and 3 more cells are wrong. If the column is not a label" in checked(capsys, tmp_path)[1]
    )


SAME = ("1.0", "True", "yes", "YES", "1"), ("0.0", "False", "no", "0", "FALSE")


def test_yes_and_no_in_many_spellings(tmp_path, capsys):
    spelled = lambda row: SAME[row % 2][row % 5]  # noqa: E731
    codes(tmp_path, count=20, cat=spelled, dog=odd)
    found = json.loads(checked(capsys, tmp_path, "--json")[1])[0]
    assert sum(found["labels"]["cat"].values()) == 10


def test_ignored_columns_are_named(tmp_path, capsys):
    columns = {"id": str, "cat": even, "side": lambda row: str(300 + row % 2), "dog": odd}
    columns |= {"remark": lambda row: "blurred" if row == 4 else ""}
    codes(tmp_path, count=24, **columns)
    code, out, _ = checked(capsys, tmp_path)
    assert code == 0 and guessing.guess(tmp_path)["options"]["labels"] == ["cat", "dog"]
    assert (
        "3 columns of the table do not look like labels and are ignored: id ('0'), side ('300')"
        in out
    )


def test_a_column_of_names_comes_before_columns_of_codes(tmp_path, capsys):
    names = lambda row: ("cat", "dog;cat")[row % 2]  # noqa: E731
    codes(tmp_path, count=24, seen=even, photographer=lambda row: f"p{row % 3}", labels=names)
    options = guessing.guess(tmp_path)["options"]
    assert (options["labels"], options["separator"]) == ("labels", ";")
    assert (
        "do not look like labels and are ignored: seen ('0'), photographer ('p0')"
        in checked(capsys, tmp_path)[1]
    )
    codes(tmp_path, count=24, label=lambda row: str(row % 3))  # numbers of classes
    assert guessing.guess(tmp_path)["options"]["labels"] == "label"


def test_without_labels_a_table_is_refused(tmp_path, capsys):
    codes(tmp_path, side=lambda row: str(300 + row % 2))
    code, _, err = checked(capsys, tmp_path)
    assert code == 2 and "labels.csv has no column of labels, only ['side']" in err


def test_a_table_with_a_missing_picture_is_still_a_table(tmp_path, capsys):
    codes(tmp_path, cat=even, dog=odd)
    (tmp_path / "1.png").unlink()
    code, out, _ = checked(capsys, tmp_path)
    assert code == 1 and f"1 image cannot be used: {tmp_path}/1.png is missing" in out


def test_a_row_with_a_cell_too_many_is_refused(tmp_path, capsys):
    """Pandas would take the first column for row numbers, and every cell for the next column's."""
    codes(tmp_path, cat=even, dog=lambda row: odd(row) + ",")
    code, _, err = checked(capsys, tmp_path)
    assert code == 2 and "labels.csv cannot be read as a table: row 1 has 4 cells, and the" in err


def test_an_image_of_two_parts_is_refused(tmp_path):
    text = "image,labels,part\na.jpg,cat,train\na.jpg,dog,test\n"
    (tmp_path / "labels.csv").write_text(text)
    standing = read_yaml(ROOT / "workflow/config/own_data.yaml")["options"]["table"]
    options = standing | {"file": "labels.csv", "part": "part", "draw": None}
    with pytest.raises(ValueError, match=r"row 2: 'a.jpg' is in part 'test' here and in 'train'"):
        finding.read("table", tmp_path, **options)


def test_ignored_files_are_named(tmp_path, capsys):
    for number, name in enumerate(
        ["cat/1.png", "cat/2.png", "cat/3.png", "dog/4.png", "dog/5.png"]
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(number, (60, 50)).save(tmp_path / name)
    for name in (
        "cat/6.HEIC",
        "dog/7.svg",
        "cat/8.cr2",
        "bird/9.heic",
        "cat/notes.txt",
        "cat/.x.png",
        ".net/1.png",
        "cat/._1.png",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    code, out, _ = checked(capsys, tmp_path)
    assert code == 0
    assert "remark: 4 pictures are in formats that cannot be read and are ignored" in out
    assert "; save them as JPEG or PNG: bird/9.heic, cat/6.HEIC" in out
    assert "remark: 1 other file is ignored: cat/notes.txt" in out
    assert "remark: 1 folder holds no readable picture and gives no label: bird" in out
    assert "remark: 2 pictures are hidden by a dot at the start of a name and are ignored: " in out
    found = json.loads(checked(capsys, tmp_path, "--json")[1])[0]["unread"]
    assert found["not_read"]["count"] == 4 and found["not_listed"]["count"] == 0


def test_parts_and_pictures_that_an_entry_ignores_are_named(tmp_path, capsys):
    codes(
        tmp_path, count=24, split=lambda row: ("train", "test", "val")[row % 3], cat=even, dog=odd
    )
    picture(99).save(tmp_path / "loose.png")
    (tmp_path / "old.csv").write_text("image,cat\n")
    out = checked(capsys, tmp_path)[1]
    assert "remark: 1 part is not used: 'val' with 8 images" in out
    assert "remark: 1 picture is in the folder but not in the annotations and is ignored: l" in out
    assert "remark: 1 other file is ignored: old.csv" in out


@pytest.mark.parametrize("sample", ["folders", "voc2007", "coco2014", "table"])
def test_nothing_in_the_samples_is_ignored(sample, capsys):
    found = json.loads(checked(capsys, SAMPLES / sample, "--json")[1])[0]
    assert all(kind["count"] == 0 for kind in found["unread"].values()), found["unread"]


def test_ignored_files_are_named_even_if_the_data_cannot_be_read(tmp_path, capsys):
    codes(tmp_path, cat=ODD["a 2"], dog=even)
    (tmp_path / "x.heic").write_bytes(b"")
    code, out, _ = checked(capsys, tmp_path)
    assert code == 1 and "remark: 1 picture is in a format that cannot be read" in out


def of_coco(folder, *found):
    """Two labels on twelve pictures of 60 x 50, and boxes on them."""
    (folder / "images").mkdir(parents=True)
    for number in range(12):
        picture(number, (60, 50)).save(folder / "images" / f"{number}.png")
    items = [(number % 12, 1 + number // 12, [5, 5, 20, 20]) for number in range(18)]
    kept = [(image, label, box) for image, label, box in items if image >= len(found)]
    kept += [(image, label, box) for image, box in enumerate(found) for label in (1, 2)]
    content = {
        "images": [{"id": n, "file_name": f"{n}.png"} for n in range(12)],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": n, "image_id": image, "category_id": label, "bbox": box}
            for n, (image, label, box) in enumerate(kept)
        ],
    }
    (folder / "labels.json").write_text(json.dumps(content))
    return folder


def test_bad_boxes_are_named_with_what_is_done_about_them(tmp_path, capsys):
    wrong = [5, 5, -3, 20], [5, 5, 20, 0], [-90, 5, 20, 20], [5, 70, 20, 20], [-5, 5, 20, 20]
    code, out, _ = checked(capsys, of_coco(tmp_path / "a", *wrong, [50, 40, 30, 30]))
    assert code == 0
    assert "4 boxes have no area and are ignored: images/0.png [5.0, 5.0, -3.0, 20.0]" in out
    assert "4 boxes are outside their pictures and are ignored: images/2.png [-90.0" in out
    assert "4 boxes extend beyond their pictures and are cut off at the edge: images/4.png" in out
    code, out, _ = checked(capsys, of_coco(tmp_path / "b", [float("nan"), 5, 20, 20]))
    assert code == 1 and "labels.json, annotation" in out and "nan, 5.0, 20.0, 20.0] is not" in out


def test_data_whose_boxes_are_all_bad_are_a_problem(tmp_path, capsys):
    options = {"annotations": "labels.json"}
    folder = str(of_coco(tmp_path / "a", *[[5, 5, 0, 20]] * 12))
    entry = {"folder": folder, "reader": "coco_json", "options": options}
    given = {"study": "own", "datasets": {"a": entry}, "own_table": {"rows": ["ia_gcn"]}}
    (tmp_path / "a.yaml").write_text(json.dumps(given))
    code, out, _ = checked(capsys, tmp_path / "a.yaml")
    assert code == 1 and "PROBLEM: no fit image has a box with area, but methods that use" in out


def test_boxes_are_counted_as_the_detector_uses_them():
    from labelgraph.inputs.regions import learning

    given = np.float32([[5, 5, -3, 9], [5, 5, 9, 9], [-90, 5, 9, 9], [-5, 5, 9, 9], [9, 60, 9, 9]])
    size = np.array([60, 50])
    table = manifest.Manifest(
        np.array(["a"]), np.array(["train"]), ("cat",), np.ones((1, 1), np.int8),
        np.zeros(5, np.int32), np.zeros(5, np.int16), given,
    )  # fmt: skip
    found = boxes.find(table, size[None], np.array([True]))
    assert [found[kind]["count"] for kind in ("flat", "beyond", "cut")] == [1, 2, 1]
    assert len(learning.relative(given, size)) == found["to_learn_from"] == 2


REGIONS = {
    "a picture that there is not": (
        [{"image_id": 77, "bbox": [1, 1, 2, 2], "score": 1}],
        "called 77",
    ),
    "a box without width": (
        [{"file_name": "1.png", "bbox": [1, 1, 0, 2], "score": 1}],
        "entry 1: bbox [1, 1, 0, 2] is not left, top, width and height > 0",
    ),
    "no list": ({"a": 1}, "found dict; expected a list of COCO results"),
}


@pytest.mark.parametrize(("content", "said"), REGIONS.values(), ids=[*REGIONS])
def test_a_file_of_regions_is_checked_before_it_is_needed(content, said, tmp_path, capsys):
    (tmp_path / "regions.json").write_text(json.dumps(content))
    entry = guessing.guess(of_coco(tmp_path / "pets"))
    config = tmp_path / "pets.yaml"
    lines = {"study": "own", "datasets": {"pets": entry}}
    config.write_text(json.dumps(lines | {"boxes": {"pets": str(tmp_path / "regions.json")}}))
    code, out, _ = checked(capsys, config)
    assert code == 1 and f"PROBLEM: {tmp_path}/regions.json" in out and said in out


def test_bad_word_vectors_do_not_end_the_check(tmp_path, capsys):
    (tmp_path / "words.txt").write_text("cat 1 2\nsat 1 x 3\ndog 1 2\n")
    entry = guessing.guess(of_coco(tmp_path / "pets"))
    entry |= {"vectors": str(tmp_path / "words.txt"), "aliases": {"cow": "bull"}}
    config = tmp_path / "pets.yaml"
    config.write_text(json.dumps({"study": "own", "datasets": {"pets": entry}}))
    code, out, _ = checked(capsys, config)
    assert code == 1 and "words.txt, line 2: 3 numbers after 'sat', expected 2" in out
    assert "aliases name cow, but the data have no such label" in out and "images  " in out


def test_labels_may_share_a_folder_by_a_link(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    shared = tmp_path.parent / f"{tmp_path.name}-shared"
    shared.mkdir()
    picture(1).save(shared / "1.png")
    for label in ("cat", "dog"):
        picture(len(label), (60 + len(label[0]), 50)).save(tmp_path / label / f"{label}.png")
        (tmp_path / label / "both").symlink_to(shared, target_is_directory=True)
    found = finding.read("folders", tmp_path, parts=None, draw={"share": 0.4, "seed": 0}, none=None)
    both = found.images.tolist().index("cat/both/1.png")
    assert len(found.images) == 3 and found.labels[both].tolist() == [1, 1]
    (tmp_path / "dog" / "again").symlink_to(shared, target_is_directory=True)
    with pytest.raises(
        ValueError, match=r"dog/both and .*/dog/again are the same folder|dog/again and"
    ):
        folders.files(tmp_path)


def test_a_link_to_the_folder_itself_is_still_refused(tmp_path):
    (tmp_path / "cat" / "deep").mkdir(parents=True)
    picture(1).save(tmp_path / "cat" / "deep" / "1.png")
    (tmp_path / "cat" / "deep" / "loop").symlink_to("../..", target_is_directory=True)
    with pytest.raises(ValueError, match="deep/loop is a link to a folder above it"):
        folders.files(tmp_path)


def test_pictures_are_checked_as_in_the_manifest(tmp_path):
    odd_pictures.make(tmp_path)
    pages = [picture(number) for number in range(4)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    whole = (tmp_path / "pages.tif").read_bytes()
    (tmp_path / "pages_cut.tif").write_bytes(whole[:-40000])
    broken = set()
    for path in sorted(tmp_path.iterdir()):
        if path.is_fifo():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of what it misses
            found = images.inspect_file(path, decode=True)
            assert bool(pictures.see_one(path).error) == isinstance(found, str), path.name
        broken |= {path.name} if isinstance(found, str) else set()
    assert broken >= {"cut.jpg", "text.jpg", "floats.tif", "pages_cut.tif"}


def test_a_picture_with_a_label_and_without_one_is_refused(tmp_path, capsys):
    for number, name in enumerate(["cat/1.png", "cat/2.png", "none/3.png"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(number).save(tmp_path / name)
    (tmp_path / "none" / "2.png").write_bytes((tmp_path / "cat" / "2.png").read_bytes())
    code, out, _ = checked(capsys, tmp_path)
    assert code == 1 and "none/2.png are the same image, and the folder 'none' is for images" in out


def test_a_label_without_a_list_for_training_is_refused(tmp_path, capsys):
    shutil.copytree(SAMPLES / "voc2007/VOCdevkit/VOC2007", tmp_path / "voc")
    lists = tmp_path / "voc/ImageSets/Main"
    lines = [f"{line} -1" for line in (lists / "test.txt").read_text().split()]
    (lists / "zebra_test.txt").write_text("\n".join(lines))
    code, out, _ = checked(capsys, tmp_path / "voc")
    assert code == 1 and "zebra_trainval.txt is missing" in out


def test_a_missing_box_is_named(tmp_path, capsys):
    path = of_coco(tmp_path / "pets") / "labels.json"
    content = json.loads(path.read_text())
    del content["annotations"][3]["bbox"]
    path.write_text(json.dumps(content))
    code, out, _ = checked(capsys, tmp_path / "pets")
    assert code == 1 and "labels.json, annotation 4: expected an entry with" in out
    content["categories"][1]["name"] = "cat"
    path.write_text(json.dumps(content | {"annotations": []}))
    assert "category 2: 'cat' is listed a second time" in checked(capsys, tmp_path / "pets")[1]


@pytest.mark.parametrize("text", ["image;cat\n0.png;1\n", "number,cat\n1,1\n"])
def test_a_table_that_names_no_picture_is_refused(text, tmp_path, capsys):
    (tmp_path / "images").mkdir()
    picture(0).save(tmp_path / "images" / "0.png")
    (tmp_path / "labels.csv").write_text(text)
    code, _, err = checked(capsys, tmp_path)
    assert code == 2 and f"{tmp_path}/labels.csv: no column names most of the pictures" in err
    (tmp_path / "images" / "0.png").rename(tmp_path / "0.png")
    assert "No column of labels.csv names most of the pictures" in checked(capsys, tmp_path)[2]


@pytest.fixture
def labelled(tmp_path):
    """Two pictures of each of two labels, in folders."""
    folder = tmp_path / "pets"
    for number, name in enumerate(["cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture(number, (60, 50)).save(folder / name)
    return folder


def test_pipes_and_devices_are_not_opened(labelled, capsys):
    os.mkfifo(labelled / "a.json")
    os.mkfifo(labelled / "a.csv")
    (labelled / "b.json").mkdir()
    (labelled / "c.json").symlink_to("/dev/zero")
    assert guessing.guess(labelled)["reader"] == "folders"
    os.mkfifo(labelled / "cat" / "9.png")
    code, out, _ = checked(capsys, labelled)
    assert code == 1 and "cat/9.png is a pipe or a device, not an image; remove it" in out
    os.mkfifo(labelled.parent / "x.png")
    assert "x.png is a pipe, a device or a folder" in pictures.see_one(labelled.parent / "x.png")[0]


def test_a_picture_of_two_gigabytes_is_not_read(labelled, capsys):
    with (labelled / "cat" / "1.png").open("r+b") as stream:
        os.truncate(stream.fileno(), 2 << 30)
    code, out, _ = checked(capsys, labelled)
    assert code == 1 and "cat/1.png has 2,147,483,648 bytes; an image may have at most" in out
    shutil.copyfile(labelled / "dog" / "3.png", labelled / "dog" / "1.png")
    code, out, _ = checked(capsys, labelled)
    assert code == 1 and "cat/1.png has 2,147,483,648 bytes; an image may have at most" in out


def test_hidden_files_and_notes_do_not_stop_the_guess(labelled):
    for name in ("._labels.csv", "._a.json", "cat/._a.json", "notes.json"):
        (labelled / name).write_bytes(b"\x00\x05\x16\x07 no JSON")
    assert guessing.guess(labelled)["reader"] == "folders"
    shutil.rmtree(labelled / "cat")
    shutil.rmtree(labelled / "dog")
    with pytest.raises(ValueError, match=r"notes\.json, line 1: not JSON"):
        guessing.guess(labelled)


def test_hidden_files_of_voc_do_not_stop_the_guess(tmp_path):
    for place in ("Annotations", "JPEGImages", "more/Annotations"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "JPEGImages" / ".DS_Store.x").touch()
    picture(1).save(tmp_path / "JPEGImages" / "1.jpg")
    (tmp_path / "Annotations" / "._1.xml").touch()
    assert guessing.voc(tmp_path) is None
    (tmp_path / "Annotations" / "1.xml").touch()
    assert "ending" not in guessing.voc(tmp_path)["options"]


def test_the_guessed_parts_are_named(tmp_path, capsys):
    codes(tmp_path, count=24, split=lambda row: ("train", "test")[row % 2], cat=odd, dog=even)
    said = "remark: column 'split' gives the parts: 'train' for training, 'test' to report"
    assert said in checked(capsys, tmp_path)[1]
    said = "remark: the folders give the parts: 'train' for training, 'test' to report"
    assert said in checked(capsys, SAMPLES / "folders")[1]


def test_blank_pictures_and_odd_label_names_get_a_remark(labelled, capsys):
    for name in ("none/5.png", "nothing/6.png", "class/7.png"):
        (labelled / name).parent.mkdir()
        picture(len(name) + int(name[-5]), (60, 50)).save(labelled / name)
    dark = np.arange(3000, dtype=np.uint16).reshape(50, 60) % 200
    Image.fromarray(dark).save(labelled / "cat" / "8.png")
    out = checked(capsys, labelled)[1]
    assert "remark: 1 image has one colour everywhere (of 16-bit files, only" in out
    assert "remark: 'nothing' is read as a label; if it means that a picture shows no label" in out
    assert "remark: 'class' is read as a label, though it looks like the heading of a col" in out
    assert "'none' is read" not in out and "'cat' is read" not in out
