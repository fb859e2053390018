"""What training may see: masks, roles, shots, and the files that `split` writes."""

import itertools
import json
import random
from dataclasses import replace

import numpy as np
import pytest

from labelgraph.files.small import fingerprint, read_arrays, read_json
from labelgraph.manifest.manifest import Manifest, no_boxes, write
from labelgraph.split import (
    cutting,
    episodes,
    fewshot,
    listing,
    partial,
    roles,
    targets,
)
from labelgraph.steps import split as step

NAMES = ("bird", "cat", "dog", "vase", "boat", "sofa")  # bird, vase and boat are COCO's novel ones
FEWSHOT = {
    "novel": "coco",
    "base_images": "hidden",
    "shot_base_labels": "hidden",
    "episodes": 3,
    "files": [],
    "order": None,
}
SETTINGS = {
    "task": "full",
    "parts": {"train": "trainval", "report": "test"},
    "tune": 0.1,
    "seed": 7,
    "selection": "tune",
}


@pytest.fixture
def manifest():
    """120 training and 40 reported images; parts alternate, so rows and places differ."""
    generator = np.random.default_rng(3)
    labels = generator.choice(np.array([1, 0, -1], np.int8), (160, 6), p=[0.2, 0.75, 0.05])
    parts = np.where(np.arange(160) % 4 == 1, "test", "trainval")
    images = np.array([f"{part}/{row:04}.jpg" for row, part in enumerate(parts)])
    return Manifest(images=images, parts=parts, names=NAMES, labels=labels, **no_boxes())


def settings(task="full", few=None, **changes):
    block = {"fewshot": FEWSHOT | (few or {})} if task.startswith("fewshot") else {}
    return SETTINGS | {"task": task} | block | changes


def truth(manifest, images):
    rows = {image: row for row, image in enumerate(manifest.images.tolist())}
    return manifest.labels[[rows[image] for image in images.tolist()]]


def picked(train, role):
    return {key: train[key][train["role"] == role] for key in ("images", "labels")}


# ---- partial labels


@pytest.mark.parametrize("proportion", [0.1, 0.5, 0.9])
def test_the_mask_equals_a_loop_over_draws(proportion):
    generator = np.random.RandomState(0)
    literal = [[generator.rand() < proportion for _ in range(7)] for _ in range(30)]
    assert (partial.known_mask(30, 7, proportion) == np.array(literal)).all()


def test_masks_are_nested():
    masks = [partial.known_mask(500, 20, percent / 100) for percent in range(10, 100, 10)]
    for smaller, larger in itertools.pairwise(masks):
        assert (smaller <= larger).all() and smaller.sum() < larger.sum()


def test_a_draw_equal_to_the_proportion_is_hidden(monkeypatch):
    drawn = np.array([[0.3, 0.29, 0.31]])

    class Given:
        def __init__(self, seed):
            assert seed == 0

        def random_sample(self, shape):
            return drawn.reshape(shape)

    monkeypatch.setattr(np.random, "RandomState", Given)
    assert partial.known_mask(1, 3, 0.3).tolist() == [[False, True, False]]


def test_a_mask_ignores_the_global_generator():
    np.random.seed(99)
    before = partial.known_mask(50, 20, 0.3)
    np.random.random(5)
    assert (before == partial.known_mask(50, 20, 0.3)).all()


def test_masks_of_the_full_datasets_have_these_fingerprints():
    found = listing.mask_fingerprints("partial-10")
    assert {name: value[:16] for name, value in found.items()} == {
        "voc2007": "1748ff5e85d11519",
        "coco2014": "781bd6212ee47548",
        "vg200": "ff53937a8d60a68e",
    }
    assert listing.mask_fingerprints("full") == {}


def test_partial_labels_hide_by_row_of_the_training_part(manifest):
    train = cutting.cut(manifest, settings("partial-30")).train
    full = manifest.labels[manifest.parts == "trainval"]
    hidden = ~partial.known_mask(120, 6, 0.3)
    assert (train["labels"][hidden] == -2).all()  # tune images too: all rows are here, in order
    assert (train["labels"][~hidden] == full[~hidden]).all()
    assert set(train["role"].tolist()) == {roles.FIT, roles.TUNE}


def test_hidden_values_do_not_reach_training(manifest, tmp_path):
    """Files are the same byte for byte when every hidden value is flipped."""
    rows = np.flatnonzero(manifest.parts == "trainval")
    turned = manifest.labels.copy()
    known = partial.known_mask(120, 6, 0.2)
    turned[rows] = np.where(known, turned[rows], 1 - np.abs(turned[rows]))
    assert (turned != manifest.labels).mean() > 0.5
    other = Manifest(**vars(manifest) | {"labels": turned})
    files = [
        run(each, settings("partial-20"), tmp_path / str(n))
        for n, each in enumerate((manifest, other))
    ]
    for name in ("train", "report", "targets", "description"):
        assert files[0][name].read_bytes() == files[1][name].read_bytes()


# ---- roles


def test_roles_do_not_overlap(manifest):
    split = cutting.cut(manifest, settings())
    train, report = split.train, split.report
    assert len(picked(train, roles.TUNE)["images"]) == 12
    assert not set(train["images"]) & set(report["images"])
    assert train["images"].tolist() == manifest.images[manifest.parts == "trainval"].tolist()
    assert report["images"].tolist() == manifest.images[manifest.parts == "test"].tolist()
    assert (train["labels"] == truth(manifest, train["images"])).all()
    assert (split.targets["target"] == truth(manifest, report["images"])).all()
    assert split.targets["scored"].all()
    assert set(report) == {"images", "names"}


def test_the_description_of_a_split_by_hand():
    codes = np.array([[1, 0], [1, -1], [0, 0], [1, 1]], np.int8)
    images, parts = np.array(list("abcd")), np.array(["trainval"] * 3 + ["test"])
    few = Manifest(images=images, parts=parts, names=("x", "y"), labels=codes, **no_boxes())
    description = cutting.cut(few, settings(tune=0.0)).description
    assert description["positives"] == {"fit": {"x": 2, "y": 0}, "report": {"x": 1, "y": 1}}
    assert (description["fit_without_positive"], description["novel"], description["episodes"]) == (
        ["y"],
        [],
        [],
    )
    assert (description["images"], description["known"]) == ({"fit": 3, "report": 1}, {"fit": 1.0})
    assert description["notes"] == [] and description["task"] == "full"


@pytest.mark.parametrize("seed", range(5))
def test_the_last_positive_of_a_label_stays_in_fit(seed):
    labels = np.zeros((20, 2), np.int8)
    labels[[3, 11], 0] = 1
    labels[5, 1] = 1
    role = roles.assign(labels, 0.9, seed)
    assert (role == roles.TUNE).sum() == 18
    assert role[5] == roles.FIT and roles.FIT in role[[3, 11]]


@pytest.mark.parametrize(("images", "share", "held"), [(15, 0.1, 2), (14, 0.1, 1), (4, 0.1, 0)])
def test_a_share_of_images_is_rounded(images, share, held):
    role = roles.assign(np.zeros((images, 1), np.int8), share, 0)
    assert (role == roles.TUNE).sum() == held


def test_roles_have_their_codes():
    """Files contain the codes: a changed code would be read as another role."""
    assert roles.NAMES == {"fit": 0, "tune": 1, "shot": 2}


def test_the_seed_draws_the_tune_images(manifest):
    drawn = [
        cutting.cut(manifest, settings(seed=seed)).train["role"].tolist() for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("task", ["full", "partial-10", "fewshot-1"])
def test_selection_on_the_reported_images(manifest, task):
    split = cutting.cut(manifest, settings(task, selection="report"))
    tune = picked(split.train, roles.TUNE)
    assert tune["images"].tolist() == split.report["images"].tolist()
    assert (tune["labels"] == split.targets["target"]).all()
    assert split.description["images"]["fit"] == 120
    assert "chosen on the reported images" in split.description["notes"][0]


# ---- few shots


def test_coco_has_16_novel_labels():
    """LaSO's labels: those left by a seeded draw of 64 from 80, in the order of COCO's ids."""
    random.seed(0)
    base = random.sample(range(80), 64)
    places = [1, 8, 11, 14, 24, 29, 31, 37, 41, 42, 44, 50, 56, 66, 68, 75]
    assert sorted(set(range(80)) - set(base)) == places
    names = [f"other {place}" for place in range(80)]
    for place, name in zip(places, fewshot.COCO_NOVEL, strict=True):
        names[place] = name
    assert np.flatnonzero(fewshot.novel_labels(tuple(names), "coco", 0)).tolist() == places


def test_novel_labels_by_name_and_by_number():
    assert fewshot.novel_labels(NAMES, "coco", 0).tolist() == [1, 0, 0, 1, 1, 0]
    assert fewshot.novel_labels(NAMES, ("dog",), 0).tolist() == [0, 0, 1, 0, 0, 0]
    names = tuple(map(str, range(500)))
    drawn = [fewshot.novel_labels(names, 100, seed) for seed in (1, 1, 2)]
    assert drawn[0].sum() == 100
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (0, "fewshot.novel is 0; it must be from 1 to 5, with 6 labels"),
        (6, "fewshot.novel is 6; it must be from 1 to 5, with 6 labels"),
        (tuple("zyxwvu"), r"names \['u', 'v', 'w', 'x', 'y', 'z'\], which are not labels"),
        (NAMES, "6 of the 6 labels are novel; some but not all must be"),
    ],
)
def test_wrong_novel_labels(wanted, message):
    with pytest.raises(ValueError, match=message):
        fewshot.novel_labels(NAMES, wanted, 0)
    with pytest.raises(ValueError, match="0 of the 1 labels are novel"):
        fewshot.novel_labels(("yak",), "coco", 0)


@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("seed", range(4))
def test_every_novel_label_has_its_shots(shots, seed):
    shown = np.random.default_rng(seed).random((3000, 16)) < np.linspace(0.01, 0.2, 16)
    rows = fewshot.draw(shown, shots, [seed, 0])
    assert (shown[rows].sum(0) >= shots).all()
    assert len(rows) < 16 * shots  # images that show several labels are counted for each
    assert rows.tolist() == fewshot.draw(shown, shots, [seed, 0]).tolist()
    assert rows.tolist() != fewshot.draw(shown, shots, [seed, 1]).tolist()


def test_one_image_can_be_a_shot_of_every_label():
    shown = np.zeros((9, 3), bool)
    shown[4] = True  # the only image of label 0, and it shows the others
    shown[:, 1:] = True
    assert fewshot.draw(shown, 1, [0, 0]).tolist() == [4]


@pytest.mark.parametrize("base_images", ["hidden", "removed"])
@pytest.mark.parametrize("shown", ["hidden", "shown"])
def test_the_labels_that_each_few_shot_stage_sees(manifest, base_images, shown):
    few = {"base_images": base_images, "shot_base_labels": shown}
    split = cutting.cut(manifest, settings("fewshot-2", few))
    train, novel = split.train, split.train["novel"]
    assert train["names"][novel].tolist() == ["bird", "vase", "boat"]
    base = train["role"] != roles.SHOT
    complete = truth(manifest, train["images"])
    assert (train["labels"][base][:, novel] == -2).all()
    assert (train["labels"][base][:, ~novel] == complete[base][:, ~novel]).all()
    assert (train["labels"][~base][:, novel] == complete[~base][:, novel]).all()
    wanted = -2 if shown == "hidden" else complete[~base][:, ~novel]
    assert (train["labels"][~base][:, ~novel] == wanted).all()
    assert (complete[base][:, novel] == 0).all() == (base_images == "removed")
    assert (split.targets["scored"] == novel).all()


def test_the_base_stage_is_the_same_for_any_number_of_shots(manifest):
    cut = {task: cutting.cut(manifest, settings(task)) for task in ("fewshot-base", "fewshot-2")}
    base, both = (split.train for split in cut.values())
    assert roles.SHOT not in base["role"] and "episodes" not in base
    before = both["role"] != roles.SHOT
    for key in ("images", "role", "labels"):
        assert (base[key] == both[key][before]).all()
    novel = base["novel"]
    assert (base["labels"][:, novel] == -2).all()
    assert (cut["fewshot-base"].targets["scored"] == ~novel).all()


def test_novel_labels_do_not_reach_the_base_stage(manifest):
    """Neither through the roles, nor if the reported images choose the checkpoint."""
    for selection in ("tune", "report"):
        first = cutting.cut(manifest, settings("fewshot-base", selection=selection))
        novel = first.train["novel"]
        planted = manifest.labels.copy()
        planted[:, novel] = 1 - np.abs(planted[:, novel])
        other = replace(manifest, labels=planted)
        second = cutting.cut(other, settings("fewshot-base", selection=selection))
        assert fingerprint(**first.train) == fingerprint(**second.train)


def test_episodes_are_rows_of_the_training_file(manifest):
    train = cutting.cut(manifest, settings("fewshot-2")).train
    flat, offsets, novel = train["episodes"], train["episode_offsets"], train["novel"]
    assert len(offsets) == 4 and offsets[0] == 0 and offsets[-1] == len(flat)
    for start, end in itertools.pairwise(offsets):
        rows = flat[start:end]
        assert (train["role"][rows] == roles.SHOT).all()
        assert ((train["labels"][rows][:, novel] == 1).sum(0) >= 2).all()
    assert set(flat.tolist()) == set(np.flatnonzero(train["role"] == roles.SHOT).tolist())


def test_a_novel_label_without_enough_images(manifest):
    manifest.labels[:, 3] = 0
    manifest.labels[2, 3] = 1
    with pytest.raises(ValueError, match="1 images show the novel label 'vase', 2 are needed"):
        cutting.cut(manifest, settings("fewshot-2"))


def test_just_enough_images_are_enough():
    shown = np.array([[True, False], [True, True], [False, True]])
    fewshot.check_shots(shown, ["a", "b"], 2, "here")
    with pytest.raises(ValueError, match="here: 2 images show the novel label 'a', 3 are needed"):
        fewshot.check_shots(shown, ["a", "b"], 3, "here")


# ---- episodes that others drew


def given(manifest, tmp_path, **few):
    """An episode file with the training images that show a novel label, as positions."""
    part = manifest.labels[manifest.parts == "trainval"]
    rows = np.flatnonzero((part[:, [0, 3, 4]] == 1).any(1))[::-1]
    np.savetxt(tmp_path / "UsedIndices.txt", rows, fmt="%d")
    return rows, {"files": [str(tmp_path / "UsedIndices.txt")], "episodes": 0} | few


def test_given_episodes(manifest, tmp_path):
    rows, few = given(manifest, tmp_path)
    train = cutting.cut(manifest, settings("fewshot-1", few)).train
    wanted = manifest.images[manifest.parts == "trainval"][np.sort(rows)]
    assert train["images"][train["episodes"]].tolist() == wanted.tolist()


def test_given_episodes_can_use_another_order_of_images(manifest, tmp_path):
    part = manifest.images[manifest.parts == "trainval"]
    rows, few = given(manifest, tmp_path, order=str(tmp_path / "instances.json"))
    files = ["lost.jpg", *(image.rpartition("/")[2] for image in part.tolist())]
    (tmp_path / "instances.json").write_text(
        json.dumps({"images": [{"file_name": f} for f in files]})
    )
    assert episodes.training_rows(np.array([1, 3]), part, files[::-1], "f").tolist() == [116, 118]
    np.savetxt(tmp_path / "UsedIndices.txt", rows + 1, fmt="%d")
    train = cutting.cut(manifest, settings("fewshot-1", few)).train
    assert train["images"][train["episodes"]].tolist() == part[np.sort(rows)].tolist()
    np.savetxt(tmp_path / "UsedIndices.txt", [0, *(rows + 1)], fmt="%d")
    with pytest.raises(ValueError, match=r"'lost.jpg' is not an image of the training part"):
        cutting.cut(manifest, settings("fewshot-1", few))


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.npy"])
def test_kinds_of_position_files(tmp_path, name):
    path = tmp_path / name
    path.write_text("9 4\n7\n" if name == "a.txt" else "[9, 4, 7]")
    if name == "a.npy":
        np.save(path, np.array([9, 4, 7]))
    assert episodes.read_positions(path).tolist() == [4, 7, 9]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("UsedIndices.pkl", b"\x80\x03K\x01.", r"none is read: .*savetxt\('UsedIndices.txt'"),
        ("a.npy", np.array([{1: 2}], object), "allow_pickle"),
        ("a.npy", b"", "No data left"),
        ("a.txt", b"1 two", "'two'"),
        ("a.txt", b"", "expected a list of whole numbers"),
        ("a.json", b"[1.5]", "expected a list of whole numbers"),
        ("a.json", b"{", "positions must be"),
        ("a.json", b"[3, 3]", "1 positions occur twice"),
    ],
)
def test_position_files_that_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(ValueError, match=message):
        episodes.read_positions(path)


def test_a_given_episode_without_enough_images(manifest, tmp_path):
    _, few = given(manifest, tmp_path)
    (tmp_path / "UsedIndices.txt").write_text("0\n")
    with pytest.raises(ValueError, match=r"UsedIndices\.txt: 0 images show the novel label"):
        cutting.cut(manifest, settings("fewshot-1", few))


@pytest.mark.parametrize(("reader", "setting"), [("positions", "files"), ("order", "order")])
def test_a_file_of_episodes_that_is_missing(tmp_path, reader, setting):
    with pytest.raises(FileNotFoundError, match=rf"a\.txt is missing; fewshot\.{setting} names it"):
        getattr(episodes, f"read_{reader}")(tmp_path / "a.txt")


def test_the_largest_position(tmp_path):
    (tmp_path / "a.json").write_text("[2147483648]")
    assert episodes.read_positions(tmp_path / "a.json").tolist() == [2**31]
    (tmp_path / "a.json").write_text("[2147483649]")
    with pytest.raises(ValueError, match="expected a list of whole numbers"):
        episodes.read_positions(tmp_path / "a.json")


@pytest.mark.parametrize("position", [-1, 120])
def test_positions_outside(manifest, tmp_path, position):
    rows, few = given(manifest, tmp_path)
    np.savetxt(tmp_path / "UsedIndices.txt", [position, *rows], fmt="%d")
    with pytest.raises(ValueError, match=f"position {position} is not among the 120 images"):
        cutting.cut(manifest, settings("fewshot-1", few))


# ---- difficult labels


@pytest.mark.parametrize(
    ("difficult", "target", "known"),
    [
        ("positive", [1, 0, 1, 0], [True, True, True, False]),
        ("negative", [1, 0, 0, 0], [True, True, True, False]),
        ("ignored", [1, 0, 0, 0], [True, True, False, False]),
    ],
)
def test_training_targets_by_hand(difficult, target, known):
    found = targets.training_target(np.array([[1, 0, -1, -2]], np.int8), difficult)
    assert found[0].dtype == np.float32 and found[1].dtype == bool
    assert found[0].tolist() == [target] and found[1].tolist() == [known]


def test_an_unknown_policy():
    with pytest.raises(ValueError, match="difficult is 'maybe'; it may be positive"):
        targets.training_target(np.zeros((1, 1), np.int8), "maybe")


# ---- settings, names, files


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "partial-0"}, "task is 'partial-0'"),
        ({"task": "partial-100"}, "task is 'partial-100'"),
        ({"task": "fewshot-1"}, "a fewshot task needs this block"),
        ({"fewshot": FEWSHOT}, "no other task may have it"),
        ({"parts": {"train": "test", "report": "test"}}, "both 'test'"),
        ({"parts": {"train": "test"}}, r"parts has \['train'\]; it must have"),
        ({"parts": "test"}, "parts has 'test'; it must have"),
        ({"parts": {"train": "train2014", "report": "test"}}, "parts are .'test', 'trainval'"),
        ({"tune": 1}, "tune is 1"),
        ({"tune": True}, "tune is True"),
        ({"seed": -1}, "seed is -1"),
        ({"selection": "test"}, "selection is 'test'; it may be tune or report"),
        ({"tuen": 0.1}, "tuen"),
        ({"task": "fewshot-base"}, "a fewshot task needs this block"),
        ({"task": "fewshot-1", "fewshot": FEWSHOT | {"pool": "all"}}, "fewshot has .*'pool'"),
        ({"task": "fewshot-1", "fewshot": FEWSHOT | {"novel": []}}, "fewshot.novel is"),
        ({"task": "fewshot-1", "fewshot": FEWSHOT | {"episodes": 0}}, "fewshot.episodes is 0"),
        ({"task": "fewshot-1", "fewshot": FEWSHOT | {"files": ["a"]}}, "fewshot.episodes is 3"),
        ({"task": "fewshot-1", "fewshot": FEWSHOT | {"order": 3}}, "fewshot.order is 3"),
    ],
)
def test_wrong_settings_are_named(manifest, changes, message):
    with pytest.raises(ValueError, match=message):
        cutting.cut(manifest, SETTINGS | changes)


def test_named_protocols():
    assert len(listing.available()) == 13
    assert [entry["name"] for entry in listing.describe()] == listing.available()
    descriptions = {entry["name"]: entry["description"] for entry in listing.describe()}
    assert len({*descriptions.values()}) == 13
    assert descriptions["full"] == "All labels of the training images are known."
    assert descriptions["partial-10"].startswith("10 % of the training labels are known")
    assert descriptions["fewshot-base"].startswith("The first few-shot stage")
    assert descriptions["fewshot-5"].startswith(
        "Novel labels are learnt from 5 or a few more images"
    )


@pytest.mark.parametrize("task", listing.available())
def test_every_named_protocol_splits(manifest, task):
    split = cutting.cut(manifest, settings(task))
    again = cutting.cut(manifest, settings(task))
    assert split.description == again.description
    manifest.labels[1, 0] = 1 - abs(manifest.labels[1, 0])
    changed = cutting.cut(manifest, settings(task)).description["fingerprint"]
    assert changed != split.description["fingerprint"]


def run(manifest, protocol, folder):
    """Runs the step from its command line and returns its files."""
    write(manifest, folder / "manifest.npz")
    files = {name: folder / f"{name}.npz" for name in ("train", "report", "targets")}
    files["description"] = folder / "protocol.json"
    outputs = [f"--{name}={path}" for name, path in files.items()]
    step.command(
        [f"--manifest={folder}/manifest.npz", "--protocol", json.dumps(protocol), *outputs]
    )
    return files


def test_the_files_of_the_step(manifest, tmp_path):
    files = run(manifest, settings("fewshot-1"), tmp_path)
    train, report, targets = (read_arrays(files[name]) for name in ("train", "report", "targets"))
    assert {name: array.dtype.str for name, array in train.items() if array.dtype.kind != "U"} == {
        "role": "|u1",
        "labels": "|i1",
        "novel": "|b1",
        "episodes": "<i4",
        "episode_offsets": "<i4",
    }
    assert set(report) == {"images", "names"}
    assert set(targets) == {"images", "labels", "target", "scored"}
    assert targets["target"].dtype == np.int8 and targets["scored"].dtype == bool
    description = read_json(files["description"])
    assert description["settings"] == settings("fewshot-1")
    assert description["novel"] == ["bird", "vase", "boat"]
    images = {name: (train["role"] == role).sum() for name, role in roles.NAMES.items()}
    assert description["images"] == images | {"report": 40}
    assert description["known"] == {"fit": 0.5, "tune": 0.5, "shot": 0.5}
    assert description["fit_without_positive"] == []


def test_a_protocol_that_is_not_json(manifest, tmp_path):
    with pytest.raises(ValueError, match="--protocol is not JSON"):
        step.command(
            [
                f"--{name}=x"
                for name in ("manifest", "protocol", "train", "report", "targets", "description")
            ]
        )
