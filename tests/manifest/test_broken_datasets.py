"""Bad input: every reader names the file, and the line or entry, that is wrong."""

import json
import shutil
from pathlib import Path

import pytest
from dataset_cases import SAMPLES, change, published, read

from labelgraph.manifest import finding

MAIN = "VOCdevkit/VOC2007/ImageSets/Main"
XML = "VOCdevkit/VOC2007/Annotations"
TRAIN = "annotations/instances_train2014.json"
LISTS = "ImageList"
TRUTH = "Groundtruth/AllLabels"
CONCEPTS = "ConceptsList/Concepts81.txt"
FOG = ("fog\\0001_43821117", "fog\\0002_43821118")

# reader, file, text in it, what replaces the text, the message after the file's name
CHANGED = [
    ("voc2007", f"{MAIN}/cow_test.txt", "-1", " 2", ", line 1: '000003  2'"),
    ("voc2007", f"{MAIN}/cow_test.txt", "000004 -1", "000004", ", line 2: '000004'; expected"),
    ("voc2007", f"{MAIN}/cow_test.txt", "000004", "009999", ", line 2: image '009999' is not in"),
    ("voc2007", f"{MAIN}/cow_test.txt", "000004", "000003", ", line 2: image '000003' is listed"),
    ("voc2007", f"{MAIN}/cow_test.txt", "000004 -1\n", "", " has no line for image '000004'"),
    ("voc2007", f"{MAIN}/test.txt", "000004", "000003", ", line 2: '000003'"),
    ("voc2007", f"{MAIN}/test.txt", "000004", "000005", ": image '000005' is in"),
    ("voc2007", f"{XML}/000004.xml", "</size>", "", ", line 8: not XML"),
    ("voc2007", f"{XML}/000004.xml", ">dog<", ">wolf<", ", object 1: class 'wolf'"),
    ("voc2007", f"{XML}/000004.xml", "<xmin>9</xmin>", "", ", object 1: expected numbers"),
    ("coco2014", TRAIN, '"id": 25,', '"id": 25', ", line 11: not JSON"),
    ("coco2014", TRAIN, '"images"', '"images": 1, "images"', ": the key 'images' is given twice"),
    ("coco2014", TRAIN, '"images"', '"pictures"', ", image: found NoneType"),
    ("coco2014", TRAIN, '"bbox"', '"box"', ", annotation 1: expected an entry with"),
    ("coco2014", TRAIN, "    50\n", '    "x"\n', ", annotation 1: box"),
    ("coco2014", TRAIN, "    50\n", "    NaN\n", ", annotation 1: box"),
    ("coco2014", TRAIN, '"image_id": 25', '"image_id": 26', ", annotation 3 (id 3): image 26"),
    (
        "coco2014",
        TRAIN,
        '"category_id": 18',
        '"category_id": 19',
        ", annotation 2 (id 2): category",
    ),
    ("coco2014", TRAIN, '"id": 25,', '"id": 9,', ", image 2: 9"),
    ("coco2014", TRAIN, '"id": 2,', '"id": 1,', ", annotation 2: 1"),
    ("nuswide", CONCEPTS, "sky", "beach", ", line 4: 'beach'"),
    ("nuswide", CONCEPTS, "sky", "", ", line 4: empty"),
    ("nuswide", f"{TRUTH}/Labels_sky.txt", "1\n0\n", "1\n2\n", ", line 2: '2'"),
    ("nuswide", f"{TRUTH}/Labels_sky.txt", "1\n0\n", "1 0\n", ", line 1: '10'"),
    ("nuswide", f"{TRUTH}/Labels_sky.txt", "1\n0\n", "1\n", " has 7 lines; Imagelist.txt has 8"),
    (
        "nuswide",
        f"{LISTS}/Imagelist.txt",
        "actor\\0002_",
        "0002_",
        ", line 2: '0002_174174086.jpg'",
    ),
    ("nuswide", f"{LISTS}/Imagelist.txt", FOG[1], FOG[0], ", line 7: 'fog/0001_43821117.jpg'"),
    ("nuswide", f"{LISTS}/Imagelist.txt", FOG[1], "fog\\3_3", ", line 3: 'fog/0002_43821118.jpg'"),
    ("nuswide", f"{LISTS}/TestImagelist.txt", "fog\\0002", "fog\\0003", ", line 3: 'fog/0003_"),
    ("nuswide", f"{LISTS}/TestImagelist.txt", FOG[1], FOG[0], ", line 3: 'fog/0001_43821117.jpg'"),
    ("nuswide", f"{LISTS}/TestImagelist.txt", f"{FOG[1]}.jpg\r\n", "", "; the three lists"),
    ("visual_genome", "image_data.json", "{", "", ", line 3: not JSON"),
    ("visual_genome", "image_data.json", "/VG_100K_2/", "/VG/", ", image 3: url"),
    ("visual_genome", "image_data.json", '"image_id": 2', '"image_id": 1', ", image 2: 1"),
    ("visual_genome", "objects.json", '"image_id": 2', '"image_id": 22', ": image 2 is only in"),
    ("visual_genome", "objects.json", '"image_id": 2', '"image_id": 1', ", image 2: 1"),
    (
        "visual_genome",
        "objects.json",
        '"names"',
        '"name"',
        ", image 1, object 1: expected an entry",
    ),
    ("visual_genome", "objects.json", '"man"', "0", ", image 1, object: names [0]"),
    ("visual_genome", "objects.json", '"w": 30', '"w": "30 px"', ", named object 1"),
]
MISSING = [
    ("voc2007", f"{MAIN}/test.txt"),
    ("voc2007", f"{MAIN}/dog_test.txt"),
    ("voc2007", f"{XML}/000004.xml"),
    ("coco2014", TRAIN),
    ("nuswide", f"{LISTS}/Imagelist.txt"),
    ("nuswide", f"{LISTS}/TrainImagelist.txt"),
    ("nuswide", f"{TRUTH}/Labels_sky.txt"),
    ("nuswide", CONCEPTS),
    ("visual_genome", "objects.json"),
    ("visual_genome", "image_data.json"),
]


@pytest.fixture
def copy(request, tmp_path) -> Path:
    """A copy of the sample of the test's `reader`, which the test may change."""
    reader = request.getfixturevalue("reader")
    return shutil.copytree(SAMPLES / reader, tmp_path / reader)


def refusal(reader: str, root: Path, **changes) -> str:
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        read(reader, root, **changes)
    return str(error.value)


@pytest.mark.parametrize(("reader", "file", "old", "new", "message"), CHANGED)
def test_changed_file_is_named(reader, file, old, new, message, copy):
    change(copy / file, old, new)
    assert Path(file).name + message in refusal(reader, copy)


@pytest.mark.parametrize(("reader", "file"), MISSING)
def test_missing_file_is_named(reader, file, copy):
    (copy / file).unlink()
    assert f"{copy / file} is missing" in refusal(reader, copy)


@pytest.mark.parametrize("reader", ["voc2007"])
def test_list_that_is_not_text_is_named(reader, copy):
    (copy / MAIN / "test.txt").write_bytes(b"\xff\xfe\x00")
    assert "test.txt: not a list" in refusal(reader, copy)
    shutil.rmtree(copy / MAIN.removesuffix("/Main"))
    assert f"{copy} holds no VOCdevkit/VOC2007/ImageSets" in refusal(reader, copy)


@pytest.mark.parametrize("reader", ["coco2014"])
def test_coco_parts_with_other_categories(reader, copy):
    change(copy / TRAIN, '"hair drier"', '"hair dryer"')
    assert "the parts differ in their categories" in refusal(reader, copy)
    (copy / TRAIN).write_text("[]")
    assert "instances_train2014.json: found a list" in refusal(reader, copy)


@pytest.mark.parametrize("reader", ["coco2014"])
def test_more_coco_categories_than_a_manifest_can_number(reader, copy):
    content = json.loads((copy / TRAIN).read_text())
    content["categories"] += [{"id": 1000 + k, "name": f"more {k}"} for k in range(32_764)]
    (copy / TRAIN).write_text(json.dumps(content))
    assert ": 32,769 categories; at most 32,768 can be read" in refusal(reader, copy)


@pytest.mark.parametrize("reader", ["visual_genome"])
@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("train.txt", "1.jpg", "9.jpg", ", line 2: '9.jpg'"),
        ("train.txt", "1.jpg", "one.png", ", line 2: 'one.png'"),
        ("test.txt", "3.jpg", "5.jpg", ", line 1: '5.jpg' is already in 'train'"),
        ("index.json", "6.jpg", "66.jpg", ", entry '66.jpg'"),
        ("index.json", "6.jpg", "7.jpg", " has no entry for image 6"),
        ("index.json", "[0, 2]", "[0, -2]", ", entry '5.jpg': [0, -2]"),
        ("index.json", "[0, 2]", '["0"]', ", entry '5.jpg': ['0']"),
        ("index.json", "[0, 2]", "3", ", entry '5.jpg': 3"),
        ("names.txt", "oak\n", "", " has 2 names; option labels is 3"),
    ],
)
def test_bad_published_files_are_named(reader, file, old, new, message, copy):
    changes = published(copy)
    change(copy / file, old, new)
    assert file + message in refusal(reader, copy, **changes, names="names.txt")


@pytest.mark.parametrize(
    ("reader", "changes", "message"),
    [
        ("coco2014", {"crowd": "maybe"}, "option crowd is 'maybe'"),
        ("coco2014", {"order": "random"}, "option order is 'random'"),
        ("nuswide", {"without_concept": True}, "option without_concept is True"),
        ("voc2007", {"boxes": "yes"}, "option boxes is 'yes'"),
        ("voc2007", {"difficult": "yes"}, r"takes the options \['boxes'\]"),
        ("visual_genome", {"labels": 6}, "option labels is 6; objects.json has 5 names"),
        ("visual_genome", {"test_images": 7}, "option test_images is 7; expected 1 to 6, as"),
        ("visual_genome", {"seed": None}, "both `test_images` and `seed`"),
        ("visual_genome", {"lists": {"train": "t.txt"}}, "either `lists` or both"),
        ("visual_genome", {"index": "index.json"}, "`boxes: true` with `index` needs `names`"),
        ("visual_genome", {"names": "names.txt"}, "`names` needs `index`"),
    ],
)
def test_bad_options_are_named(reader, changes, message):
    with pytest.raises(ValueError, match=message):
        read(reader, **changes)


def test_unknown_reader_and_missing_folder():
    with pytest.raises(ValueError, match=r"no dataset reader 'drawn'; .*voc2007"):
        finding.read("drawn", SAMPLES)
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        read("voc2007", SAMPLES / "nowhere")
