"""Drawn datasets: the same bytes each time, official layouts, and the structure that is planted."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from labelgraph import datasets, wordvectors
from labelgraph.datasets import drawn
from labelgraph.datasets.coco2014 import PARTS as COCO_PARTS
from labelgraph.datasets.drawn import coco2014, looks, place, plan, render, shapes, words, worlds
from labelgraph.files import fingerprint, read_json
from labelgraph.manifest import DIFFICULT, YES
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
each_layout = pytest.mark.parametrize("layout", drawn.LAYOUTS)


def settings(layout: str, **changes) -> dict:
    count = len(worlds.label_names(layout))
    return SETTINGS | {"images": IMAGES[layout], "labels": count} | changes


@pytest.fixture(scope="module")
def roots(tmp_path_factory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("drawn")
    for layout in drawn.LAYOUTS:
        draw.main(layout, settings(layout), base / layout, base / f"{layout}.json", jobs=1)
    return {layout: base / layout for layout in drawn.LAYOUTS}


@each_layout
def test_the_readers_read_what_was_drawn(layout, roots):
    manifest = datasets.read(layout, roots[layout], **OPTIONS[layout])
    parts, counts = np.unique(manifest.parts, return_counts=True)
    assert dict(zip(parts.tolist(), counts.tolist(), strict=True)) == IMAGES[layout]
    assert set(manifest.names) <= set(worlds.label_names(layout))
    for image in manifest.images:
        assert (roots[layout] / image).is_file()


@each_layout
def test_boxes_lie_inside_their_image_and_agree_with_the_labels(layout, roots):
    manifest = datasets.read(layout, roots[layout], **OPTIONS[layout])
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


def test_the_pixels_of_a_scene_are_pinned():
    """Another digest means that every drawn dataset, and each result on it, is another one."""
    rng = plan.generator(3, plan.PICTURE, 0)
    area = place.frame(160, rng)
    labels = sorted(looks.LOOKS)
    things = place.place(labels, area, rng, structure=True, size=90, crowds=10)
    picture, shown = render.render(things, area, rng, clutter=12, noise=6, repainted=30)
    digest = fingerprint(pixels=np.asarray(picture), boxes=np.array([x[2:] for x in shown]))
    assert digest == "PINNED"


def test_voc_has_difficult_objects_and_its_lists_agree_with_its_xml(roots):
    manifest = datasets.read("voc2007", roots["voc2007"], boxes=True)
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


def association(layout: str, structure: bool) -> float:
    """Mean over labels of the largest |correlation| with another label, 2,000 images."""
    count = len(worlds.label_names(layout))
    matrix = plan.label_matrix(
        layout, count, range(2000), seed=1, structure=structure, empty=0, stray=6
    )
    related = np.abs(np.corrcoef(matrix.T))
    np.fill_diagonal(related, 0)
    return related.max(0).mean()


@each_layout
def test_labels_occur_together_unless_this_is_the_control(layout):
    assert association(layout, structure=True) > 0.3
    assert association(layout, structure=False) < 0.1


@each_layout
def test_few_labels_are_frequent_and_many_are_rare(layout):
    count = len(worlds.label_names(layout))
    matrix = plan.label_matrix(layout, count, range(1000), seed=1, structure=True, empty=0, stray=6)
    shown = np.sort(matrix.sum(0))
    assert shown[-1] > 5 * shown[count // 4] and shown[0] > 10


@each_layout
def test_the_control_shows_each_label_as_often(layout):
    count = len(worlds.label_names(layout))
    both = [
        plan.label_matrix(layout, count, range(300), seed=1, structure=given, empty=0, stray=6)
        for given in (True, False)
    ]
    assert (both[0].sum(0) == both[1].sum(0)).all() and (both[0] != both[1]).any()


@pytest.mark.parametrize(("structure", "least", "most"), [(True, 0.8, 1.0), (False, 0.0, 0.45)])
def test_riders_are_above_their_horses_unless_this_is_the_control(structure, least, most):
    """The share of riders whose middle is above, and within the width of, the horse."""
    above = []
    for index in range(200):
        rng = plan.generator(1, plan.PICTURE, index)
        area = place.frame(288, rng)
        things = place.place(["horse", "person"], area, rng, structure=structure, size=70, crowds=0)
        horse, person = (
            min((t for t in things if t.label == label), key=lambda t: t.group)
            for label in ("horse", "person")
        )
        across = person.left + person.width // 2 - horse.left
        higher = person.top + person.height // 2 < horse.top + horse.height // 2
        above.append(higher and 0 <= across <= horse.width)
    assert least <= np.mean(above) <= most


@pytest.mark.parametrize(("first", "where", "second"), worlds.RELATIONS)
def test_what_a_thing_stands_on_is_placed_first(first, where, second):
    everything = place.placing_order(sorted(looks.LOOKS))
    assert place.placing_order([first, second]) == [second, first]
    target = place.relation(first, looks.LOOKS)[1]
    assert everything.index(target) < everything.index(first), where


def test_every_label_has_a_look_and_every_relation_its_things():
    for layout in drawn.LAYOUTS:
        for label in worlds.label_names(layout):
            assert shapes.parts(looks.LOOKS[looks.look_name(label)].family)
    named = [(first, second) for first, _, second in worlds.RELATIONS]
    named += [(first, second) for first, second, _ in worlds.IMPLIES]
    assert {name for pair in named for name in pair} <= looks.LOOKS.keys()


def test_every_label_has_a_vector_and_alike_words_are_near(tmp_path):
    index, root = tmp_path / "words.json", tmp_path / "glove"
    text = json.dumps({"seed": 0, "dimensions": 300, "others": 50})
    arguments = ["--dataset", draw.WORDS, "--settings", text, "--root", str(root)]
    draw.command([*arguments, "--index", str(index), "--jobs", "1"])
    options = {"aliases": words.PIECES, "multiword": "mean", "case": "lower"}
    names = tuple(sorted({name for layout in drawn.LAYOUTS for name in worlds.label_names(layout)}))
    vectors, report = wordvectors.embed(names, root / draw.WORDS_FILE, options)
    assert vectors.shape == (len(names), 300)
    assert not any(entry["missing"] for entry in report.values())
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    near = {name: unit[names.index(name)] for name in ("horse", "cow", "sheep", "laptop")}
    assert near["horse"] @ near["cow"] > near["horse"] @ near["laptop"] + 0.2
    assert near["cow"] @ near["sheep"] > near["sheep"] @ near["laptop"] + 0.2


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
