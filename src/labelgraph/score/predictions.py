"""Reads predictions and targets, and matches them by the names of images and labels.

predictions.npz   images (N,) str, labels (C,) str, scores (N, C) logits; named_at (N, C), optional:
                  the step at which a method names a label, 0 never
targets.npz       images (N,) str, labels (C,) str, target (N, C) 1 yes, 0 no, -1 difficult;
                  scored (C,) bool, optional: the labels to score; the others are left out
targets.csv       a header `image,LABEL,LABEL,...`, then a line per image, the same codes
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelgraph.files.small import read_arrays, regular

CODES = {"1", "0", "-1"}  # yes, no, difficult


@dataclass(frozen=True)
class Joined:
    """Rows and columns are in the order of the targets."""

    labels: list[str]  # C names
    unscored: list[str]  # labels of the targets that are left out
    scores: np.ndarray  # (N, C) logits
    target: np.ndarray  # (N, C) 1 yes, 0 no, -1 difficult
    named_at: np.ndarray | None  # (N, C) the step at which a method names a label, 0 never


def join(predictions: Path, targets: Path) -> Joined:
    guess = read_named(predictions, "scores")
    truth = read_csv(targets) if targets.suffix == ".csv" else read_named(targets, "target")
    rows = places(guess["images"], truth["images"], "image", predictions, targets)
    columns = places(guess["labels"], truth["labels"], "label", predictions, targets)
    labels, scores = truth["labels"], guess["scores"]
    scored = truth.get("scored", np.ones(len(labels), bool))
    if scored.shape != labels.shape or scored.dtype != bool or not scored.any():
        raise ValueError(
            f"{targets}: scored is {scored.dtype} {scored.shape}; it must hold true or false for"
            f" each of the {len(labels)} labels, and at least one true"
        )
    if scores.dtype.kind == "f" and not np.isfinite(scores).all():
        row, column = np.argwhere(~np.isfinite(scores))[0]
        image, label = str(guess["images"][row]), str(guess["labels"][column])
        raise ValueError(
            f"{predictions}: the score of image {image!r}, label {label!r} is"
            f" {scores[row, column]}; it must be a finite number"
        )
    if (named_at := guess.get("named_at")) is not None:
        check_steps(predictions, named_at, scores)
        named_at = named_at[rows][:, columns[scored]]
    return Joined(
        labels=labels[scored].tolist(),
        unscored=labels[~scored].tolist(),
        scores=scores[rows][:, columns[scored]],
        target=truth["target"][:, scored],
        named_at=named_at,
    )


def check_steps(path: Path, named_at: np.ndarray, scores: np.ndarray) -> None:
    wrong = named_at.shape != scores.shape or named_at.dtype.kind not in "iu"
    if wrong or named_at.min() < 0:
        raise ValueError(
            f"{path}: named_at is {named_at.dtype} {named_at.shape}; expected a step from 1, or 0,"
            f" for each of the scores {scores.shape}"
        )


def read_named(path: Path, table: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; `table` has a row for each image and a column for each label."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing; give an .npz file with images, labels, {table}"
        )
    if not path.is_file():
        raise ValueError(f"{path} is not an .npz archive; give a file with images, labels, {table}")
    arrays = read_arrays(path)
    if missing := [name for name in ("images", "labels", table) if name not in arrays]:
        raise ValueError(f"{path} has no {missing[0]!r}, only {sorted(arrays)}")
    shape = arrays["images"].shape + arrays["labels"].shape
    if arrays[table].shape != shape or len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"{path}: images {arrays['images'].shape}, labels {arrays['labels'].shape} and {table}"
            f" {arrays[table].shape} must be (N,), (C,) and (N, C), with at least one of each"
        )
    check_kinds(path, arrays, table)
    return arrays


def check_kinds(path: Path, arrays: dict[str, np.ndarray], table: str) -> None:
    """Names are text, scores are floating point, targets are codes."""
    for name in ("images", "labels"):
        if arrays[name].dtype.kind != "U":
            raise ValueError(f"{path}: {name} are {arrays[name].dtype}; expected text")
    values = arrays[table]
    kinds, wanted = ("f", "floating point") if table == "scores" else ("iu", "whole numbers")
    if values.dtype.kind not in kinds:
        raise ValueError(f"{path}: {table} are {values.dtype}; expected {wanted}")
    if table == "target" and len(wrong := np.argwhere(~np.isin(values, [1, 0, -1]))):
        row, column = wrong[0]
        raise ValueError(
            f"{path}: the target of image {arrays['images'][row].item()!r}, label"
            f" {arrays['labels'][column].item()!r} is {values[row, column]}; expected 1 (yes), 0"
            " (no) or -1 (difficult)"
        )


def read_csv(path: Path) -> dict[str, np.ndarray]:
    """Targets written with a spreadsheet."""
    try:
        text = regular(path).read_text(encoding="utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
        lines = [line for line in rows if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a CSV file in UTF-8: {error}") from None
    if "\0" in text:
        raise ValueError(f"{path} is a binary file; expected a CSV file")
    if len(lines) < 2 or {*lines[0][1:]} <= CODES:
        raise ValueError(f"{path} needs a header `image,LABEL,...` and a line for each image")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(lines[0]) or not {*line[1:]} <= CODES:
            raise ValueError(
                f"{path}, row {number}: {','.join(line)!r} is not an image and {len(lines[0]) - 1}"
                " codes 1 (yes), 0 (no) or -1 (difficult)"
            )
    return {
        "images": np.array([line[0] for line in lines[1:]]),
        "labels": np.array(lines[0][1:]),
        "target": np.array([line[1:] for line in lines[1:]]).astype(np.int8),
    }


def places(
    found: np.ndarray, wanted: np.ndarray, kind: str, predictions: Path, targets: Path
) -> np.ndarray:
    """The index of each wanted name in `found`. Both must hold the same names, each once."""
    for names, path in ((found, predictions), (wanted, targets)):
        unique, times = np.unique(names, return_counts=True)
        if (times > 1).any():
            raise ValueError(f"{path}: {kind} {unique[times > 1].tolist()[0]!r} is listed twice")
    where = {name: place for place, name in enumerate(found.tolist())}
    for some, path, others, other in (
        (wanted, targets, found, predictions),
        (found, predictions, wanted, targets),
    ):
        if alone := sorted({*some.tolist()} - {*others.tolist()}):
            raise ValueError(
                f"{len(alone)} of {len(some)} {kind}s of {path} are not in {other}, the first is"
                f" {alone[0]!r}; both files must hold the same {kind}s"
            )
    return np.array([where[name] for name in wanted.tolist()], int)
