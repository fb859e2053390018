"""How much of what a method learned from partial labels holds for the labels that were hidden.

    python benchmarks/memorised.py benchmarks/memorised.csv

Reads the runs of `mini` on VOC 2007's layout (`snakemake results/tables` makes them). The fit
images are scored again, and average precision is taken twice: over the entries whose labels the
training saw, and over those that were hidden from it. A method that only remembers is near 100 on
the first and no better on the second than on images it has never seen, the third number.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch

from labelgraph import numerics
from labelgraph.files.small import read_arrays, read_json
from labelgraph.inputs import batches
from labelgraph.manifest.manifest import DIFFICULT, NO, UNKNOWN, YES
from labelgraph.predict import inference, runfiles
from labelgraph.score.average_precision import label_precisions, mean
from labelgraph.split.roles import FIT
from labelgraph.train import run_folder

SYSTEMS = ["partial_bce", "ml_gcn", "sarb", "ml_sgm@partial", "ml_sgm@partial_maps"]
COLUMNS = ("task", "system", "seed", "seen_labels", "hidden_labels", "new_images")


def main(study: str, tasks: list[str], systems: list[str], seeds: list[int], output: Path) -> None:
    rows = [
        {"task": task, "system": system, "seed": seed, **precisions(study, task, system, seed)}
        for task in tasks
        for system in systems
        for seed in seeds
    ]
    with output.open("w", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def precisions(study: str, task: str, system: str, seed: int) -> dict[str, str]:
    folder = Path(f"results/runs/{study}/{task}/voc2007/{system}/seed{seed}")
    settings = runfiles.settings(folder / "settings.yaml")
    inputs = Path(f"data/inputs/{study}/voc2007")
    chosen = settings.encoder
    grid = inputs / f"features/{chosen.name}-{chosen.size}-plain.json"
    train = read_arrays(Path(f"data/splits/{study}/{task}/voc2007/train.npz"))
    truth = read_arrays(Path(f"data/splits/{study}/full/voc2007/train.npz"))["labels"]
    fit = np.flatnonzero(train["role"] == FIT)
    seen = batches.inputs([grid], None, None, train["images"], settings, learning=False)
    model = run_folder.read_model(folder / "model.safetensors", settings, seen.pictures.width)
    logits = inference.scores(model, seen, fit, settings.train, torch.device("cpu"))
    shown, truth = train["labels"][fit] != UNKNOWN, truth[fit]
    judged = np.isin(truth, (YES, NO))
    found = {
        name: average(logits, np.where(judged & there, truth, DIFFICULT))
        for name, there in (("seen_labels", shown), ("hidden_labels", ~shown))
    }
    found["new_images"] = 100 * read_json(folder / "scores.json")["map"]["non_interpolated"]
    return {name: f"{value:.1f}" for name, value in found.items()}


def average(logits: np.ndarray, codes: np.ndarray) -> float:
    pairs = map(np.ascontiguousarray, (logits.T, codes.T))
    return 100 * mean(label_precisions(*pairs, "ignored")["non_interpolated"])


def words(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--study", default="mini")
    parser.add_argument("--tasks", type=words, default=["partial-10", "partial-50"])
    parser.add_argument("--systems", type=words, default=SYSTEMS)
    parser.add_argument("--seeds", type=words, default=[0])
    torch.set_num_threads(1)
    numerics.set_seed(0)
    main(**vars(parser.parse_args()))
