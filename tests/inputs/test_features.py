"""Cached features: interrupted work resumes, and features of other images are never used."""

import json

import numpy as np
import pytest
import torch
from conftest import ROOT

from labelgraph.encoders import encoder as encoders
from labelgraph.files.small import read_json
from labelgraph.inputs import features
from labelgraph.manifest import manifest
from labelgraph.steps import extract_features

SAMPLE = ROOT / "tests/samples/voc2007"
SETTINGS = {"name": "efficientnet_lite0", "weights": "imagenet", "view": "plain", "size": 64}


@pytest.fixture
def listed(tmp_path):
    """A manifest of all sample images, with digests as its step gives them."""
    images = np.array(sorted(str(p.relative_to(SAMPLE)) for p in SAMPLE.rglob("*.jpg")))
    content = manifest.Manifest(
        images=images,
        parts=np.full(len(images), "train"),
        names=("thing",),
        labels=np.zeros((len(images), 1), np.int8),
        **manifest.no_boxes(),
    )
    manifest.write(
        content, tmp_path / "m.npz", digests=np.array([f"{k}" for k in range(len(images))])
    )
    return tmp_path / "m.npz"


def extract(listed, output, work, settings=SETTINGS):
    extract_features.command(
        ["--manifest", str(listed), "--root", str(SAMPLE), "--encoder", json.dumps(settings)]
        + ["--parts", '["train"]', "--work", str(work), "--output", str(output)]
    )
    return np.load(output.with_suffix(".npy"))


def test_features_equal_the_encoders_within_half_precision(listed, tmp_path):
    found = extract(listed, tmp_path / "plain.json", tmp_path / "work")
    images = manifest.read(listed).images
    pixels = features.read_chunk(SAMPLE, images, "plain", 64)
    with torch.inference_mode():
        expected = encoders.build("efficientnet_lite0", "imagenet", "nothing").eval()(pixels)
    np.testing.assert_allclose(found, expected.permute(0, 2, 3, 1), atol=5e-3)
    assert found.dtype == np.float16
    assert read_json(tmp_path / "plain.json")["images"] == images.tolist()


def test_an_interrupted_extraction_resumes(listed, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "CHUNK", 2)
    expected = extract(listed, tmp_path / "whole.json", tmp_path / "other")
    read, seen = features.read_chunk, []

    def read_until_cut(root, names, view, size):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(names.tolist())
        return read(root, names, view, size)

    monkeypatch.setattr(features, "read_chunk", read_until_cut)
    with pytest.raises(KeyboardInterrupt):
        extract(listed, tmp_path / "plain.json", tmp_path / "work")
    assert not (tmp_path / "plain.npy").exists()
    again = []
    monkeypatch.setattr(
        features, "read_chunk", lambda *a: (again.append(a[1].tolist()), read(*a))[1]
    )
    found = extract(listed, tmp_path / "plain.json", tmp_path / "work")
    assert np.array_equal(found, expected)
    assert again
    assert not [names for names in again if names in seen], "a finished chunk was read again"
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize("what", ["digest", "size", "place"])
def test_unfinished_work_on_other_features_is_not_used(listed, tmp_path, monkeypatch, what):
    keys = []
    monkeypatch.setattr(
        extract_features, "extract", lambda *a: keys.append(a[5].name) or np.save(a[6], 0) or (0,)
    )
    extract(listed, tmp_path / "a.json", tmp_path / "work")
    if what == "digest":
        content = manifest.read(listed)
        other = np.array(["changed", *map(str, range(1, len(content.images)))])
        manifest.write(content, listed, digests=other)
    settings = SETTINGS | ({"size": 96} if what == "size" else {})
    place = "b.json" if what == "place" else "a.json"  # two datasets may have the same images
    extract(listed, tmp_path / place, tmp_path / "work", settings)
    assert keys[0] != keys[1]
