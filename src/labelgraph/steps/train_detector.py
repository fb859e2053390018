"""A manifest with boxes -> a light detector that has learnt those of the fit images, no others.

detector.safetensors: the head's tensors; the settings, as JSON text in the file's metadata.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph import numerics
from labelgraph.files.small import read_arrays
from labelgraph.inputs.regions import learning, light
from labelgraph.manifest import manifest as manifests


def main(manifest: Path, train: Path, root: Path, settings: dict[str, Any], output: Path) -> None:
    """`settings`: blocks `network` and `learn` of detectors.yaml."""
    listed, learn = manifests.read(manifest), settings["learn"]
    rows = learning.fit_rows(listed, read_arrays(train), learn["images"], learn["seed"])
    numerics.set_threads()
    numerics.set_seed(learn["seed"])
    detector = light.build(settings["network"])
    sizes = read_arrays(manifest)["sizes"]
    features, boxes = learning.prepare(detector, listed, sizes, rows, root)
    losses = learning.learn(detector, features, boxes, learn)
    light.write(output, detector)
    print(f"{len(rows)} images, loss {losses[0]:.3f} to {losses[-1]:.3f}", file=sys.stderr)


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="train_detector", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True, help="train.npz of the split")
    parser.add_argument("--root", type=Path, required=True, help="the raw folder")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--output", type=Path, required=True)
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
