"""The contract of every reader on disk, the labels of the samples, and the step that writes."""

import json
import runpy
import shutil

import numpy as np
import pytest
from dataset_cases import OPTIONS, SAMPLES, change, published, read, sample

from labelgraph.files.images import inspect, read_image
from labelgraph.manifest import finding, manifest
from labelgraph.manifest.manifest import Manifest
from labelgraph.manifest.readers import visual_genome
from labelgraph.steps import write_manifest

each_reader = pytest.mark.parametrize("reader", finding.available())


def shown(table: Manifest, image: str) -> dict[str, int]:
    """The labels of the image whose path ends with `image`, by name, without the `no`s."""
    (row,) = (n for n, path in enumerate(table.images) if path.endswith(image))
    codes = dict(zip(table.names, table.labels[row].tolist(), strict=True))
    return {name: code for name, code in codes.items() if code}


def test_every_reader_has_a_sample():
    assert finding.available() == sorted(OPTIONS)
    assert "drawn" not in finding.available()


@each_reader
def test_contract(reader):
    table = read(reader)
    assert table.labels.dtype == np.int8 and set(np.unique(table.labels)) <= {-1, 0, 1}
    assert (table.labels == 1).any(0).sum() >= 3
    assert len(np.unique(table.parts)) == 2
    assert all((table.parts == part).sum() >= 2 for part in table.parts)
    assert (table.box_image.dtype, table.box_label.dtype) == (np.int32, np.int16)
    assert table.boxes.dtype == np.float32 and table.boxes.shape == (len(table.box_image), 4)
    assert (table.labels[table.box_image, table.box_label] != 0).all()  # a box is a label, too
    sizes = inspect([sample(reader) / i for i in table.images], workers=1, decode=True).sizes
    assert (table.boxes[:, :2] >= 0).all()
    assert (table.boxes[:, :2] + table.boxes[:, 2:] <= sizes[table.box_image]).all()


@each_reader
def test_reading_opens_no_image_and_repeats(reader, tmp_path):
    root = shutil.copytree(sample(reader), tmp_path / reader)
    for image in root.rglob("*.jpg"):
        image.write_text(image.stem)  # every file stays distinct, and none is an image any more
    first, second = vars(read(reader)), vars(read(reader, root))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@each_reader
def test_samples_equal_what_make_draws(reader, tmp_path):
    runpy.run_path(str(SAMPLES / "make.py"))["main"](tmp_path)
    kept = sorted(p.relative_to(SAMPLES) for p in sample(reader).rglob("*") if p.is_file())
    made = sorted(
        p.relative_to(tmp_path) for p in (tmp_path / sample(reader).name).rglob("*") if p.is_file()
    )
    assert kept == made
    for path in kept:
        if path.suffix == ".jpg":  # another Pillow may compress otherwise
            here, there = (read_image(f / path).astype(int) for f in (SAMPLES, tmp_path))
            assert abs(here - there).mean() < 4, path
        else:
            assert (SAMPLES / path).read_bytes() == (tmp_path / path).read_bytes(), path


@pytest.mark.parametrize("inside", ["", "VOCdevkit", "VOCdevkit/VOC2007"])
def test_voc_labels_and_roots(inside):
    table = read("voc2007", SAMPLES / "voc2007" / inside)
    assert shown(table, "/000001.jpg") == {"person": 1, "dog": 1}
    assert shown(table, "/000002.jpg") == {"person": 1, "chair": -1}
    assert shown(table, "/000005.jpg") == {"car": 1}  # an easy and a difficult one
    assert (SAMPLES / "voc2007" / inside / table.images[0]).is_file()
    assert table.boxes[0].tolist() == [4, 6, 30, 50]  # from 1-based, inclusive corners


def test_voc_boxes():
    table = read("voc2007")
    chair = table.names.index("chair")
    assert 1 in table.box_image[table.box_label == chair]  # the difficult one has its box
    assert len(table.boxes) == 12  # heads of persons are not among them
    assert len(read("voc2007", boxes=False).boxes) == 0


def test_coco_options():
    table = read("coco2014")
    assert table.names == ("bicycle", "dog", "hair drier", "person", "traffic light")
    assert shown(table, "025.jpg") == {"person": 1, "traffic light": 1}
    by_id = read("coco2014", order="id")
    assert by_id.names == ("person", "bicycle", "traffic light", "dog", "hair drier")
    assert all(shown(table, i) == shown(by_id, i) for i in table.images)
    assert len(read("coco2014", empty_images="drop").images) == 6
    assert len(read("coco2014", boxes=False).boxes) == 0


def test_coco_crowd_dropped_leaves_labels_and_boxes_of_the_rest():
    table = read("coco2014", crowd="drop", empty_images="drop")
    assert shown(table, "025.jpg") == {"traffic light": 1}
    assert [path[-7:-4] for path in table.images] == ["009", "025", "034", "042", "074"]
    last = table.boxes[table.box_image == 4]
    assert last.tolist() == [[12, 12, 60, 40], [4, 4, 20, 50]]
    names = [table.names[column] for column in table.box_label[table.box_image == 4]]
    assert names == ["bicycle", "person"]


def test_nuswide_joins_by_line():
    table = read("nuswide")
    assert shown(table, "actor/0002_174174086.jpg") == {"animal": 1}
    assert shown(table, "beach/0001_174174086.jpg") == {"beach": 1}  # the same Flickr id
    assert [len(table.rows(part)) for part in ("train", "test")] == [4, 4]
    fewer = read("nuswide", without_concept="drop")
    assert [len(fewer.rows(part)) for part in ("train", "test")] == [3, 3]
    assert not [image for image in fewer.images if "fog" in image]


def test_genome_names_by_frequency_then_alphabet():
    table = read("visual_genome", labels=5)
    # images: man 1 2 5, tree 1 3 6, building 4 6, window 2 4, oak 5 (in 1 it is a second name)
    assert table.names == ("man", "tree", "building", "window", "oak")
    assert shown(table, "/1.jpg") == {"man": 1, "tree": 1}
    assert table.images[2] == "VG_100K_2/3.jpg"
    assert read("visual_genome", labels=2).names == table.names[:2]
    drawn = np.random.RandomState(0).permutation(7)[:3]
    assert sorted(table.rows("test")) == sorted(drawn)


def test_genome_published_split_and_index(tmp_path):
    root = shutil.copytree(SAMPLES / "visual_genome", tmp_path / "visual_genome")
    changes = published(root)
    table = read("visual_genome", root, **changes, boxes=False)
    assert table.names == ("vg_000", "vg_001", "vg_002")
    assert table.parts.tolist() == [*["train"] * 3, *["test"] * 2, *["unused"] * 2]
    assert table.images[:2].tolist() == ["VG_100K/5.jpg", "VG_100K/1.jpg"]
    assert shown(table, "/5.jpg") == {"vg_000": 1, "vg_002": 1}
    named = read("visual_genome", root, **changes, names="names.txt", labels=2)
    assert named.names == ("man", "tree")
    assert shown(named, "/5.jpg") == {"man": 1}  # number 2 belongs to the larger set
    assert len(named.boxes) == 7 and set(named.box_label) == {0, 1}


def test_genome_counts_objects_without_a_name(tmp_path):
    root = shutil.copytree(SAMPLES / "visual_genome", tmp_path / "visual_genome")
    change(root / "objects.json", '"man"\n', '"  "\n')
    with pytest.warns(UserWarning, match="1 objects have no name"):
        visual_genome.read(root, **OPTIONS["visual_genome"])


@each_reader
def test_step_writes_manifest_and_report(reader, tmp_path):
    output, report = tmp_path / "table.npz", tmp_path / "report.json"
    arguments = {"reader": reader, "root": sample(reader), "output": output, "report": report}
    options = ["--options", json.dumps(OPTIONS[reader]), "--workers", "2"]
    write_manifest.command([f"--{k}={v}" for k, v in arguments.items()] + options)
    table, arrays = manifest.read(output), np.load(output)
    assert np.array_equal(table.labels, read(reader).labels)
    assert arrays["sizes"].shape == (len(table.images), 2)
    assert len(set(arrays["digests"].tolist())) == len(table.images)
    counts = json.loads(report.read_text())
    assert sum(counts["images"].values()) == len(table.images)
    assert sum(counts["positives"].values()) == (table.labels == 1).sum()
    assert sum(counts["difficult"].values()) == (table.labels == -1).sum()
    assert counts["oddities"] == {}
    before = output.read_bytes()
    write_manifest.command([f"--{k}={v}" for k, v in arguments.items()] + options)
    assert output.read_bytes() == before


def test_step_leaves_nothing_when_an_image_is_broken(tmp_path):
    root = shutil.copytree(SAMPLES / "voc2007", tmp_path / "voc2007")
    next(root.rglob("000002.jpg")).write_bytes(b"")
    with pytest.raises(OSError, match=r"1 of 7 images cannot be used: .*000002\.jpg is empty"):
        write_manifest.main(
            *("voc2007", root, OPTIONS["voc2007"], tmp_path / "out.npz", None),
            workers=1,
            decode=False,
        )
    assert not (tmp_path / "out.npz").exists()
