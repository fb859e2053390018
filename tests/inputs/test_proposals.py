"""Regions: anchors by hand, a detector that learns the fit images' boxes, the user's boxes."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.ops import box_iou

from labelgraph.files.small import read_arrays, write_arrays, write_json
from labelgraph.inputs.regions import (
    anchors,
    faster_rcnn,
    learning,
    light,
    region_file,
)
from labelgraph.manifest import manifest as manifests
from labelgraph.manifest.manifest import Manifest
from labelgraph.steps import propose_regions, train_detector

NETWORK = {
    "encoder": "efficientnet_lite0",
    "weights": "imagenet",
    "layers": 13,
    "size": 96,
    "hidden": 32,
    "scales": [0.35, 0.6],
    "ratios": [1.0, 1.5],
}
LEARN = {
    "images": 100,
    "seed": 0,
    "epochs": 15,
    "batch": 8,
    "lr": 0.005,
    "weight_decay": 0.0,
    "anchors": 32,
    "above": 0.5,
    "below": 0.3,
}
PROPOSE = {
    "kind": "rpn",
    "count": 6,
    "nms": 0.5,
    "min_score": 0.0,
    "candidates": 40,
    "thinnest": 0.01,
    "batch": 4,
}
RCNN = {"count": 5, "nms": 0.6, "min_score": 0.0, "size": 64, "batch": 2}
SIZE = (96, 64)  # width, height of the drawn images
FITTED, REPORTED = 60, 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Red squares on grey; the boxes of the reported images are absurd in a second manifest."""
    root, draw = tmp_path_factory.mktemp("squares"), np.random.default_rng(0)
    count = FITTED + REPORTED
    places = np.column_stack([draw.integers(0, 60, count), draw.integers(0, 30, count)])
    boxes = np.column_stack([places, np.full((count, 2), 30)]).astype(np.float32)
    for row, (left, top, width, height) in enumerate(boxes.astype(int).tolist()):
        pixels = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
        pixels[top : top + height, left : left + width] = (220, 20, 20)
        Image.fromarray(pixels).save(root / f"square_{row:06d}.png")
    parts = np.array(["train"] * FITTED + ["test"] * REPORTED)
    wrong = np.where((parts == "test")[:, None], [[-500, 3, 9000, 1]], boxes).astype(np.float32)
    for name, found in (("right", boxes), ("wrong", wrong)):
        write_manifest(root / f"{name}.npz", parts, found)
    listed = np.array([f"square_{row:06d}.png" for row in range(FITTED)])
    role = np.zeros(FITTED, np.uint8)
    write_arrays(root / "train.npz", images=listed, role=role)
    return root


def write_manifest(path, parts, boxes):
    rows = np.arange(len(parts))
    content = Manifest(
        images=np.array([f"square_{row:06d}.png" for row in rows]),
        parts=parts,
        names=("square",),
        labels=np.ones((len(parts), 1), np.int8),
        box_image=rows.astype(np.int32),
        box_label=np.zeros(len(parts), np.int16),
        boxes=boxes,
    )
    manifests.write(content, path, sizes=np.tile(np.int32(SIZE), (len(parts), 1)))


def train(folder, manifest, output, **changes):
    given = json.dumps({"network": NETWORK, "learn": LEARN | changes})
    files = ["--manifest", str(folder / manifest), "--train", str(folder / "train.npz")]
    places = ["--root", str(folder), "--output", str(output)]
    train_detector.command([*files, *places, "--settings", given])
    return output


def propose(folder, output, source, **changes):
    given = json.dumps(PROPOSE | changes)
    files = ["--manifest", str(folder / "right.npz"), "--root", str(folder)]
    propose_regions.command([*files, *source, "--settings", given, "--output", str(output)])
    return read_arrays(output)


@pytest.fixture(scope="module")
def detector(folder):
    return train(folder, "right.npz", folder / "detector.safetensors")


def test_anchors_by_hand():
    found = anchors.grid(2, [0.5], [1.0, 4.0])
    assert found.shape == (8, 4)
    torch.testing.assert_close(found[0], torch.tensor([0.0, 0.0, 0.5, 0.5]))
    torch.testing.assert_close(found[1], torch.tensor([0.125, -0.25, 0.375, 0.75]))
    torch.testing.assert_close(found[2], torch.tensor([0.5, 0.0, 1.0, 0.5]))  # one to the right
    torch.testing.assert_close(found[4], torch.tensor([0.0, 0.5, 0.5, 1.0]))  # one down


def test_correction_by_hand_and_back():
    anchor, box = torch.tensor([[0.0, 0.0, 0.4, 0.2]]), torch.tensor([[0.2, 0.1, 0.4, 0.5]])
    found = anchors.encode(box, anchor)
    wanted = torch.tensor([[0.1 / 0.4, 0.2 / 0.2, np.log(0.5), np.log(2.0)]])
    torch.testing.assert_close(found, wanted.float())
    torch.testing.assert_close(anchors.decode(found, anchor), box)
    huge = anchors.decode(torch.full((1, 4), 1e4), anchor)
    assert ((huge >= 0) & (huge <= 1)).all()


def test_anchors_are_assigned_by_overlap():
    places = torch.tensor([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.4], [0, 0, 0.2, 0.5], [0.6, 0.6, 1, 1]])
    boxes = torch.tensor([[0, 0, 0.5, 0.5], [0.9, 0.9, 1.0, 1.0]])
    objectness, nearest = anchors.assign(places, boxes, 0.6, 0.3)
    # overlaps: 1, 0.8, 0.4 with the first; the last is all that overlaps the second
    assert objectness.tolist() == [1, 1, anchors.IGNORED, 1]
    assert torch.equal(nearest[3], boxes[1])
    assert anchors.assign(places, boxes[:0], 0.6, 0.3)[0].tolist() == [0, 0, 0, 0]


def test_the_requested_number_of_anchors_half_of_them_objects():
    draw = torch.Generator().manual_seed(0)
    objectness = torch.tensor([[1.0] * 6 + [0.0] * 20 + [-1.0] * 4, [1.0] + [0.0] * 29])
    chosen = learning.sample(objectness, 8, draw)
    assert [(chosen & (objectness == value)).sum(1).tolist() for value in (1, 0, -1)] == [
        [4, 1],
        [4, 7],
        [0, 0],
    ]


def test_of_two_that_overlap_the_better_one_is_kept():
    boxes = torch.tensor([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.45], [0.5, 0.5, 1, 1], [0, 0, 0.001, 1]])
    found, scores = light.choose(boxes, torch.tensor([0.6, 0.7, 0.1, 0.9]), PROPOSE)
    assert torch.equal(found, boxes[[1, 2]])
    torch.testing.assert_close(scores, torch.tensor([0.7, 0.1]))


def test_the_squares_are_found(folder, detector, tmp_path):
    found = propose(folder, tmp_path / "regions.npz", ["--detector", str(detector)])
    listed = manifests.read(folder / "right.npz")
    assert found["images"].tolist() == listed.images.tolist()
    assert found["boxes"].shape == (FITTED + REPORTED, 6, 4)
    assert found["boxes"].dtype == found["scores"].dtype == np.float32
    assert (np.diff(found["scores"], axis=1) <= 0).all()
    hits = 0
    for row in range(FITTED, FITTED + REPORTED):
        square = learning.relative(listed.boxes[[row]], np.array(SIZE))
        hits += box_iou(square, torch.from_numpy(found["boxes"][row, :2])).max().item() >= 0.5
    assert hits >= REPORTED - 1


def test_boxes_of_reported_images_do_not_change_a_byte(folder, detector, tmp_path):
    again = train(folder, "wrong.npz", tmp_path / "again.safetensors")
    assert again.read_bytes() == detector.read_bytes()
    other = train(folder, "right.npz", tmp_path / "other.safetensors", seed=1, epochs=1)
    assert other.read_bytes() != detector.read_bytes()
    first, second = (tmp_path / f"{name}.npz" for name in "ab")
    for output in (first, second):
        propose(folder, output, ["--detector", str(detector)])
    assert first.read_bytes() == second.read_bytes()


def test_a_role_other_than_fit_is_not_learnt_from(folder):
    listed = manifests.read(folder / "right.npz")
    role = np.array([0] * 10 + [1] * 8 + [2] * 6)
    rows = learning.fit_rows(listed, {"images": listed.images[:24], "role": role}, 100, 0)
    assert rows.tolist() == list(range(10))
    assert len(learning.fit_rows(listed, {"images": listed.images[:24], "role": role}, 4, 0)) == 4


def test_a_dataset_without_boxes_is_named(folder):
    listed = manifests.read(folder / "right.npz")
    bare = Manifest(**vars(listed) | manifests.no_boxes())
    with pytest.raises(ValueError, match=r"none of 2 fit images has a box.*trained_on"):
        learning.fit_rows(bare, {"images": listed.images[:2], "role": np.zeros(2)}, 9, 0)


def test_a_missing_or_invalid_detector_is_named(folder, detector, tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(FileNotFoundError, match=r"none\.safetensors is missing"):
        light.read(tmp_path / "none.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="is not a detector of train_detector"):
        light.read(tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"kind is 'instances'.*set `kind: rpn`"):
        light.read(detector).propose([], PROPOSE | {"kind": "instances"})


RESULTS = [
    {"image_id": 3, "bbox": [0, 0, 48, 32], "score": 0.2},
    {"image_id": "square_000003", "bbox": [48, 32, 48, 64], "score": 0.9},
    {"image_id": 99, "file_name": "square_000005.png", "bbox": [9.6, 6.4, 9.6, 6.4], "score": 0.5},
]


@pytest.mark.parametrize("named", [False, True])
def test_boxes_from_the_user(folder, tmp_path, named):
    content = RESULTS
    if named:
        rows = [dict(item, image_id=k) for k, item in enumerate(RESULTS, start=70)]
        names = ["square_000003.png", "square_000003.png", "square_000005.png"]
        images = [{"id": k, "file_name": name} for k, name in enumerate(names, start=70)]
        content = {"images": images, "annotations": rows}
    write_json(tmp_path / "mine.json", content)
    found = propose(folder, tmp_path / "out.npz", ["--boxes", str(tmp_path / "mine.json")])
    assert found["boxes"].shape == (FITTED + REPORTED, 6, 4)
    np.testing.assert_allclose(
        found["boxes"][3, :3], [[0.5, 0.5, 1, 1], [0, 0, 0.5, 0.5], [0, 0, 0, 0]]
    )
    np.testing.assert_allclose(found["scores"][3, :3], [0.9, 0.2, 0])
    np.testing.assert_allclose(found["boxes"][5, 0], [0.1, 0.1, 0.2, 0.2], rtol=1e-6)
    assert not found["boxes"][[0, 29, -1]].any()
    few = {"count": 1, "min_score": 0.5}
    few = propose(folder, tmp_path / "few.npz", ["--boxes", str(tmp_path / "mine.json")], **few)
    np.testing.assert_allclose(few["scores"].sum(), 0.9 + 0.5)


WRONG = {
    "entry 1: no image of the manifest is called 310": [dict(RESULTS[0], image_id=310)],
    "entry 1: no image of the manifest is called None": [dict(RESULTS[0], image_id=None)],
    "entry 2: found .*expected image_id or file_name, bbox": [RESULTS[0], {"image_id": 1}],
    "entry 1: found 7; expected": [7],
    r"entry 1: bbox \[1, 2, 0, 4\] is not": [dict(RESULTS[0], bbox=[1, 2, 0, 4])],
    r"entry 1: bbox \[1, 2, 3\] is not": [dict(RESULTS[0], bbox=[1, 2, 3])],
    "found str; expected a list of COCO results": "boxes",
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_boxes_are_named(folder, tmp_path, message):
    write_json(tmp_path / "mine.json", WRONG[message])
    with pytest.raises(ValueError, match=message):
        propose(folder, tmp_path / "out.npz", ["--boxes", str(tmp_path / "mine.json")])


def test_missing_broken_and_ambiguous_boxes_are_named(folder, tmp_path):
    from labelgraph.inputs.regions import user_boxes

    with pytest.raises(FileNotFoundError, match=r"mine\.json is missing"):
        user_boxes.read(tmp_path / "mine.json", np.array(["a.jpg"]))
    write_json(tmp_path / "mine.json", RESULTS[:1])
    with pytest.raises(ValueError, match="3 matches several images; give their `file_name`"):
        user_boxes.read(tmp_path / "mine.json", np.array(["a/003.jpg", "b/x_3.jpg"]))
    (tmp_path / "mine.json").write_text("[{")
    with pytest.raises(ValueError, match="not JSON"):
        user_boxes.read(tmp_path / "mine.json", np.array(["a.jpg"]))


@pytest.mark.parametrize("kind", ["rpn", "instances"])
def test_faster_rcnn_with_random_weights(folder, kind):
    images = np.array(["square_000000.png", "square_000001.png"])
    torch.manual_seed(0)
    network = faster_rcnn.read(None, torch.device("cpu"))
    found = region_file.detect(network, images, folder, RCNN | {"kind": kind})
    again = region_file.detect(network, images, folder, RCNN | {"kind": kind})
    assert found["boxes"].shape == (2, 5, 4)
    assert found["boxes"].min() >= 0
    assert found["boxes"].max() <= 1
    assert found["scores"][0, 0] > 0
    assert (np.diff(found["scores"], axis=1) <= 0).all()
    assert all(np.array_equal(found[name], again[name]) for name in found)


def test_faster_rcnn_is_read_from_its_file(folder, tmp_path):
    torch.manual_seed(0)
    network = faster_rcnn.read(None, torch.device("cpu")).network
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    other = propose_regions.read_detector(tmp_path / "weights.pth")
    assert torch.equal(
        network.rpn.head.cls_logits.weight, other.network.rpn.head.cls_logits.weight.cpu()
    )
    with pytest.raises(ValueError, match="kind is 'boxes'; expected rpn or instances"):
        other.propose([], RCNN | {"kind": "boxes"})
