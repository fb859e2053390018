"""A run's folder as training writes it: the real encoder, few pixels, untrained weights."""

from pathlib import Path

import numpy as np
import torch
import yaml
from conftest import ROOT, label_space, settings
from PIL import Image

from labelgraph import models
from labelgraph.encoders import efficientnet
from labelgraph.encoders import encoder as encoders
from labelgraph.files.small import write_json
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.study.settings import RunSettings
from labelgraph.train import run_folder

SIDE = 64  # pixels that the encoder reads
LABELS = 5
ENCODER = {
    "name": "efficientnet_lite0",
    "weights": "imagenet",
    "learns": "nothing",
    "cached": True,
    "spread": None,
    "size": SIDE,
    "test_size": SIDE,
    "test_view": "plain",
}
DEFAULTS = read_yaml(ROOT / "workflow/config/defaults.yaml")
TRAIN = DEFAULTS["train"] | {"workers": 0, "crops": "none", "mirror": "none"}


def run_settings(method: str) -> RunSettings:
    about = {"study": "own", "task": "full", "dataset": "pets", "method": method, "variant": ""}
    blocks = {"encoder": {**ENCODER}, "model": settings(method), "train": {**TRAIN}}
    return RunSettings(**about, seed=0, difficult="positive", **blocks)


def make_run(folder: Path, method: str, inputs: dict[str, str] | None = None) -> Path:
    """`inputs`: the files in its provenance, path -> sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(2)
    chosen, labels = run_settings(method), label_space(LABELS)
    network = encoders.Cached(efficientnet.WIDTH)
    model = models.build(method, labels, network, **chosen.model)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    run_folder.save_model(folder / "model.safetensors", weights, labels)
    run_folder.write_settings(folder / "settings.yaml", chosen)
    write_json(folder / "provenance.json", {"inputs": inputs or {}})
    return folder


def picture(number: int, size: tuple[int, int] = (90, 70)) -> Image.Image:
    noise = np.random.default_rng(number).integers(0, 255, (7, 9, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def calibrate(folder: Path, temperature: float, threshold: float, **more) -> None:
    names = list(label_space(LABELS).names)
    known = {"loss": {"before": 0.5, "after": 0.4}, "error": {"before": 0.1, "after": 0.02}}
    content = {"labels": names, "temperature": temperature, "thresholds": [threshold] * LABELS}
    content |= {"images": 40, "selection": "tune", "losses": [0.4] * 40, **known, **more}
    write_json(folder / "calibration.json", content)


def change_settings(folder: Path, **changes) -> None:
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
