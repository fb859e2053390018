"""A run's folder -> a network that is ready for pictures, or a sentence on what is missing.

The folder holds the settings and the learnt weights. A frozen encoder is built from its pretrained
weights; a method that uses regions gets the detector that made the run's regions.

Shapes: B pictures, S pixels a side, C labels, R regions.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from labelgraph.encoders import encoder as encoders
from labelgraph.encoders import views
from labelgraph.files.small import read_arrays, regular, sha256
from labelgraph.files.tensors import tensor_names
from labelgraph.inputs import batches
from labelgraph.inputs.features import fused
from labelgraph.inputs.regions import faster_rcnn, light, region_file
from labelgraph.jobs import shortages
from labelgraph.own import choosing
from labelgraph.predict import calibration, inference, runfiles
from labelgraph.predict.calibration import Calibration
from labelgraph.study.settings import RunSettings
from labelgraph.train import run_folder

FILES = ("settings.yaml", "model.safetensors", "provenance.json")
SHOWN = 200  # characters of a reason
THRESHOLD = 0.5  # for a run that is not calibrated
NO_DETECTOR = (
    "{folder} was trained with the regions in {path}, which {why}; run `snakemake {path}` to make"
    " it again"
)


class Sight(NamedTuple):
    """What the networks see of one picture, so that the picture itself need not be kept."""

    view: Tensor  # (3, S, S) bytes, for the encoder
    square: np.ndarray | None  # for the detector


@dataclass(frozen=True)
class Trained:
    folder: Path
    settings: RunSettings
    model: nn.Module  # its `names` are the labels
    encoder: nn.Module | None  # for a model that reads cached features
    detector: Any  # has `propose`; None for a method without regions
    propose: dict[str, Any]  # settings of the detector
    calibration: Calibration
    choice: str = ""  # why this run was chosen, if the folder holds several

    @property
    def names(self) -> tuple[str, ...]:
        return self.model.names

    def see(self, picture: np.ndarray) -> Sight:
        """`picture`: (height, width, 3) bytes."""
        chosen, square = self.settings.encoder, None
        if isinstance(self.detector, light.Detector):  # it squashes every picture to a square
            small = views.cut(picture, views.WHOLE, self.detector.settings["size"])
            square = small.permute(1, 2, 0).numpy()
        elif self.detector is not None:
            square = picture
        window = views.fixed(chosen.test_view)
        return Sight(views.cut(picture, window, chosen.test_size), square)

    @torch.inference_mode()
    def batch(self, sights: list[Sight]) -> dict[str, Tensor]:
        """What the model reads: features or pixels, and regions if it uses them."""
        image = torch.stack([sight.view for sight in sights]).to(run_folder.device())
        if self.encoder is not None:
            image = self.encoder(image.contiguous(memory_format=torch.channels_last))
        batch = {"image": image}
        if self.detector is not None:
            found = region_file.empty(np.arange(len(sights)), self.propose["count"])
            pairs = self.detector.propose([sight.square for sight in sights], self.propose)
            for row, (boxes, scores) in enumerate(pairs):
                region_file.fill(found, row, boxes, scores)
            window = views.fixed(self.settings.encoder.test_view)
            boxes = torch.from_numpy(found["boxes"])
            batch["boxes"] = batches.seen_through(boxes, [window] * len(sights))
        return inference.placed(batch, self.settings.train, run_folder.device())

    @torch.inference_mode()
    def scores(self, batch: dict[str, Tensor]) -> np.ndarray:
        """(B, C), computed as `inference.scores` does."""
        return self.model(batch).cpu().numpy()


def read(folder: Path) -> Trained:
    folder, choice = find(folder)
    settings = runfiles.settings(folder / "settings.yaml")
    path = folder / "model.safetensors"
    encoder, width = None, None
    chosen, complete = settings.encoder, holds_encoder(path)
    if chosen.cached:
        network = encoders.build(chosen.name, chosen.weights, "nothing").eval()
        width = network.width
        network = fused(encoders.before(network, chosen.last_stages))
        encoder = network.to(run_folder.device(), memory_format=torch.channels_last)
    elif complete:  # the pretrained weights are not needed
        bare = chosen.model_copy(update={"weights": None})
        settings = settings.model_copy(update={"encoder": bare})
    model = read_model(path, settings, width).eval()
    names = list(model.names)
    runfiles.check_names(path, names)
    detector, propose = read_detector(folder)
    fitted = folder / "calibration.json"
    found = (
        calibration.read(fitted, names) if fitted.exists() else calibration.none(names, THRESHOLD)
    )
    return Trained(folder, settings, model, encoder, detector, propose, found, choice)


def read_model(path: Path, settings: RunSettings, width: int | None) -> nn.Module:
    """Even settings of the right kind can be numbers that no network can be built with."""
    try:
        return run_folder.read_model(path, settings, width)
    except (RuntimeError, TypeError, ArithmeticError, LookupError, AssertionError) as error:
        if shortages.sentence(error):
            raise
        reason = " ".join(str(error).split())[:SHOWN] or type(error).__name__
        raise ValueError(
            f"{path.parent}/settings.yaml: {settings.method} cannot be built with the settings"
            f" under `model` ({reason}); use the file that the training wrote"
        ) from None


def find(folder: Path) -> tuple[Path, str]:
    """The run itself, the only run below the folder, or the best of one dataset; and why."""
    if is_run(folder):
        return folder, ""
    models = sorted(folder.glob("**/model.safetensors"))
    below = [path.parent for path in models if is_run(path.parent)]
    if len(below) == 1:
        return below[0], ""
    one_dataset = len({run.parents[1] for run in below}) == 1
    if one_dataset and (best := choosing.best(below)):
        return best.folder, f"{best.folder}: {best.reason}."
    if below:
        shown = ", ".join(map(str, below[:5])) + (", ..." if len(below) > 5 else "")
        raise ValueError(f"{folder} holds {len(below)} runs; pass one of them: {shown}")
    lacking = " and no file ".join(name for name in FILES if not (folder / name).is_file())
    raise FileNotFoundError(
        f"{folder} is not a run: it has no file {lacking}; pass a folder that training wrote, like"
        " results/runs/STUDY/TASK/DATASET/METHOD/seedK"
    )


def is_run(folder: Path) -> bool:
    return all((folder / name).is_file() for name in FILES)


def holds_encoder(path: Path) -> bool:
    return any(name.startswith("model.encoder.") for name in tensor_names(path))


def read_detector(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The detector that made the run's regions, found through the inputs in provenance.json."""
    record = runfiles.account(folder)["inputs"]
    paths = [Path(name) for name in record if Path(name).name.startswith("regions-")]
    if not paths:
        return None, {}
    if len(paths) > 1:
        raise ValueError(
            f"{folder}/provenance.json names {len(paths)} files of regions; expected one"
        )
    source, settings, digest = read_origin(folder, paths[0])
    if source.suffix == ".json":
        raise ValueError(
            f"{folder} was trained with the boxes in {source}; there is no detector to find such"
            " boxes in other pictures, so choose a run whose method needs no regions"
        )
    if not regular(source).exists():
        raise FileNotFoundError(
            f"{source} is missing; it is the detector of {folder}, and `snakemake {source}` makes"
            " it"
        )
    if sha256(source) != digest:
        raise ValueError(
            f"{source} is not the detector that {folder} was trained with; train the run again"
        )
    if source.suffix == ".pth":
        return faster_rcnn.read(source, run_folder.device()), settings
    return light.read(source), settings


def read_origin(folder: Path, path: Path) -> tuple[Path, dict[str, Any], str]:
    """The detector that a file of regions names, its settings, and its sha256."""
    if not path.exists():
        raise FileNotFoundError(NO_DETECTOR.format(folder=folder, path=path, why="is missing"))
    stored = read_arrays(regular(path))
    try:
        settings = json.loads(str(stored["settings"]))
        return Path(str(stored["source"])), settings, str(stored["source_sha256"])
    except (KeyError, ValueError, RecursionError):
        why = "does not name a detector"
        raise ValueError(NO_DETECTOR.format(folder=folder, path=path, why=why)) from None
