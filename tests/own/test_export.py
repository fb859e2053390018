"""`labelgraph export`: the same scores in another runtime, and a card that says what it is."""

import html
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

from labelgraph.__main__ import main
from labelgraph.encoders.encoder import Cached
from labelgraph.files.small import write_arrays, write_json
from labelgraph.own import card, exporting, reading
from labelgraph.parts import components
from labelgraph.parts.regions import nearest
from labelgraph.predict import calibration, judging
from labelgraph.score import metrics, precision_recall
from labelgraph.steps import assess
from labelgraph.study.settings import ScoringSettings

SIDE = 64
needs_onnx = pytest.mark.skipif(
    not all(find_spec(name) for name in ("onnx", "onnxruntime", "onnxscript")),
    reason="needs the extra onnx",
)
ignores_packages = pytest.mark.filterwarnings("ignore")  # warnings of packages about each other


class Small(nn.Module):
    """An encoder that is quick to export."""

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
    assert (
        "its scores equal the run's to within" in capsys.readouterr().out
    )  # and read: it is empty now
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


@needs_onnx
@ignores_packages
def test_stages_that_learned_and_the_spread_are_exported(tmp_path):
    torch.manual_seed(4)
    layers = [nn.Conv2d(WIDTH, WIDTH, 1), nn.BatchNorm2d(WIDTH), nn.ReLU6(True)]
    encoder = Cached(WIDTH, 0.5, nn.Sequential(*layers))
    encoder.measure([Small()(picture) for picture in torch.rand(2, 5, 3, 32, 32).mul(255)])
    trained = small_run(tmp_path / "run", "ml_gcn")
    trained.model.encoder = encoder
    assert exporting.export(trained, tmp_path / "model.onnx") < 1e-4
    plain = encoder.factor.clone()
    encoder.factor.mul_(2)  # what is written depends on it
    image = torch.rand(1, 3, SIDE, SIDE) * 255
    with torch.inference_mode():
        twice, _ = exporting.Whole(trained).eval()(image)
        encoder.factor.copy_(plain)
        once, _ = exporting.Whole(trained).eval()(image)
    assert not torch.allclose(once, twice)


def run_snippet(file, folder, monkeypatch):
    """The Python of a card, on a picture beside it."""
    (snippet,) = re.findall(r"```python\n(.*?)```", file.read_text(), re.S)
    monkeypatch.chdir(folder)
    exec(snippet, {})


@needs_onnx
@ignores_packages
def test_a_method_without_an_onnx_form_says_why_and_gets_its_card(exported, capsys):
    _, file, code = exported("dsdl")
    assert code == 1 and not file.exists()
    said = capsys.readouterr().err
    assert "dsdl cannot be written as ONNX: ONNX has no operator for its linalg_cholesky" in said
    assert file.with_suffix(".md").read_text().startswith("# DSDL for pets\n")


class Awkward(nn.Module):
    """What only ML-SGM and GM-MLIC have: boxes of components, and neighbours with ties."""

    def forward(self, image):
        boxes = components.boxes(image[:, 0, :2, :3] > 100)
        many = torch.stack([boxes, boxes, boxes.flip(0), boxes * 0.5], 1)
        picks, weights = nearest(many, many[..., 2] > 0, 2)
        return picks * weights[..., None], boxes


@needs_onnx
@ignores_packages
def test_components_and_neighbours_can_be_exported():
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


def test_the_card_says_what_is_known_and_what_is_not(exported):
    trained, file, code = exported("ml_gcn", "card.md")
    assert code == 0
    before = file.read_text()
    assert "Not evaluated yet; run `snakemake" in before
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(30, LABELS)).astype(np.float32)
    target = draw.integers(0, 2, (30, LABELS)).astype(np.int8)
    given = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}
    found = metrics.named(metrics.evaluate(scores, target, **given), [*trained.names], [])
    write_json(trained.folder / "scores.json", found)
    exported("ml_gcn", "card.md")
    text = file.read_text()
    assert f"| {100 * found['map']['non_interpolated']:.1f} | " in text
    assert f"| bird | {int(label_count('bird'))} | " in text
    assert "expect poor results" in text  # the last label never occurs
    assert "Chen et al., CVPR 2019" in text and "variant `literal` follows the print" in text


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
    assert (
        "are missing; `uv run --extra onnx labelgraph export ...` installs them"
        in capsys.readouterr().err
    )


ODD = ("<script>alert(1)</script>", "a|b", "*bold* _it_ `code`", "![x](http://y)", "$x$ &amp; ~no~")


def test_the_card_shows_labels_as_they_are_spelled(exported, monkeypatch):
    markdown_it = pytest.importorskip("markdown_it")
    trained = exported("ml_gcn", "card.md")[0]
    trained.model.names = ODD
    trained.calibration.labels[:] = ODD
    text = card.write(trained, {}, {"ml_gcn": "my <b>title</b>"}, [], None)
    page = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<script>" not in text and "<script>" not in page
    assert "<h1>my &lt;b&gt;title&lt;/b&gt; for pets</h1>" in page
    rows = re.findall(r"<tr>\s*<td>(.*?)</td>", page.split("Labels</h2>")[1])
    assert [html.unescape(row) for row in rows] == list(ODD)
    assert not re.search(r"<(img|em|strong|code|a )", page.split("Labels</h2>")[1].split("<h2>")[0])


def test_the_title_of_a_card_names_the_encoder_of_the_run(exported):
    trained = exported("ml_gcn", "card.md")[0]
    text = card.write(trained, {"ml_gcn": {"title": "{encoder} with a graph"}}, {}, [], None)
    assert text.startswith("# EfficientNet-Lite0 with a graph for pets\n")
    assert "EfficientNet-Lite0 with a graph" in text.partition("\n")[2]


def test_the_card_measures_at_the_thresholds_of_predict(exported):
    trained, file, _ = exported("ml_gcn", "card.md")
    draw = np.random.default_rng(0)
    images, labels = np.array([f"{k}.jpg" for k in range(30)]), np.array(trained.names)
    scores = draw.normal(size=(30, LABELS)).astype(np.float32)
    target = draw.integers(0, 2, (30, LABELS)).astype(np.int8)
    write_arrays(file.with_name("p.npz"), images=images, labels=labels, scores=scores)
    write_arrays(file.with_name("t.npz"), images=images, labels=labels, target=target)
    given = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}
    found = metrics.named(metrics.evaluate(scores, target, **given), [*trained.names], [])
    write_json(trained.folder / "scores.json", found)
    exported("ml_gcn", "card.md")
    assert "as named from an uncalibrated probability of 0.5; run" in file.read_text()
    fitted, output = trained.folder / "calibration.json", trained.folder / "assessment.json"
    settings = ScoringSettings(**given, pool="all")
    assess.main(file.with_name("p.npz"), file.with_name("t.npz"), fitted, settings, output)
    exported("ml_gcn", "card.md")
    text = file.read_text()
    judged = [each.chosen for each in judging.judge(scores, trained.calibration, None)]
    rule = precision_recall.precision_recall_f1(np.array(judged), target, "negative")
    assert rule["CF1"] != pytest.approx(found["all"]["CF1"], abs=0.01)
    start = f"| {100 * found['map']['non_interpolated']:.1f} ["
    row = next(line for line in text.splitlines() if line.startswith(start))
    shown = [float(cell.split()[0]) for cell in row.strip("| ").split(" | ")]
    wanted = [found["map"]["non_interpolated"], *(rule[name] for name in card.METRICS)]
    assert shown == pytest.approx([100 * value for value in wanted], abs=0.051)
    assert "from its threshold below, as `labelgraph predict` does" in text
