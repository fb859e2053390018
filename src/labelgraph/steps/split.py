"""A manifest and a protocol -> what training may see, what is predicted, what is scored.

train.npz      images (n,), role (n,) 0 fit 1 tune 2 shot, labels (n, C) 1 yes, 0 no, -1 difficult,
               -2 hidden, names (C,), novel (C,); few-shot: episodes, episode_offsets
report.npz     images (m,), names (C,): no labels
targets.npz    images (m,), labels (C,) names, target (m, C), scored (C,) bool
protocol.json  the settings, what they came to, and a fingerprint of the other files
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from labelgraph.files.small import write_arrays, write_json
from labelgraph.manifest import manifest as manifests
from labelgraph.split import cutting


def main(
    manifest: Path,
    protocol: dict[str, Any],
    train: Path,
    report: Path,
    targets: Path,
    description: Path,
) -> None:
    """`protocol`: the settings of `labelgraph.split.settings`."""
    split = cutting.cut(manifests.read(manifest), protocol)
    write_arrays(train, **split.train)
    write_arrays(report, **split.report)
    write_arrays(targets, **split.targets)
    write_json(description, split.description)


def command(arguments: list[str]) -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="split", description=__doc__, formatter_class=form)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--protocol", required=True, help="JSON text")
    for output in ("train", "report", "targets", "description"):
        parser.add_argument(f"--{output}", type=Path, required=True)
    chosen = vars(parser.parse_args(arguments))
    main(**chosen | {"protocol": read_protocol(chosen["protocol"])})


def read_protocol(text: str) -> dict[str, Any]:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"--protocol is not JSON: {error}; it starts {text[:60]!r}") from None


if __name__ == "__main__":
    command(sys.argv[1:])
