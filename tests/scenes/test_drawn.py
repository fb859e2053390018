"""Drawn datasets: the same bytes each time, in the layouts that the readers expect."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from labelgraph.files.small import read_json
from labelgraph.manifest import finding
from labelgraph.manifest.manifest import DIFFICULT, YES
from labelgraph.manifest.readers.coco2014 import PARTS as COCO_PARTS
from labelgraph.scenes import coco2014, drawing, worlds
from labelgraph.steps import draw

SETTINGS = {
    "seed": 5,
    "structure": True,
    "long_side": 144,
    "size": 70,
    "stray": 6,
    "empty": 10,
    "crowds": 30,
    "repainted": 50,
    "clutter": 6,
    "noise": 6,
    "quality": 90,
}
IMAGES = {
    "voc2007": {"trainval": 30, "test": 20},
    "coco2014": {"train2014": 30, "val2014": 20},
    "nuswide": {"train": 30, "test": 20},
    "visual_genome": {"train": 30, "test": 20},
}
OPTIONS = {
    "voc2007": {"boxes": True},
    "coco2014": {"crowd": "keep", "empty_images": "keep", "boxes": True, "order": "id"},
    "nuswide": {"without_concept": "keep"},
    "visual_genome": {
        "labels": 40,
        "index": None,
        "names": None,
        "lists": {"train": "train_list_500.txt", "test": "test_list_500.txt"},
        "test_images": None,
        "seed": None,
        "boxes": True,
    },
}
NOVEL = {
    *("bicycle", "boat", "stop sign", "bird", "backpack", "frisbee", "snowboard", "surfboard"),
    *("cup", "fork", "spoon", "broccoli", "chair", "keyboard", "microwave", "vase"),
}
each_layout = pytest.mark.parametrize("layout", drawing.LAYOUTS)


def settings(layout: str, **changes) -> dict:
    count = len(worlds.label_names(layout))
    return SETTINGS | {"images": IMAGES[layout], "labels": count} | changes


@pytest.fixture(scope="module")
def roots(tmp_path_factory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("drawn")
    for layout in drawing.LAYOUTS:
        draw.main(layout, settings(layout), base / layout, base / f"{layout}.json", jobs=1)
    return {layout: base / layout for layout in drawing.LAYOUTS}


@each_layout
def test_the_readers_read_what_was_drawn(layout, roots):
    manifest = finding.read(layout, roots[layout], **OPTIONS[layout])
    parts, counts = np.unique(manifest.parts, return_counts=True)
    assert dict(zip(parts.tolist(), counts.tolist(), strict=True)) == IMAGES[layout]
    assert set(manifest.names) <= set(worlds.label_names(layout))
    for image in manifest.images:
        assert (roots[layout] / image).is_file()


@each_layout
def test_boxes_are_inside_their_image_and_agree_with_the_labels(layout, roots):
    manifest = finding.read(layout, roots[layout], **OPTIONS[layout])
    sizes = np.array([size(roots[layout] / image) for image in manifest.images])
    left, top, width, height = manifest.boxes.T
    assert (left >= 0).all() and (top >= 0).all()
    assert (width >= 1).all() and (height >= 1).all()
    assert (left + width <= sizes[manifest.box_image, 0]).all()
    assert (top + height <= sizes[manifest.box_image, 1]).all()
    if layout != "nuswide":
        boxed = np.zeros(manifest.labels.shape, bool)
        boxed[manifest.box_image, manifest.box_label] = True
        assert (boxed == (manifest.labels != 0)).all()


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_bytes_do_not_depend_on_the_number_of_processes(tmp_path, roots):
    for jobs, seed in ((2, 5), (1, 6)):
        index = tmp_path / f"{seed}.json"
        draw.main("voc2007", settings("voc2007", seed=seed), tmp_path / "d", index, jobs)
    first = read_json(roots["voc2007"].with_suffix(".json"))
    assert read_json(tmp_path / "5.json") == first
    assert read_json(tmp_path / "6.json")["sha256"] != first["sha256"]
    assert {path.name for path in tmp_path.iterdir()} == {"d", "5.json", "6.json"}


def test_voc_has_difficult_objects_and_its_lists_agree_with_its_xml(roots):
    manifest = finding.read("voc2007", roots["voc2007"], boxes=True)
    assert (manifest.labels == DIFFICULT).any()
    for row, image in enumerate(manifest.images):
        path = roots["voc2007"] / image.replace("JPEGImages", "Annotations")
        clear = {
            item.findtext("name")
            for item in ElementTree.parse(path.with_suffix(".xml")).getroot().findall("object")
            if item.findtext("difficult") == "0"
        }
        assert clear == {manifest.names[c] for c in np.flatnonzero(manifest.labels[row] == YES)}


def test_coco_has_crowds_empty_images_and_the_novel_categories(roots):
    files = [roots["coco2014"] / "annotations" / f"instances_{part}.json" for part in COCO_PARTS]
    contents = [read_json(path) for path in files]
    names = {category["name"] for category in contents[0]["categories"]}
    assert names >= NOVEL and len(names - NOVEL) >= 16 and "person" in names
    items = [item for content in contents for item in content["annotations"]]
    crowds = [item["segmentation"] for item in items if item["iscrowd"]]
    assert crowds and len({item["id"] for item in items}) == len(items)
    for code in crowds:
        assert sum(code["counts"]) == code["size"][0] * code["size"][1]
    shown = {item["image_id"] for item in items}
    assert any(image["id"] not in shown for image in contents[0]["images"])
    assert set(coco2014.NUMBERS) == set(worlds.label_names("coco2014"))


def test_nuswide_lists_use_backslashes(roots):
    lines = (roots["nuswide"] / "ImageList" / "Imagelist.txt").read_text().splitlines()
    assert len(lines) == 50 and all(line.count("\\") == 1 for line in lines)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": 99}, "labels is 99"),
        ({"images": {"trainval": 3}}, "expected a number for each"),
        ({"colour": 1}, "takes the settings"),
    ],
)
def test_wrong_settings_are_named_and_leave_nothing(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        draw.main("voc2007", settings("voc2007") | change, tmp_path / "d", tmp_path / "i", 1)
    assert not list(tmp_path.iterdir())
