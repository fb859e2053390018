"""A trained model and its tune images -> calibration.json, which makes scores probabilities."""

import argparse
import sys
from pathlib import Path

import numpy as np

from labelgraph.files.small import read_arrays
from labelgraph.inputs import batches
from labelgraph.predict import calibration, inference
from labelgraph.split.roles import TUNE
from labelgraph.study.settings import RunSettings
from labelgraph.train import run_folder


def main(
    settings: RunSettings,
    selection: str,
    threshold: float,
    model: Path,
    train: Path,
    features: list[Path],
    images: Path | None,
    regions: Path | None,
    output: Path,
) -> None:
    """`threshold` is used if there are no tune images."""
    stored = read_arrays(train)
    rows = np.flatnonzero(stored["role"] == TUNE)
    names, codes = stored["images"], stored["labels"][rows]
    inputs = batches.inputs(features, images, regions, names, settings, learning=False)
    trained = run_folder.read_model(model, settings, inputs.pictures.width)
    labels, scores = list(trained.names), np.empty((0, len(trained.names)), np.float32)
    if len(rows):
        scores = inference.scores(trained, inputs, rows, settings.train, run_folder.device())
    found = calibration.fit(labels, scores, codes, selection, threshold)
    calibration.write(output, found)


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="calibrate", description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON text")
    parser.add_argument("--selection", required=True, help="images used to tune: tune or report")
    parser.add_argument(
        "--threshold", type=float, required=True, help="if there are no tune images"
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True, help="train.npz of the split")
    parser.add_argument("--features", type=Path, nargs="*", default=[])
    parser.add_argument("--images", type=Path, help="the raw folder, if nothing is cached")
    parser.add_argument("--regions", type=Path, help="boxes, for methods that use them")
    parser.add_argument("--output", type=Path, required=True)
    given = vars(parser.parse_args(arguments))
    main(**given | {"settings": RunSettings.parse(given["settings"])})


if __name__ == "__main__":
    command(sys.argv[1:])
