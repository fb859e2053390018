"""What `check-data` measures and guesses, at the limits: pictures, labels, layouts."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from labelgraph.own.datacheck import columns as tablecolumns
from labelgraph.own.datacheck import (
    guessing,
    hints,
    labels,
    later,
    likeness,
    pictures,
    sentences,
)


def grey(numbers):
    return Image.fromarray(np.asarray(numbers, np.uint8))


def looks(*numbers):
    """Looks with the same bits, so that the numbers alone decide."""
    bits = np.zeros(16, np.uint8)
    return [likeness.Look(bits, 255 - bits, np.asarray(each, np.uint8)) for each in numbers]


HALVES = np.repeat([[98], [102]], 8, 0).repeat(16, 1)  # a spread of exactly 2 around 100


def test_blank_pictures_are_not_compared():
    assert likeness.pairs(looks(HALVES, HALVES)) == []
    more = HALVES + (HALVES > 100)
    assert likeness.pairs(looks(more, more)) == [likeness.Pair(0, 1, False)]
    assert likeness.pairs(looks(more, HALVES)) == likeness.pairs(looks(more)) == []


def test_numbers_must_correlate():
    ramp = np.arange(256).reshape(16, 16)
    assert likeness.pairs(looks(ramp, ramp // 2 + 60)) == [likeness.Pair(0, 1, False)]
    assert likeness.pairs(looks(ramp, 255 - ramp)) == []


def test_nine_tenths_together_are_not_enough():
    """Numbers around their mean, of length 1: their products are correlations."""
    found = likeness.standard(np.array([[[1.0, 3.0], [5.0, 7.0]], [[4.0, 4.0], [4.0, 4.0]]]))
    np.testing.assert_allclose(found, [np.array([-3, -1, 1, 3]) / 20**0.5, [0] * 4])
    ramp = np.arange(256).reshape(16, 16)
    for swing, alike in ((20, True), (40, False)):
        other = np.clip(ramp + swing * (-1) ** np.arange(16), 0, 255)
        correlation = np.corrcoef(ramp.ravel(), other.ravel())[0, 1]
        assert (correlation > 0.95) == alike
        assert bool(likeness.pairs(looks(ramp, other))) == alike


def test_a_mirror_image_is_compared_with_the_mirror_image():
    draw = np.random.default_rng(0)
    image = grey(draw.integers(0, 256, (24, 24))).resize((96, 96), Image.Resampling.BICUBIC)
    flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    found = likeness.pairs([likeness.look(each) for each in (image, flipped)])
    assert found == [likeness.Pair(0, 1, True)]


@pytest.mark.parametrize(("apart", "near"), [(16, True), (17, False)])
def test_sixteen_of_128_bits_may_differ(apart, near, monkeypatch):
    bits = np.zeros((3, 16), np.uint8)
    bits[2] = np.packbits(np.arange(128) < apart)
    bits[1] = np.packbits(np.arange(128) >= 64)
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    some = [likeness.Look(each, np.full(16, 0b10101010, np.uint8), ramp) for each in bits]
    for chunk in (1024, 1, 2):
        monkeypatch.setattr(likeness, "CHUNK", chunk)
        assert likeness.pairs(some) == ([likeness.Pair(0, 2, False)] if near else [])


def test_thousands_of_copies_keep_the_first_pairs_and_count_the_rest():
    """A camera that stands still; one of its pictures is of another part, one has other labels."""
    ramp = np.arange(256).reshape(16, 16)
    some = looks(*[ramp] * 3000)
    traits = np.zeros((3000, 2), int)
    traits[-1, 0] = traits[-2, 1] = 1
    tracemalloc.start()
    found = likeness.pairs(some, traits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) + found.left_out == 3000 * 2999 // 2
    assert len(found) == 3 * likeness.MOST + 1 and found == sorted(found)
    assert sum(pair.second == 2999 for pair in found) >= likeness.MOST
    assert likeness.Pair(2998, 2999, False) in found  # both traits differ
    assert peak < 100e6, f"{peak:,} bytes"


def test_bits_are_where_the_next_cell_is_brighter():
    across, down = np.tile(np.arange(9) * 20, (8, 1)), np.tile(np.arange(9) * 20, (8, 1)).T
    for numbers, expected in ((across, [1] * 64 + [0] * 64), (down, [0] * 64 + [1] * 64)):
        image = grey(numbers).resize((72, 72), Image.Resampling.NEAREST)
        assert np.unpackbits(likeness.bits(image)).tolist() == expected


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "I;16", "RGBA"])
def test_every_kind_of_picture_is_seen_in_grey(tmp_path, mode):
    """A dark picture with a bright half, and the same in another kind of pixels."""
    dark = grey([[30, 30, 200, 200]] * 4).resize((80, 40), Image.Resampling.NEAREST)
    image = Image.fromarray(np.asarray(dark).astype(np.uint16) << 8) if mode == "I;16" else dark
    image = image if mode == "I;16" else image.convert(mode)
    image.save(tmp_path / "a.png")
    seen = pictures.see_one(tmp_path / "a.png")
    assert (seen.error, seen.size) == ("", (80, 40))
    assert abs(seen.look.numbers.astype(int) - likeness.look(dark).numbers).max() <= 1


def test_unreadable_pictures_have_an_error(tmp_path):
    (tmp_path / "text.png").write_text("text")
    found = pictures.see([tmp_path / "gone.png", tmp_path / "text.png"])
    assert [each.look for each in found] == [None, None]
    assert found[0].error == f"{tmp_path}/gone.png is missing"
    assert "is not an image" in found[1].error


# ---- labels


def together(*columns):
    """Labels a, b, ...: the images (of 100) that show each."""
    shown = np.zeros((100, len(columns)), bool)
    for column, rows in enumerate(columns):
        shown[list(rows), column] = True
    return labels.together(tuple("abcdef"[: len(columns)]), shown)


def test_nine_of_ten_is_nearly_always():
    found = together(range(10), range(1, 30))
    assert found["nearly_always_brings"] == [["a", "b"]]
    assert together(range(10), range(2, 30))["nearly_always_brings"] == []


def test_four_images_are_too_few_to_report():
    assert together(range(5), range(30))["nearly_always_brings"] == [["a", "b"]]
    assert together(range(4), range(30))["nearly_always_brings"] == []
    assert together(range(5), range(5))["always_the_same_images"] == [["a", "b"]]
    assert together(range(4), range(4))["always_the_same_images"] == []
    assert together(range(5), range(5))["nearly_always_brings"] == []  # it is reported already


def test_chance_pairs_with_a_frequent_label_are_not_reported():
    """a is with b always; b is on 50 images, twice what chance gives, or on 51."""
    assert together(range(10), range(50))["nearly_always_brings"] == [["a", "b"]]
    assert together(range(10), range(51))["nearly_always_brings"] == []


def test_labels_that_would_meet_five_times_by_chance():
    assert together(range(20), range(75, 100))["never_together"] == [["a", "b"]]
    assert together(range(20), range(76, 100))["never_together"] == []


def test_the_five_most_frequent_pairs_are_reported():
    sizes = [range(start, start + 8 + start // 16) for start in range(0, 96, 16)]
    shown = np.zeros((100, 12), bool)
    for number, rows in enumerate(sizes):
        shown[list(rows), 2 * number : 2 * number + 2] = True
    names = tuple(f"{'abcdef'[n // 2]}{n % 2}" for n in range(12))
    found = labels.together(names, shown)["always_the_same_images"]
    assert found == [[f"{each}0", f"{each}1"] for each in "fedcb"]


def test_counts_by_hand():
    codes = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 0], [1, -1, 0], [0, 0, 0]], np.int8)
    roles = np.array(["fit", "fit", "fit", "report", "report"])
    found = labels.describe(("a", "b", "c"), codes, roles, ["fit", "report"])
    assert found["labels"] == {
        "a": {"fit": 3, "report": 1},
        "b": {"fit": 2, "report": 0},
        "c": {"fit": 0, "report": 0},
    }
    assert (found["labels_an_image"], found["difficult"], found["imbalance"]) == (1.2, 1, 2.0)
    assert found["never_shown"] == {"fit": ["c"], "report": ["b", "c"]}
    rare = labels.describe(("a", "b"), codes[1:2, :2], roles[:1], ["fit"])
    assert rare["imbalance"] == 1.0  # of labels that one image shows
    nothing = labels.describe(("a",), codes[:, 2:], roles, ["fit"])
    assert nothing["imbalance"] is None


# ---- sentences


FOUND = {"labels": {}, "imbalance": None, "no_word_vector": None, "unread": {}, "boxes": {}}
FOUND |= {"images": {"fit": 9, "tune": 3}, "alike_left_out": 0}
FOUND |= dict.fromkeys((*sentences.TOGETHER, "look_alike", "aliases_of_none", "refused"), ())
PLAN = later.Plan({}, [], learns_boxes=False, boxes=None)


@pytest.mark.parametrize(("imbalance", "told"), [(99.9, 0), (100.0, 1), (None, 0)])
def test_a_label_a_hundred_times_as_frequent_is_reported(imbalance, told):
    said = sentences.of_labels(FOUND | {"imbalance": imbalance})
    assert len(said) == told
    assert not told or said[0].startswith("the commonest label is 100 times as frequent")


def test_rare_labels_are_named():
    few = {"a": (5, 5), "b": (4, 5), "c": (0, 4), "d": (1, 0)}  # fit and tune
    counts = {name: {"fit": fit, "tune": tune} for name, (fit, tune) in few.items()}
    assert sentences.of_labels(FOUND | {"labels": counts}) == [
        "fewer than 5 fit images show b (4), d (1): expect poor results for them",
        "fewer than 5 tune images show c (4), d (0): their thresholds stay close to the common one",
    ]


def test_data_without_tune_images_get_a_remark():
    said = sentences.of_labels(FOUND | {"images": {"fit": 9}})
    assert said == [
        "there are no tune images: the last epoch is kept and probabilities are not calibrated"
    ]


def test_three_are_named_and_the_rest_are_counted():
    assert sentences.some(["a", "b", "c"]) == "a, b, c"
    assert sentences.some(["a", "b", "c", "d"]) == "a, b, c and 1 more"
    assert sentences.some(["a", "b", "c", "d"], 30) == "a, b, c and 27 more"


@pytest.mark.parametrize(
    ("roles", "crosses"),
    [
        (["fit", "report"], True),
        (["report", "tune"], True),
        (["report", "report"], False),
        (["fit", "tune"], False),
        (["report", "unused"], False),
    ],
)
def test_only_pairs_across_training_and_report_are_a_leak(roles, crosses):
    assert sentences.crosses({"roles": roles}) == crosses


def alike(names, *roles):
    return {"images": [*names], "roles": [*roles], "same_labels": names != "ef"}


def test_problems_and_remarks_are_told_apart():
    pairs = [
        alike("ab", "fit", "report"),
        alike("cd", "fit", "tune"),
        alike("ef", "report", "report"),
    ]
    found = FOUND | {"unreadable": [], "never_shown": {"fit": ["x"], "tune": ["y"]}, "alike": pairs}
    nothing = {"count": 0, "first": []}
    found |= {
        "blank": nothing,
        "without_label": nothing,
        "tiny": {"count": 30, "first": list("abcde")},
    }
    assert sentences.problems(found, PLAN) == [
        "no fit image shows x, so it cannot be learnt",
        "1 pair of near-duplicate images is split between training and report, so the results"
        " will look too good: a and b",
    ]
    assert sentences.remarks(found) == [
        "30 images have a side under 32 pixels: a, b, c and 27 more",
        "2 pairs of near-duplicate images are on the same side of the split: c and d, e and f",
        "1 pair of near-duplicate images is labelled differently: e and f",
    ]
    assert "at least 1 pair of" in sentences.problems(found | {"alike_left_out": 5}, PLAN)[1]
    found |= {"alike": [], "unreadable": ["p", "q"], "never_shown": {"report": ["z"]}}
    assert sentences.problems(found, PLAN) == [
        "2 images cannot be used: p, q",
        "no report image shows z, so it cannot be measured",
    ]


# ---- layouts


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["train", "test"], ["train", "test"]),
        (["val", "Train2014"], ["Train2014", "val"]),
        (["train", "trainval", "val", "test"], ["trainval", "test"]),
        (["train", "dev", "b_test"], ["train", "b_test"]),
        (["train", "validate", "report"], ["train", "report"]),
        (["train", "trainval"], []),
        (["test", "val"], []),
        (["cat", "dog"], []),
        (["trains", "valley", "naval", "device", "protest"], []),
        (["training-2", "trains", "validation", "valley"], ["training-2", "validation"]),
        (
            ["instances_train2014", "instances_val2014"],
            ["instances_train2014", "instances_val2014"],
        ),
    ],
)
def test_the_part_to_train_on_and_the_one_to_report(names, parts):
    assert hints.two_parts(names) == parts == hints.two_parts(names[::-1])


def drawn(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / name)


def test_voc_folders_with_other_pictures_and_without_lists(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "kit/one/Annotations").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"kit/one/Annotations/{name}.xml").write_text("<annotation/>")
        drawn(tmp_path, f"kit/one/JPEGImages/{name}.png")
    expected = {"folder": "kit/one", "ending": ".png", "labels": "objects", "draw": guessing.DRAWN}
    assert guessing.voc(tmp_path) == {"reader": "voc_folders", "options": expected}
    assert guessing.DRAWN == {"share": 0.25, "seed": 0}
    lists = tmp_path / "kit/one/ImageSets/Main"
    lists.mkdir(parents=True)
    for name in ("train", "val", "cow_val"):
        (lists / f"{name}.txt").write_text("a\n")
    options = guessing.voc(tmp_path / "kit/one")["options"]
    assert options == {"ending": ".png", "labels": "objects", "parts": ["train", "val"]}
    (lists / "cow_train.txt").touch()
    assert "labels" not in guessing.voc(tmp_path / "kit/one")["options"]
    for path in (tmp_path / "kit/one/Annotations").iterdir():
        path.unlink()
    assert guessing.voc(tmp_path) is None


def coco(folder, name, images, annotations):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    content = {"images": images, "annotations": annotations, "categories": []}
    (folder / name).write_text(json.dumps(content))


def test_coco_in_one_file_or_two(tmp_path):
    drawn(tmp_path, "train/a.png", "valid/b.png")
    (tmp_path / "captions.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    assert guessing.coco(tmp_path) is None
    coco(tmp_path, "train/_a.json", [{"file_name": "a.png"}], [{"bbox": [1, 2, 3, 4]}])
    one = guessing.coco(tmp_path)["options"]
    assert one == {"annotations": "train/_a.json", "images": "{part}"}
    coco(tmp_path, "valid/_a.json", [{"file_name": "b.png"}], [{}])
    two = guessing.coco(tmp_path)["options"]
    files = {"train": "train/_a.json", "valid": "valid/_a.json"}
    assert two == {"annotations": files, "images": "{part}"}
    coco(tmp_path, "valid/_a.json", [{"file_name": "c.png"}], [])
    with pytest.raises(ValueError, match=r"such as 'a\.png', are in none of "):
        guessing.coco(tmp_path)  # no folder has both
    for images in ([], [{}], [{"file_name": 3}], None):
        coco(tmp_path, "valid/_a.json", images, [])
        with pytest.raises(ValueError, match=r"_a\.json: its first image has no file_name"):
            guessing.coco(tmp_path)


IMAGE = {"image": "image", "images": "", "ending": ""}


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ({"what": ["a;b", "c"], "note": ["x", "y"]}, {"labels": "what", "separator": ";"}),
        ({"note": ["x", "y"], "Tags": ["a|b", "c|d"]}, {"labels": "Tags", "separator": "|"}),
        ({"cat": ["1", "0"], "dog": ["yes", "-1"]}, {"labels": None}),
        ({"cat": ["1", "0"], "note": ["x", "y"]}, {"labels": ["cat"]}),
        ({"cat": ["1", "0"], "x": ["p", "q"], "y": ["r", "s"]}, {"labels": ["cat"]}),
        ({"cat": ["1", "0"], "set": ["train", "test"]}, {"part": "set", "labels": None}),
    ],
)
def test_columns_of_a_table(columns, options):
    rows = pd.DataFrame({"image": ["a", "b"], **columns})
    found = tablecolumns.columns(rows, IMAGE, "t.csv")
    assert found["options"] == {"file": "t.csv", **IMAGE, **options}
    parts = {"train": "train", "report": "test"} if "set" in columns else None
    assert found.get("parts") == parts


def test_a_table_without_labels_is_refused():
    with pytest.raises(ValueError, match=r"t\.csv has no column of labels, only \[\]"):
        tablecolumns.columns(pd.DataFrame({"image": ["a", "b"]}), IMAGE, "t.csv")


def test_a_column_of_six_values_does_not_hold_parts():
    names = ["train", "test", "a", "b", "c", "d"]
    rows = pd.DataFrame({"image": names, "set": names, "labels": list("abcabc")})
    assert "part" not in tablecolumns.columns(rows, IMAGE, "t")["options"]
    assert tablecolumns.columns(rows[:5], IMAGE, "t")["options"]["part"] == "set"


def test_the_column_of_images_and_their_folder(tmp_path):
    drawn(tmp_path, ".hidden/c.jpg", "pictures/a.jpg", "pictures/b.jpg")
    rows = pd.DataFrame({"id": ["1", "2"], "file": ["a", "b"]})
    expected = {"image": "file", "images": "pictures", "ending": ".jpg"}
    assert tablecolumns.image_column(rows, tmp_path) == expected
    assert tablecolumns.image_column(rows.replace("b", ""), tmp_path) == expected  # half of them
    more = pd.concat([rows, rows.replace({"a": "c", "b": "c"})])
    assert tablecolumns.image_column(more, tmp_path) == expected
    assert tablecolumns.image_column(pd.concat([more, more[2:]]), tmp_path) is None
    assert tablecolumns.image_column(rows.replace({"a": "c", "b": "c"}), tmp_path) is None
    with pytest.raises(ValueError, match=r"has no header: its first line names the image 'a\.jpg'"):
        tablecolumns.image_column(rows.rename(columns={"id": "a.jpg"}), tmp_path)


def test_many_columns_beside_many_folders_are_looked_up_in_lists(tmp_path, monkeypatch):
    for number in range(60):
        (tmp_path / str(number)).mkdir()
    drawn(tmp_path, "59/deep/a.jpg")
    rows = pd.DataFrame({f"c{n}": ["x"] * 20 for n in range(30)} | {"file": ["deep/a"] * 20})
    calls = []
    monkeypatch.setattr(tablecolumns, "is_file", lambda path: calls.append(path))
    expected = {"image": "file", "images": "59", "ending": ".jpg"}
    assert tablecolumns.image_column(rows, tmp_path) == expected
    assert len(calls) == 31 * 61  # the names of columns alone


def test_folders_of_labels_with_parts_or_without(tmp_path):
    drawn(tmp_path, "cat/1.jpg", "train/1.PNG", "None/2.jpg")
    (tmp_path / "empty").mkdir()
    assert guessing.folders(tmp_path / "empty") is None
    found = guessing.folders(tmp_path)
    assert found == {"reader": "folders", "options": {"none": "None"}}
    drawn(tmp_path / "two", "train/cat/1.jpg", "test/cat/1.jpg", "test/background/1.jpg")
    options = guessing.folders(tmp_path / "two")["options"]
    assert options == {"parts": ["train", "test"], "none": "background"}
    drawn(tmp_path / "three", "train/1.jpg", "test/cat/1.jpg")  # a label called train
    assert guessing.folders(tmp_path / "three")["options"] == {}


def test_pictures_of_every_spelling_make_a_folder_of_a_label(tmp_path):
    drawn(tmp_path, "a/deep/1.PNG")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/1.txt").touch()
    assert [guessing.holds(tmp_path / name) for name in ("a", "b", "c")] == [True, False, False]
    assert not guessing.holds(tmp_path / "a/deep/1.PNG")


def test_a_folder_with_an_unknown_layout_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no is not a folder"):
        guessing.guess(tmp_path / "no")
    with pytest.raises(ValueError, match="has no known layout; expected"):
        guessing.guess(tmp_path)
    drawn(tmp_path, "cat/1.jpg")
    expected = {"folder": tmp_path.as_posix(), "reader": "folders", "options": {}}
    assert guessing.guess(tmp_path) == expected
