"""An unpacked dataset -> its manifest, with every image checked."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.images import inspect
from labelgraph.files.small import write_json
from labelgraph.manifest import finding
from labelgraph.manifest.manifest import (
    DIFFICULT,
    YES,
    Manifest,
    write,
)


def main(
    reader: str,
    root: Path,
    options: dict[str, Any],
    output: Path,
    report: Path | None,
    *,
    workers: int,
    decode: bool,
) -> None:
    manifest = finding.read(reader, root, **options)
    found = inspect([root / image for image in manifest.images], workers=workers, decode=decode)
    write(manifest, output, sizes=found.sizes, digests=found.digests)
    if report:
        write_json(report, summary(manifest) | {"oddities": found.oddities})


def summary(manifest: Manifest) -> dict[str, Any]:
    parts, counts = np.unique(manifest.parts, return_counts=True)
    yes, difficult = ((manifest.labels == code).sum(0).tolist() for code in (YES, DIFFICULT))
    return {
        "images": dict(zip(parts.tolist(), counts.tolist(), strict=True)),
        "images_without_label": int((manifest.labels != YES).all(1).sum()),
        "boxes": len(manifest.boxes),
        "labels": len(manifest.names),
        "positives": dict(zip(manifest.names, yes, strict=True)),
        "difficult": {name: n for name, n in zip(manifest.names, difficult, strict=True) if n},
    }


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="write_manifest", description=__doc__)
    parser.add_argument("--reader", required=True, help="a file name in labelgraph/datasets")
    parser.add_argument("--root", type=Path, required=True, help="the unpacked archive")
    parser.add_argument("--options", type=json.loads, required=True, help="the reader's, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="the manifest, .npz")
    parser.add_argument("--report", type=Path, help="counts for people, .json")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="threads")
    parser.add_argument("--decode", action="store_true", help="decode every image fully")
    main(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    command(sys.argv[1:])
