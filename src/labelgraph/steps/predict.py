"""A trained model and the reported images -> predictions.npz: images, labels, scores (logits).

Of a method that names labels one after the other also `named_at`: at which step, 0 never.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from labelgraph.files.small import read_arrays, write_arrays
from labelgraph.inputs import batches
from labelgraph.study.settings import RunSettings
from labelgraph.train import run_folder
from labelgraph.train.team import parallel, torchrun


def main(
    settings: RunSettings,
    model: Path,
    report: Path,
    features: list[Path],
    images: Path | None,
    regions: Path | None,
    output: Path,
) -> None:
    team = parallel.join()
    names = read_arrays(report)["images"]
    inputs = batches.inputs(features, images, regions, names, settings, learning=False)
    trained = run_folder.read_model(model, settings, inputs.pictures.width)
    rows = np.arange(len(names))
    given = inputs, rows, settings.train, run_folder.device()
    found = {"scores": team.scores(trained, *given)}
    if hasattr(trained, "named_at"):
        found["named_at"] = team.scores(Names(trained), *given).astype(np.int16)
    if team.first:
        write_arrays(output, images=names, labels=np.array(trained.names), **found)
    team.leave()


class Names(nn.Module):
    """The steps at which a method names labels, in place of its scores."""

    def __init__(self, trained: nn.Module):
        super().__init__()
        self.trained = trained

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return self.trained.named_at(batch)


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="predict", description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON text")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--features", type=Path, nargs="*", default=[])
    parser.add_argument("--images", type=Path, help="the raw folder, if nothing is cached")
    parser.add_argument("--regions", type=Path, help="boxes, for methods that use them")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=1, help="processes that share the images")
    given = vars(parser.parse_args(arguments))
    given["settings"] = RunSettings.parse(given["settings"])
    if (processes := given.pop("processes")) > 1 and not torchrun.inside():
        torchrun.run("predict", arguments, processes)
    else:
        main(**given)


if __name__ == "__main__":
    command(sys.argv[1:])
