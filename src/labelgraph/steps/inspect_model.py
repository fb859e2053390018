"""A trained model and the reported images that a figure chooses -> a view of the model's inside.

An .npz with the names of images and labels, the window of the photograph that the model sees, and
the view's tensors, as predict/inspection/__init__.py describes them.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelgraph.encoders import views
from labelgraph.figures import image_choice
from labelgraph.files.small import read_arrays, write_arrays
from labelgraph.inputs import batches
from labelgraph.predict import inference, inspection
from labelgraph.study.settings import RunSettings
from labelgraph.train import run_folder


@dataclass(frozen=True, kw_only=True)
class Files:
    """What the step reads and writes."""

    model: Path
    report: Path
    features: list[Path]  # the index of the view
    images: Path | None  # the raw folder, where nothing is cached
    regions: Path | None
    output: Path


def main(view: str, choice: dict[str, Any], settings: RunSettings, files: Files) -> None:
    names = read_arrays(files.report)["images"]
    inputs = batches.inputs(
        files.features, files.images, files.regions, names, settings, learning=False
    )
    model = run_folder.read_model(files.model, settings, inputs.pictures.width).eval()
    shown = chosen(choice, names)
    window = views.fixed(settings.encoder.test_view)
    look = inspection.find(settings.method, view)
    found = []
    with torch.inference_mode():
        for batch in inputs.batches(batches.groups(shown, inference.BATCH), None):
            placed = inference.placed(batch, settings.train, run_folder.device())
            found.append({key: value.detach().cpu() for key, value in look(model, placed).items()})
    tensors = means(found) if view == "labels" else joined(found)
    known = {"images": names[shown], "labels": np.array(model.names)}
    write_arrays(files.output, **known, window=np.array(window[:4]), **tensors)


def chosen(choice: dict[str, Any], names: np.ndarray) -> np.ndarray:
    """Rows of the images that the figure chooses."""
    report = image_choice.read(choice["targets"], choice["predictions"])
    wanted = report.images[image_choice.choose(choice["images"], report)].tolist()
    if not wanted:
        raise ValueError(
            f"no reported image matches {choice['images']}; change the figure's `images`"
        )
    place = {name: row for row, name in enumerate(names.tolist())}
    return np.array([place[name] for name in wanted])


def joined(found: list[dict[str, torch.Tensor]]) -> dict[str, np.ndarray]:
    return {key: torch.cat([part[key] for part in found]).numpy() for key in found[0]}


def means(found: list[dict[str, torch.Tensor]]) -> dict[str, np.ndarray]:
    """One tensor for all images."""
    sums = {key: sum(part[key].double().sum(0) for part in found) for key in found[0]}
    count = {key: sum(len(part[key]) for part in found) for key in found[0]}
    return {key: (sums[key] / count[key]).float().numpy() for key in sums}


def command(arguments: list[str]) -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="inspect_model", description=__doc__, formatter_class=form
    )
    parser.add_argument("--view", required=True, help="a function of the method's inspection file")
    parser.add_argument("--choice", type=json.loads, required=True, help="JSON: rule and files")
    parser.add_argument("--settings", required=True, help="JSON text")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--features", type=Path, nargs="*", default=[])
    parser.add_argument("--images", type=Path, help="the raw folder, if nothing is cached")
    parser.add_argument("--regions", type=Path, help="boxes, for methods that use them")
    parser.add_argument("--output", type=Path, required=True)
    given = vars(parser.parse_args(arguments))
    view, choice, settings = (given.pop(name) for name in ("view", "choice", "settings"))
    main(view, choice, RunSettings.parse(settings), Files(**given))


if __name__ == "__main__":
    command(sys.argv[1:])
