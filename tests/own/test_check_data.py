"""`labelgraph check-data`: what is planted in a small dataset is found, and nothing else is."""

import json
import shutil

import numpy as np
import pytest
from check_data_cases import checked
from conftest import ROOT
from dataset_cases import SAMPLES
from PIL import Image, ImageEnhance
from run_cases import picture

from labelgraph.own.datacheck import (
    guessing,
    labels,
    likeness,
    pictures,
)
from labelgraph.study import recipe


def make(folder, count=24):
    """Pictures with a label by their number, in a table with parts of its own."""
    (folder / "images").mkdir(parents=True)
    lines = ["image,labels,split"]
    for number in range(count):
        picture(100 + number, (120, 90)).save(folder / "images" / f"{number}.png")
        several = [name for name, step in (("cat", 2), ("dog", 3)) if number % step == 0]
        part = "test" if number % 4 == 3 or number == 0 else "train"
        lines.append(f"{number}.png,{';'.join(several)},{part}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_sound_data_have_no_problem(tmp_path, capsys):
    code, out, _ = checked(capsys, make(tmp_path / "pets"), "--json")
    (found,) = json.loads(out)
    assert code == 0 and found["problems"] == []
    assert found["name"] == "pets" and sum(found["images"].values()) == 24
    assert found["labels"]["cat"]["report"] == 1 and sum(found["labels"]["dog"].values()) == 8
    assert found["without_label"]["count"] == 8
    assert found["alike"] == [] and found["unreadable"] == []
    code, out, _ = checked(capsys, tmp_path / "pets")
    assert code == 0 and out.endswith("No problem found.\n")


def test_what_is_planted_is_found(tmp_path, capsys):
    folder = make(tmp_path / "pets")
    images = folder / "images"
    with Image.open(images / "3.png") as image:  # 3 is reported, the copy is not
        image.resize((60, 45)).save(images / "copy.jpg", quality=70)
    with Image.open(images / "5.png") as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(images / "mirror.png")
    (images / "7.png").write_bytes((images / "7.png").read_bytes()[:200])
    picture(1, (20, 200)).save(images / "thin.png")
    with (folder / "labels.csv").open("a") as table:
        table.write(
            "copy.jpg,dog,train\nmirror.png,bird,train\nthin.png,,train\ngone.png,cat,train\n"
        )
    code, out, _ = checked(capsys, folder, "--json")
    (found,) = json.loads(out)
    assert code == 1
    pairs = {tuple(pair["images"]): pair for pair in found["alike"]}
    assert pairs.keys() == {
        ("images/3.png", "images/copy.jpg"), ("images/5.png", "images/mirror.png")
    }  # fmt: skip
    copy, mirror = pairs.values()
    assert "report" in copy["roles"] and copy["same_labels"] and not copy["mirrored"]
    assert mirror["mirrored"] and not mirror["same_labels"]
    assert [text.split("/")[-1].split(" ")[0] for text in found["unreadable"]] == [
        "7.png",
        "gone.png",
    ]
    assert found["tiny"]["first"] == ["images/thin.png"]
    assert found["never_shown"]["report"] == ["bird"]
    said = "\n".join(found["problems"])
    assert "2 images cannot be used" in said
    assert "no report image shows bird, so it cannot be judged" in said
    assert "1 pairs of nearly the same image are in training and in report" in said
    assert any("have different labels" in line for line in found["remarks"])
    code, out, _ = checked(capsys, folder)
    assert code == 1 and out.count("PROBLEM: ") == 3


def test_labels_without_a_word_are_named(tmp_path, capsys):
    folder = make(tmp_path / "pets")
    (tmp_path / "v.txt").write_text("cat 1 2\n")
    entry = guessing.guess(folder) | {"vectors": str(tmp_path / "v.txt")}
    config = tmp_path / "pets.yaml"
    config.write_text(json.dumps({"study": "own", "datasets": {"pets": entry}}))
    code, out, _ = checked(capsys, config, "--json")
    assert code == 0
    assert json.loads(out)[0]["no_word_vector"] == ["dog"]


def test_data_that_cannot_be_read_are_a_problem_not_a_traceback(tmp_path, capsys):
    folder = make(tmp_path / "pets")
    entry = guessing.guess(folder)
    (folder / "labels.csv").write_text("image,labels,split\n1.png,cat,x\n")
    config = tmp_path / "pets.yaml"
    config.write_text(json.dumps({"study": "own", "datasets": {"pets": entry}}))
    code, out, _ = checked(capsys, config)
    assert code == 1 and "PROBLEM: no image is in part 'train'" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "nope is neither a folder nor a .yaml file nor a dataset"),
        (["voc2007", "--write", "x.yaml"], "voc2007 is no folder, and it is"),
        (["workflow/config/tables.yaml"], "has unknown keys"),
        (["src"], "has none of the layouts that are known"),
    ],
)
def test_wrong_usage_is_named(capsys, arguments, message):
    code, _, err = checked(capsys, *arguments)
    assert code == 2 and message in err


def test_the_written_entry_is_read_back(tmp_path, capsys):
    folder, config = make(tmp_path / "my pets"), tmp_path / "pets.yaml"
    assert checked(capsys, folder, "--write", config)[0] == 0
    code, out, _ = checked(capsys, config, "--json")
    assert code == 0 and json.loads(out)[0]["name"] == "my_pets"
    code, _, err = checked(capsys, folder, "--write", config)
    assert code == 2 and "is there already" in err


LAYOUTS = {
    "folders": {"reader": "folders", "options": {"parts": ["train", "test"], "none": "nothing"}},
    "voc2007": {
        "reader": "voc_folders",
        "options": {"folder": "VOCdevkit/VOC2007", "parts": ["trainval", "test"]},
    },
    "coco2014": {
        "reader": "coco_json",
        "options": {
            "annotations": {
                "train2014": "annotations/instances_train2014.json",
                "val2014": "annotations/instances_val2014.json",
            },
            "images": "{part}",
        },
    },
    "table": {
        "reader": "table",
        "options": {
            "file": "labels.csv",
            "image": "file",
            "images": "pictures",
            "ending": ".jpg",
            "part": "part",
            "labels": "what",
            "separator": ";",
        },
        "parts": {"train": "train", "report": "test"},
    },
}


@pytest.mark.parametrize("sample", LAYOUTS)
def test_layouts_are_guessed_and_readable(sample, capsys):
    folder = SAMPLES / sample
    assert guessing.guess(folder) == {"folder": folder.as_posix(), **LAYOUTS[sample]}
    given = {"study": "own", "datasets": {"x": guessing.guess(folder)}}
    recipe.read_study(ROOT / "workflow/config", given)
    out = checked(capsys, folder, "--json")[1]
    assert "labels" in json.loads(out)[0], out


def test_one_file_of_annotations_and_codes_in_columns(tmp_path):
    shutil.copytree(SAMPLES / "coco2014/train2014", tmp_path / "coco" / "images")
    source = SAMPLES / "coco2014/annotations/instances_train2014.json"
    shutil.copy(source, tmp_path / "coco" / "labels.json")
    options = guessing.guess(tmp_path / "coco")["options"]
    assert options == {"annotations": "labels.json", "images": "images"}
    folder = make(tmp_path / "pets")
    (folder / "labels.csv").write_text(
        "image,cat,dog\n" + "".join(f"{n}.png,1,0\n" for n in range(6))
    )
    assert guessing.guess(folder)["options"]["labels"] is None


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        (lambda image: image.resize((70, 90)), True),
        (lambda image: ImageEnhance.Brightness(image).enhance(1.25), True),
        (lambda image: image.convert("L").convert("RGB"), True),
        (lambda image: image.rotate(90), False),
        (lambda image: image.crop((0, 0, 60, 90)), False),
    ],
)
def test_likeness(change, alike):
    images = [picture(number, (120, 90)) for number in range(40)]
    looks = [likeness.look(image.convert("L")) for image in [*images, change(images[7])]]
    assert likeness.pairs(looks) == ([likeness.Pair(7, 40, False)] if alike else [])


def test_pictures_of_one_colour_are_not_alike():
    flat = [Image.new("L", (50, 50), value) for value in (0, 0, 200)]
    assert likeness.pairs([likeness.look(image) for image in flat]) == []


def test_turned_pictures_are_seen_as_they_are_meant(tmp_path):
    image, exif = picture(5, (120, 90)), Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "plain.png")
    image.rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    seen = pictures.see([tmp_path / "plain.png", tmp_path / "turned.jpg"])
    assert [each.size for each in seen] == [(120, 90)] * 2
    assert likeness.pairs([each.look for each in seen]) == [likeness.Pair(0, 1, False)]


def test_labels_that_go_together_by_hand():
    names = ("cat", "whiskers", "sea", "shore", "snow")
    codes = np.zeros((60, 5), np.int8)
    codes[:20, :2] = 1  # cat and whiskers: the same images
    codes[20:40, 2] = 1
    codes[20:32, 3] = 1  # every shore has a sea
    codes[40:60, 4] = 1  # snow never meets any
    found = labels.together(names, codes == 1)
    assert found["always_the_same_images"] == [["cat", "whiskers"]]
    assert found["nearly_always_brings"] == [["shore", "sea"]]
    assert ["cat", "sea"] in found["never_together"] and len(found["never_together"]) == 5
