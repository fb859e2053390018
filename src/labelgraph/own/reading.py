"""A run's folder -> a network that looks at pictures, or a sentence on what is missing.

The folder has the settings and what was learnt. A frozen encoder comes from its own weights; a
method that takes regions gets its detector from where the run's regions came from.

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
from labelgraph.train import run_folder

FILES = ("settings.yaml", "model.safetensors", "provenance.json")
SHOWN = 200  # characters of a reason
THRESHOLD = 0.5  # of a run that is not calibrated
NO_DETECTOR = (
    "{folder} takes regions, and the file of those it was trained with, {path}, {why};"
    " `snakemake {path}` makes it anew"
)


class Sight(NamedTuple):
    """What the networks see of one picture; the picture itself need not be kept."""

    view: Tensor  # (3, S, S) bytes, for the encoder
    square: np.ndarray | None  # for the detector


@dataclass(frozen=True)
class Trained:
    folder: Path
    settings: dict[str, Any]
    model: nn.Module  # its `names` are the labels
    encoder: nn.Module | None  # where the model reads features that were computed before
    detector: Any  # with `propose`; null for a method without regions
    propose: dict[str, Any]  # settings of the regions
    calibration: Calibration
    choice: str = ""  # why it is this run, where a folder of several was named

    @property
    def names(self) -> tuple[str, ...]:
        return self.model.names

    def see(self, picture: np.ndarray) -> Sight:
        """Of a photograph (height, width, 3), bytes."""
        chosen, square = self.settings["encoder"], None
        if isinstance(self.detector, light.Detector):  # it squashes any picture to a square first
            small = views.cut(picture, views.WHOLE, self.detector.settings["size"])
            square = small.permute(1, 2, 0).numpy()
        elif self.detector is not None:
            square = picture
        window = views.fixed(chosen["test_view"])
        return Sight(views.cut(picture, window, chosen["test_size"]), square)

    @torch.inference_mode()
    def batch(self, sights: list[Sight]) -> dict[str, Tensor]:
        """What the model reads: features or pixels, and regions where it takes them."""
        image = torch.stack([sight.view for sight in sights]).to(run_folder.device())
        if self.encoder is not None:
            image = self.encoder(image.contiguous(memory_format=torch.channels_last))
        batch = {"image": image}
        if self.detector is not None:
            found = region_file.empty(np.arange(len(sights)), self.propose["count"])
            pairs = self.detector.propose([sight.square for sight in sights], self.propose)
            for row, (boxes, scores) in enumerate(pairs):
                region_file.fill(found, row, boxes, scores)
            window = views.fixed(self.settings["encoder"]["test_view"])
            boxes = torch.from_numpy(found["boxes"])
            batch["boxes"] = batches.seen_through(boxes, [window] * len(sights))
        return inference.placed(batch, self.settings["train"], run_folder.device())

    @torch.inference_mode()
    def scores(self, batch: dict[str, Tensor]) -> np.ndarray:
        """(B, C) float32."""
        with inference.precision(self.settings["train"]["precision"], run_folder.device()):
            return self.model(batch).float().cpu().numpy()


def read(folder: Path) -> Trained:
    folder, choice = find(folder)
    settings = runfiles.settings(folder / "settings.yaml")
    path = folder / "model.safetensors"
    encoder, width = None, None
    chosen, complete = settings["encoder"], holds_encoder(path)
    if chosen["cached"]:
        network = encoders.build(chosen["name"], chosen["weights"], "nothing").eval()
        encoder, width = (
            fused(network).to(run_folder.device(), memory_format=torch.channels_last),
            network.width,
        )
    elif complete:  # what it started from is not needed
        settings = settings | {"encoder": chosen | {"weights": None}}
    model = read_model(path, settings, width).eval()
    names = list(model.names)
    runfiles.check_names(path, names)
    detector, propose = read_detector(folder)
    fitted = folder / "calibration.json"
    found = (
        calibration.read(fitted, names) if fitted.exists() else calibration.none(names, THRESHOLD)
    )
    return Trained(folder, settings, model, encoder, detector, propose, found, choice)


def read_model(path: Path, settings: dict[str, Any], width: int | None) -> nn.Module:
    """Settings of the right kind may still be numbers that no network can be built with."""
    try:
        return run_folder.read_model(path, settings, width)
    except (RuntimeError, TypeError, ArithmeticError, LookupError, AssertionError) as error:
        if shortages.sentence(error):
            raise
        reason = " ".join(str(error).split())[:SHOWN] or type(error).__name__
        raise ValueError(
            f"{path.parent}/settings.yaml: {settings['method']} cannot be built with the settings"
            f" under `model` ({reason}); use the file that the training wrote"
        ) from None


def find(folder: Path) -> tuple[Path, str]:
    """The run itself, the one run below the folder, or of a dataset's the best; and why."""
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
        raise ValueError(f"{folder} holds {len(below)} runs; name one of them: {shown}")
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
    """What proposed the run's regions, by the inputs that its provenance names."""
    record = runfiles.account(folder)["inputs"]
    paths = [Path(name) for name in record if Path(name).name.startswith("regions-")]
    if not paths:
        return None, {}
    if len(paths) > 1:
        raise ValueError(f"{folder}/provenance.json names {len(paths)} files of regions, not one")
    source, settings, digest = read_origin(folder, paths[0])
    if source.suffix == ".json":
        raise ValueError(
            f"{folder} was trained with boxes that were given, {source}; there is no detector that"
            " could find such boxes in other pictures"
        )
    if not regular(source).exists():
        raise FileNotFoundError(
            f"{source} is missing, the detector of the regions that {folder} takes; `snakemake"
            f" {source}` makes it"
        )
    if sha256(source) != digest:
        raise ValueError(
            f"{source} is another detector than the one {folder} was trained with; train again"
        )
    if source.suffix == ".pth":
        return faster_rcnn.read(source, run_folder.device()), settings
    return light.read(source), settings


def read_origin(folder: Path, path: Path) -> tuple[Path, dict[str, Any], str]:
    """The detector of a file of regions, its settings, and its sha256."""
    if not path.exists():
        raise FileNotFoundError(NO_DETECTOR.format(folder=folder, path=path, why="is missing"))
    stored = read_arrays(regular(path))
    try:
        settings = json.loads(str(stored["settings"]))
        return Path(str(stored["source"])), settings, str(stored["source_sha256"])
    except (KeyError, ValueError, RecursionError):
        why = "does not name a detector"
        raise ValueError(NO_DETECTOR.format(folder=folder, path=path, why=why)) from None
