"""Guesses which columns of a table hold images, labels and parts."""

import os
import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from labelgraph.files.images import ENDINGS
from labelgraph.manifest.manifest import NO, YES
from labelgraph.manifest.readers.table import CODES, read_rows
from labelgraph.own.datacheck.hints import (
    LOOKED_AT,
    is_file,
    listed,
    two_parts,
)

LABELS = re.compile(r"(labels?|tags?|class(es)?|categor(y|ies))", re.I)
SEPARATORS = (";", "|", ",")
MOST = 0.5  # a column with at least this share of codes is a column of codes
KINDS = 2  # different odd cells that such a column may have


def table(folder: Path) -> dict[str, Any] | None:
    for ending in ("csv", "tsv", "parquet"):
        for path in listed(folder, f"*.{ending}"):
            rows = read_rows(path)
            if found := image_column(rows, folder):
                return {"reader": "table", **columns(rows, found, path.name)}
    return None


def image_column(rows: pd.DataFrame, folder: Path) -> dict[str, str] | None:
    """The column with the most names of files, their folder, and the ending to append."""
    below = ["", *(p.name for p in sorted(folder.iterdir()) if p.is_dir() and p.name[0] != ".")]
    for column in rows:
        if any(is_file(folder / place / column) for place in below):
            raise ValueError(
                f"the table in {folder} has no header: its first line names the image {column!r};"
                " add a first line like image,labels"
            )
    best, most, known = None, 0, cache(files_in)
    for column, place in product(rows, below):
        values = rows[column].head(LOOKED_AT)
        split = [os.path.split(value) for value in values if value]
        seen = [(known(folder / place / above), name) for above, name in split]
        for ending in ("", *ENDINGS):
            there = sum(f"{name}{ending}" in files for files, name in seen)
            if there > most and 2 * there >= len(values):
                best, most = {"image": column, "images": place, "ending": ending}, there
    return best


def files_in(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as found:
            return frozenset(each.name for each in found if each.is_file())
    except (OSError, ValueError):
        return frozenset()


def columns(rows: pd.DataFrame, found: dict[str, str], file: str) -> dict[str, Any]:
    options: dict[str, Any] = {"file": file, **found}
    others = [name for name in rows if name != found["image"]]
    entry: dict[str, Any] = {}
    for name in others:
        few = rows[name].nunique() < 6 and not LABELS.fullmatch(name)
        parts = two_parts(sorted({*rows[name]})) if few else []
        if parts:
            options["part"] = name
            entry["parts"] = {"train": parts[0], "report": parts[1]}
            others.remove(name)
            break
    named = [name for name in others if LABELS.fullmatch(name) and not coded(rows[name])]
    codes = [name for name in others if coded(rows[name])]
    texts = [name for name in others if name not in codes and says_something(rows[name])]
    if codes and not named:
        options["labels"] = None if codes == others else codes
    elif column := [*named, *texts][:1]:
        options["labels"] = column[0]
        cells = "".join(rows[column[0]])
        options["separator"] = max(SEPARATORS, key=cells.count)
    else:
        raise ValueError(
            f"{file} has no column of labels, only {others}; expected a column called labels that"
            " holds their names, or a column of 1 and 0 for each label"
        )
    return {"options": options, **entry}


def coded(cells: pd.Series) -> bool:
    """Whether a column holds yes and no. The reader reports odd cells as mistakes: a minority, or
    two kinds at most, like ? and an empty cell. Class numbers do not count as codes.
    """
    lower, filled = cells.str.lower(), cells != ""
    right = lower.isin([*CODES])
    odd = {*lower[~right & filled]}
    if odd and LABELS.fullmatch(str(cells.name)) and all(map(str.isdecimal, odd)):
        return False
    both = {CODES[cell] for cell in lower[right]} >= {YES, NO}
    return right.sum() >= MOST * filled.sum() > 0 or (both and len(odd) <= KINDS)


def says_something(cells: pd.Series) -> bool:
    """Whether a column repeats texts: not numbers, and not a different text in every row."""
    numbers = pd.to_numeric(cells.where(cells != "", "0"), errors="coerce").notna().all()
    return not numbers and (cells.nunique() < len(cells) or len(cells) < LOOKED_AT)
