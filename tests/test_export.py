"""`labelgraph export`: the same scores in another runtime, and a card that says what it is."""

import json
import re
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from conftest import ROOT, WIDTH, build
from PIL import Image
from run_cases import LABELS, calibrate, make_run, picture, run_settings
from torch import nn

from labelgraph import metrics
from labelgraph.__main__ import main
from labelgraph.files import write_json
from labelgraph.parts import components
from labelgraph.parts.regions import nearest
from labelgraph.trained import calibration, exporting, reading

SIDE = 64
needs_onnx = pytest.mark.skipif(
    not all(find_spec(name) for name in ("onnx", "onnxruntime", "onnxscript")),
    reason="needs the extra onnx",
)
ignores_packages = pytest.mark.filterwarnings("ignore")  # what they say about each other


class Small(nn.Module):
    """An encoder whose graph is quickly written."""

    width = WIDTH

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 16, 16)

    def forward(self, image):
        return torch.relu(self.patches(image / 255 - 0.5))


def small_run(folder, method):
    """A run on disk whose encoder is the small one."""
    make_run(folder, method)
    calibrate(folder, 2.0, 0.4)
    model = build(method).eval()
    names = json.loads((folder / "calibration.json").read_text())["labels"]
    model.names = tuple(names)
    detector = object() if method in ("gm_mlic", "ia_gcn") else None
    found = calibration.read(folder / "calibration.json", names)
    settings = run_settings(method)
    return reading.Trained(folder, settings, model, Small(), detector, {"count": 6}, found)


@pytest.fixture
def exported(tmp_path, monkeypatch):
    """Runs the command on a small run."""
    monkeypatch.chdir(ROOT)

    def export(method, file="model.onnx"):
        trained = small_run(tmp_path / "run", method)
        monkeypatch.setattr(reading, "read", lambda folder: trained)
        return trained, tmp_path / file, main(["export", "run", str(tmp_path / file)])

    return export


@needs_onnx
@ignores_packages
def test_scores_are_those_of_the_run_and_the_card_shows_how(exported, monkeypatch, capsys):
    import onnxruntime

    trained, file, code = exported("ml_gcn", "pets.onnx")
    assert code == 0
    assert "scores as of the run, to within" in capsys.readouterr().out  # and read: it is empty now
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for count in (1, 4):
        images = torch.randint(0, 256, (count, 3, SIDE, SIDE)).float()
        scores, probabilities = session.run(None, {"image": images.numpy()})
        wanted = trained.scores({"image": trained.encoder(images).detach()})
        np.testing.assert_allclose(scores, wanted, atol=1e-4)
        np.testing.assert_allclose(probabilities, calibration.sigmoid(wanted / 2), atol=1e-4)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["labels"]) == list(trained.names)
    assert json.loads(about["thresholds"]) == [0.4] * LABELS

    picture(3).save(file.with_name("photo.jpg"), quality=95)
    run_snippet(file.with_suffix(".md"), file.parent, monkeypatch)
    sight = trained.see(np.asarray(Image.open(file.with_name("photo.jpg"))))
    likely = calibration.sigmoid(trained.scores(trained.batch([sight]))[0] / 2)
    wanted = {n: p for n, p in zip(trained.names, likely, strict=True) if p >= 0.4}
    said = dict(line.rsplit(" ", 1) for line in capsys.readouterr().out.splitlines())
    assert {name: float(value) for name, value in said.items()} == pytest.approx(wanted, abs=0.02)
    assert said


def run_snippet(card, folder, monkeypatch):
    """The Python of a card, on a picture beside it."""
    (snippet,) = re.findall(r"```python\n(.*?)```", card.read_text(), re.S)
    monkeypatch.chdir(folder)
    exec(snippet, {})


@needs_onnx
@ignores_packages
def test_a_method_that_cannot_says_why_and_gets_its_card(exported, capsys):
    _, file, code = exported("dsdl")
    assert code == 1 and not file.exists()
    said = capsys.readouterr().err
    assert "dsdl cannot be written as ONNX: ONNX has no operator for its linalg_cholesky" in said
    assert file.with_suffix(".md").read_text().startswith("# DSDL for pets\n")


class Awkward(nn.Module):
    """What ML-SGM and GM-MLIC have and others have not: boxes of parts, neighbours with ties."""

    def forward(self, image):
        boxes = components.boxes(image[:, 0, :2, :3] > 100)
        many = torch.stack([boxes, boxes, boxes.flip(0), boxes * 0.5], 1)
        picks, weights = nearest(many, many[..., 2] > 0, 2)
        return picks * weights[..., None], boxes


@needs_onnx
@ignores_packages
def test_parts_and_neighbours_survive():
    import onnxruntime

    network = Awkward()
    inputs = {"image": torch.randint(0, 256, (3, 3, 8, 8)).float()}
    program = exporting.to_onnx(network, inputs, "awkward")
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for seed in range(4):
        draw = torch.Generator().manual_seed(seed)
        images = torch.randint(0, 200, (5, 3, 8, 8), generator=draw).float()
        found = session.run(None, {"image": images.numpy()})
        for ours, theirs in zip(network(images), found, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs)


def test_the_card_alone_says_what_is_known_and_what_is_not(exported):
    trained, file, code = exported("ml_gcn", "card.md")
    assert code == 0
    before = file.read_text()
    assert "Not judged yet; `snakemake" in before
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(30, LABELS)).astype(np.float32)
    target = draw.integers(0, 2, (30, LABELS)).astype(np.int8)
    given = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}
    found = metrics.named(metrics.evaluate(scores, target, **given), [*trained.names], [])
    write_json(trained.folder / "scores.json", found)
    exported("ml_gcn", "card.md")
    card = file.read_text()
    assert f"| {100 * found['map']['non_interpolated']:.1f} | " in card
    assert f"| bird | {int(label_count('bird'))} | " in card
    assert "expect little of them" in card  # the last label never occurs
    assert "Chen et al., CVPR 2019" in card and "variant `literal` is the print" in card


def label_count(name):
    from conftest import label_space

    labels = label_space(LABELS)
    return labels.counts.diagonal()[labels.names.index(name)]


def test_wrong_usage_is_named(tmp_path, monkeypatch, capsys):
    run = make_run(tmp_path / "run", "baseline")
    assert main(["export", str(run), str(tmp_path / "x.pt")]) == 2
    assert "ends in neither .onnx nor .md" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", str(run), str(tmp_path / "x.onnx")]) == 2
    assert "`uv run --extra onnx ...` brings them" in capsys.readouterr().err
