"""The label names of a manifest and a file of word vectors -> one vector per label.

label_vectors.npz: names (C,), vectors (C, D) float32. The report gives the words of each label
(none: its vector is random), the words that were missing, and the file of the others.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.files.small import sha256, write_arrays, write_json
from labelgraph.inputs import word_vectors
from labelgraph.manifest import manifest as manifests


def main(
    manifest: Path, vectors: Path | None, options: dict[str, Any], output: Path, report: Path
) -> None:
    """`options`: aliases, multiword, case and missing, as `inputs.word_vectors` explains."""
    names = manifests.read(manifest).names
    table, words = word_vectors.embed(names, vectors, options)
    write_arrays(output, names=np.array(names), vectors=table)
    if drawn := [name for name in names if not words[name]["words"]]:
        print(
            f"{len(drawn)} of {len(names)} labels have no word vector and get a random one, which"
            f" carries no meaning: {', '.join(drawn)}",
            file=sys.stderr,
        )
    origin = {"file": None, "sha256": None, "size": table.shape[1]}
    if vectors:
        origin |= {"file": vectors.name, "sha256": sha256(vectors)}
    write_json(report, {"vectors": origin, "options": options, "labels": words})


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="embed_labels", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--vectors", type=Path, help="without a file all vectors are random")
    parser.add_argument("--options", required=True, help="JSON text")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    chosen = vars(parser.parse_args(arguments))
    main(**chosen | {"options": read_options(chosen["options"])})


def read_options(text: str) -> dict[str, Any]:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"--options is not JSON: {error}; it starts {text[:60]!r}") from None


if __name__ == "__main__":
    command(sys.argv[1:])
