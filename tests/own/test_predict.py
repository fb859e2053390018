"""`labelgraph predict`: odd pictures, outputs, evidence, and runs that lack something."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import odd_pictures
import pytest
import torch
from PIL import Image
from run_cases import (
    calibrate,
    change_settings,
    label_space,
    make_run,
    picture,
    run_settings,
)

from labelgraph.__main__ import main
from labelgraph.encoders.encoder import Cached
from labelgraph.encoders.views import FIXED
from labelgraph.files.small import read_arrays, write_arrays, write_json
from labelgraph.inputs.regions import light
from labelgraph.own import painting, reading
from labelgraph.predict import evidence
from labelgraph.steps import extract_features, predict, propose_regions
from labelgraph.train import run_folder

# fmt: off
NETWORK = {
    "encoder": "efficientnet_lite0", "weights": "imagenet", "layers": 13, "size": 64, "hidden": 8,
    "scales": [0.2, 0.5], "ratios": [1.0],
}
PROPOSE = {
    "kind": "rpn", "count": 6, "nms": 0.5, "min_score": 0.0, "candidates": 50, "thinnest": 0.01,
    "batch": 4,
}
# fmt: on


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run") / "seed0", "baseline")
    calibrate(folder, 2.0, 0.6)
    return folder


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures") / "odd"
    odd_pictures.make(folder)
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    for number in range(3):
        picture(number, (80 + number, 60)).save(folder / f"{number}.png")
    return folder


def predicted(capsys, *arguments):
    code = main(["predict", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_odd_pictures_are_read_or_refused_and_the_rest_go_on(run, odd, capsys):
    code, out, err = predicted(capsys, run, odd, "--json")
    assert code == 1
    found = {Path(entry["image"]).name: entry for entry in json.loads(out)}
    assert found.keys() == {*odd_pictures.SOUND, *odd_pictures.BROKEN}
    for name, reason in odd_pictures.BROKEN.items():
        assert name in found[name]["error"] and reason in found[name]["error"]
        assert f"labelgraph predict: {found[name]['error']}\n" in err
    assert f"{odd}: skipped 1 file that is not a picture" in err
    plain = {e["label"]: e["score"] for e in found["plain.png"]["labels"]}
    same = {"turned.jpg": 0.2, "cmyk.tif": 0.01, "deep_colour.png": 0.01, "tail.png": 0.01}
    for name, far in same.items():  # a JPEG is not quite the same
        scores = {entry["label"]: entry["score"] for entry in found[name]["labels"]}
        assert scores == pytest.approx(plain, abs=far), name


def test_output_is_calibrated_and_safe_for_a_terminal(run, odd, capsys):
    code, out, err = predicted(capsys, run, odd / "odd nämé\n.png", "--top", "2")
    assert code == 0
    assert "temperature 2.00, fitted on 40 tune images. On held-out" in err
    (line,) = out.splitlines()
    assert line.startswith(f"{odd}/odd nämé?.png: ")
    assert line.count("%") == 2
    _, out, _ = predicted(capsys, run, odd / "plain.png", "--json")
    for entry in json.loads(out)[0]["labels"]:
        wanted = 1 / (1 + np.exp(-entry["score"] / 2.0))
        assert entry["probability"] == pytest.approx(wanted, abs=1e-4)
        assert entry["chosen"] == (entry["probability"] >= 0.6)


def test_names_are_safe_for_a_terminal_and_a_spreadsheet(run, few, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("\x1b[31mz.png").write_bytes(b"x")
    Path("=1+1.png").write_bytes((few / "0.png").read_bytes())
    code, out, err = predicted(capsys, run, "=1+1.png", "\x1b[31mz.png", "--csv", "p.csv")
    assert code == 1
    assert "\x1b" not in out + err and "\\u001b[31mz.png" in err
    lines = Path("p.csv").read_text().splitlines()
    assert lines[1].startswith("'=1+1.png,0.")
    code, out, _ = predicted(capsys, run, "\x1b[31mz.png", "--json")
    assert "\x1b" not in out and json.loads(out)[0]["image"] == "\x1b[31mz.png"


def test_a_picture_without_a_label_above_its_threshold_says_so(run, few, capsys):
    code, out, _ = predicted(capsys, run, few, "--threshold", "1.0")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 3
    assert all(": no label above its threshold; likeliest is " in line for line in lines)


def test_scores_are_those_of_the_workflow(run, few, tmp_path, capsys):
    images = np.array(["0.png", "1.png", "2.png"])
    write_arrays(tmp_path / "manifest.npz", images=images, parts=np.repeat("p", 3), digests=images)
    index, view = tmp_path / "plain.json", {"view": "plain", "size": 64}
    network = {"name": "efficientnet_lite0", "weights": "imagenet"}
    where = tmp_path / "work", index
    code = [Path(__file__)]
    extract_features.main(tmp_path / "manifest.npz", few, network | view, ["p"], code, *where)
    write_arrays(tmp_path / "report.npz", images=images)
    output = tmp_path / "predictions.npz"
    predict.main(
        run_settings("baseline"), run / "model.safetensors", tmp_path / "report.npz", [index], None,
        None, output,
    )  # fmt: skip
    stored = read_arrays(output)
    assert predicted(capsys, run, few, "--csv", tmp_path / "x.csv", "--json")[0] == 0
    found = json.loads(predicted(capsys, run, few, "--json")[1])
    for row, entry in enumerate(found):
        scores = {e["label"]: e["score"] for e in entry["labels"]}
        wanted = dict(zip(stored["labels"].tolist(), stored["scores"][row].tolist(), strict=True))
        assert scores == pytest.approx(wanted, abs=0.01)  # the workflow keeps features as float16
    with (tmp_path / "x.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image"] for row in rows] == [entry["image"] for entry in found]
    for row, entry in zip(rows, found, strict=True):
        for each in entry["labels"]:
            assert float(row[each["label"]]) == pytest.approx(each["probability"], abs=1e-5)


def test_evidence_is_saved_for_each_chosen_label(run, few, tmp_path, capsys):
    shutil.copytree(few, tmp_path / "again")
    arguments = [run, few / "0.png", tmp_path / "again" / "0.png", "--threshold", "0.1"]
    code, out, err = predicted(capsys, *arguments, "--json", "--save", tmp_path / "saved")
    assert code == 0
    chosen = sum(each["chosen"] for entry in json.loads(out) for each in entry["labels"])
    said = err.count("nothing in the picture supports")
    assert said + sum(len(entry.get("saved", ())) for entry in json.loads(out)) == min(chosen, 10)
    saved = [path for entry in json.loads(out) for path in entry.get("saved", {}).values()]
    assert len(saved) == len({*saved}) > 2
    assert {Path(path) for path in saved} == {*(tmp_path / "saved").iterdir()}
    for entry in json.loads(out):
        assert entry.get("saved", {}).keys() <= {e["label"] for e in entry["labels"] if e["chosen"]}
    with Image.open(saved[0]) as image:
        assert image.format == "JPEG" and image.width == 80 and image.height > 60


def test_the_map_of_a_linear_model_is_its_class_activation_map():
    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.last = Cached(4), torch.nn.Linear(4, 3)

        def forward(self, batch):
            return self.last(self.encoder(batch["image"]).mean((2, 3)))

    model, features = Linear(), torch.rand(2, 4, 3, 5)
    wanted = torch.einsum("cf,bfhw->bchw", model.last.weight, features).clamp(min=0).detach()
    found = evidence.explain(model, {"image": features}, [[0, 2], [1]])
    assert [sorted(some) for some in found] == [
        [c for c in (0, 2) if wanted[0, c].max() > 0], [1] if wanted[1, 1].max() > 0 else []
    ]  # fmt: skip
    for row, some in enumerate(found):
        for column, shown in some.items():
            expected = wanted[row, column] / wanted[row, column].max()
            np.testing.assert_allclose(shown.heat, expected.numpy(), atol=1e-5)


def test_the_box_is_around_the_peak_not_around_the_largest_part():
    heat = torch.zeros(4, 5)
    heat[0, :3], heat[3, 4] = 0.6, 1.0
    assert evidence.evidence(heat).box == pytest.approx((0.8, 0.75, 1.0, 1.0))


def test_a_method_with_regions_uses_the_detector_that_made_them(tmp_path, few, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    light.write(Path("detector.safetensors"), light.build(NETWORK))
    images = np.array(["0.png", "1.png", "2.png"])
    write_arrays(Path("manifest.npz"), images=images, sizes=np.array([[80, 60]] * 3))
    made = Path("data/regions-rpn.npz")
    detector = Path("detector.safetensors")
    propose_regions.main(Path("manifest.npz"), few, detector, None, PROPOSE, made)
    run = make_run(tmp_path / "run", "gm_mlic", {str(made): ""})
    trained = reading.read(run)
    sights = [trained.see(np.asarray(Image.open(few / name))) for name in images]
    wanted = torch.from_numpy(read_arrays(made)["boxes"])
    torch.testing.assert_close(trained.batch(sights)["boxes"], wanted, atol=1e-4, rtol=0)
    assert FIXED["plain"].left == 0  # the boxes are those of the whole picture
    assert predicted(capsys, run, few)[0] == 0

    detector.write_bytes(detector.read_bytes()[:-8] + b"otherone")
    code, _, err = predicted(capsys, run, few)
    assert code == 2 and "detector.safetensors is not the detector that" in err
    detector.unlink()
    code, _, err = predicted(capsys, run, few)
    assert code == 2 and "detector.safetensors is missing" in err and "`snakemake detector" in err
    made.unlink()
    code, _, err = predicted(capsys, run, few)
    assert code == 2 and f"{made}, which is missing; run `snakemake {made}` to make it again" in err


def test_a_run_without_a_detector_says_why_it_cannot_predict(tmp_path, few, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    origin = {"source": np.array("mine.json"), "settings": np.array("{}")}
    write_arrays(Path("regions-rpn.npz"), **origin, source_sha256=np.array(""))
    run = make_run(tmp_path / "run", "gm_mlic", {"regions-rpn.npz": ""})
    code, _, err = predicted(capsys, run, few)
    assert code == 2
    assert "was trained with the boxes in mine.json; there is no detector" in err


def test_a_fine_tuned_encoder_comes_from_the_run_alone(tmp_path, few, capsys):
    """Its first weights may be gone."""
    chosen = run_settings("baseline")
    lines = {"cached": False, "learns": "all", "weights": "imagenet"}
    chosen = chosen.model_copy(update={"encoder": chosen.encoder.model_copy(update=lines)})
    labels = label_space(5)
    model = run_folder.make(chosen, labels, None)
    run_folder.save_model(tmp_path / "model.safetensors", model.state_dict(), labels)
    gone = chosen.encoder.model_copy(update={"weights": "gone.pth"})
    chosen = chosen.model_copy(update={"encoder": gone})
    run_folder.write_settings(tmp_path / "settings.yaml", chosen)
    write_json(tmp_path / "provenance.json", {"inputs": {}})
    code, out, err = predicted(capsys, tmp_path, few, "--json")
    assert code == 0 and "not calibrated" in err
    assert len(json.loads(out)) == 3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "settings.yaml").unlink(), "it has no file settings.yaml"),
        (lambda run: (run / "settings.yaml").write_text("[1"), "is not what a training writes"),
        (lambda run: change_settings(run, model={"x": 1}), r"unknown keys ['x']"),
        (lambda run: change_settings(run, method="mlgcn"), "mlgcn"),
        (lambda run: (run / "model.safetensors").write_bytes(b"x" * 99), "is damaged"),
        (lambda run: shutil.copytree(run, run / "seed1") and make_run(run / "seed2", "baseline")
         and (run / "settings.yaml").unlink(), "holds 2 runs; pass one of them"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_a_run_is_refused(tmp_path, few, capsys, spoil, message):
    run = make_run(tmp_path / "run", "baseline")
    spoil(run)
    code, out, err = predicted(capsys, run, few)
    assert code == 2 and message in err and not out
    assert "Traceback" not in err


def test_wrong_usage_is_named(run, tmp_path, capsys):
    code, _, err = predicted(capsys, run, tmp_path)
    assert code == 1 and f"{tmp_path} has no file that ends in .jpg" in err
    for wrong in (["--top", "0"], ["--threshold", "2"]):
        with pytest.raises(SystemExit) as stop:
            main(["predict", str(run), "x.jpg", *wrong])
        assert stop.value.code == 2


def test_a_map_of_the_centre_is_painted_on_the_centre():
    white = Image.new("RGB", (100, 60), "white")
    shown = evidence.Evidence(np.ones((2, 2), np.float32), (0.0, 0.0, 1.0, 1.0))
    painted = np.asarray(painting.paint(white, shown, FIXED["centre_70"], "cat 90 %"))
    assert painting.place(FIXED["centre_70"], (100, 60)) == (15, 9, 85, 51)
    assert (painted[:9, :100] == 255).all() and (painted[10:50, :14] == 255).all()
    assert (painted[20:40, 30:70, 2] < 200).all()  # yellow over white
    assert painted[60:, :].min() < 100  # the caption
