"""A manifest, and a detector or the user's boxes -> regions of every image: regions.npz.

A detector is a .safetensors file from train_detector, or torchvision's .pth file of Faster R-CNN.
Boxes are in COCO's results format: a list of {"image_id" or "file_name", "bbox", "score"}.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelgraph.files.small import read_arrays, sha256, write_arrays
from labelgraph.inputs.regions import faster_rcnn, light, region_file


def main(
    manifest: Path,
    root: Path,
    detector: Path | None,
    boxes: Path | None,
    settings: dict[str, Any],
    output: Path,
) -> None:
    """`settings`: the block `propose` of detectors.yaml."""
    listed = read_arrays(manifest)
    if boxes:
        found = region_file.from_user(boxes, listed["images"], listed["sizes"], settings)
    else:
        found = region_file.detect(read_detector(detector), listed["images"], root, settings)
    source = boxes or detector
    origin = {
        "source": source.as_posix(),
        "source_sha256": sha256(source),
        "settings": json.dumps(settings, sort_keys=True),
    }
    texts = {name: np.array(text) for name, text in origin.items()}
    write_arrays(output, **found, **texts)


def read_detector(path: Path) -> region_file.Proposer:
    if path.suffix == ".pth":
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return faster_rcnn.read(path, device)
    return light.read(path)


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="propose_regions", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="the raw folder")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--detector", type=Path, help=".safetensors or .pth")
    source.add_argument("--boxes", type=Path, help="COCO results, .json")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--output", type=Path, required=True)
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
