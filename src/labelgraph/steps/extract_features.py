"""A manifest and an encoder -> features of its images in one view: NAME.npy, index NAME.json.

The index names the images in order, the settings, and the sha256 of the features.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from labelgraph.encoders import encoder as encoders
from labelgraph.files.small import read_arrays, sha256, write_json
from labelgraph.inputs.features import extract
from labelgraph.jobs import provenance


def main(
    manifest: Path,
    root: Path,
    encoder: dict[str, Any],
    parts: list[str],
    code: list[Path],
    work: Path,
    output: Path,
) -> None:
    """`encoder`: name, weights, view, size; with last_stages, features before these stages."""
    listed = read_arrays(manifest)
    chosen = [part in parts for part in listed["parts"].tolist()]
    images, digests = listed["images"][chosen], listed["digests"][chosen]
    depends = {"encoder": encoder, "images": images.tolist(), "digests": digests.tolist()}
    folder = work / provenance.key(output, depends, {}, code)
    network = encoders.build(encoder["name"], encoder["weights"], "nothing")
    network = encoders.before(network, encoder.get("last_stages", 0))
    grid = output.with_suffix(".npy")
    shape = extract(network, root, images, encoder["view"], encoder["size"], folder, grid)
    write_json(output, {**depends, "shape": shape, "sha256": sha256(grid)})
    shutil.rmtree(folder, ignore_errors=True)


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="extract_features", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="the raw folder")
    parser.add_argument("--encoder", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--parts", type=json.loads, required=True, help="parts to include, as JSON")
    parser.add_argument("--code", type=Path, nargs="+", required=True, help="files of the rule")
    parser.add_argument("--work", type=Path, required=True, help="folder for unfinished work")
    parser.add_argument("--output", type=Path, required=True, help="the index, NAME.json")
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
