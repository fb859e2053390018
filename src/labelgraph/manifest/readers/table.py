"""A table of images and labels (.csv, .tsv or Parquet), with a row per image or a row per label.

    image,labels          image,cat,dog,part      image,label
    a.jpg,cat;dog         a.jpg,1,1,train         a.jpg,cat
    b.jpg,                b.jpg,0,0,test          a.jpg,dog

Left and right: `labels` names the column and `separator` is the text between labels; an image with
several rows shows the labels of all of them. Middle: `labels` is a list of columns, or null for all
columns without another use; their codes are 1 yes, 0 no, -1 difficult.
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelgraph.files.names import check as check_name
from labelgraph.manifest.manifest import (
    DIFFICULT,
    NO,
    YES,
    Manifest,
    no_boxes,
)
from labelgraph.manifest.readers import _parts
from labelgraph.manifest.readers._reading import (
    below,
    check_choice,
    check_parts,
    positions,
    present,
)

LONGEST = 1000  # characters of a name
MOST_LABELS = 5000
CODES = {
    **dict.fromkeys(("1", "1.0", "true", "yes"), YES),
    **dict.fromkeys(("0", "0.0", "false", "no"), NO),
    **dict.fromkeys(("-1", "-1.0"), DIFFICULT),
}


def read(
    root: Path,
    *,
    file: str,
    image: str,
    labels: str | list[str] | None,
    separator: str,
    part: str | None,
    group: str | None,
    draw: dict | None,
    images: str,
    ending: str,
    outside: bool,
) -> Manifest:
    """Images in the order of the table. `images` is their folder; `ending` is added to their names.

    `part` names the column with each image's part. Without it parts are drawn, and images with the
    same value in column `group` stay together.
    """
    check_parts(part=part, draw=draw)
    check_choice("outside", outside, (True, False))
    path = root / file
    rows = read_rows(path)
    one = isinstance(labels, str)
    check_columns(path, rows, [image, part, group, *([labels] if one else labels or [])])
    if one:
        about, names, codes = listed(rows, image, labels, separator, path)
    else:
        others = [name for name in rows if name not in (image, part, group)]
        about, names, codes = coded(rows, image, labels or others, path)
    for column, what in ((image, "image"), (part, "part"), (group, "group")):
        check_together(rows, image, column, what, path)
    parts = about[part].to_numpy(str) if part else None
    if parts is None:
        parts = _parts.drawn(codes == YES, draw, grouped(about, group))
    paths = [
        below(images, name, ending, outside, f"{path}, row {row + 1}")
        for row, name in about[image].items()
    ]
    return Manifest(np.array(paths), parts, tuple(names), codes, **no_boxes())


def grouped(rows: pd.DataFrame, group: str | None) -> list[str] | None:
    """An image without a group is a group of its own."""
    if group is None:
        return None
    return [f"group {cell}" if cell else f"row {row}" for row, cell in enumerate(rows[group])]


def check_columns(path: Path, rows: pd.DataFrame, columns: list[str | None]) -> None:
    for column in columns:
        if column is not None and column not in rows:
            raise ValueError(f"{path} has no column {column!r}; it has {[*rows]}")


def read_rows(path: Path) -> pd.DataFrame:
    """Every cell as a string; an empty cell as an empty string."""
    present(path)
    try:
        if path.suffix == ".parquet":
            rows = pd.read_parquet(path)
        else:
            tabs = {"sep": "\t"} if path.suffix == ".tsv" else {}
            options: dict[str, Any] = {"dtype": str, "keep_default_na": False, **tabs}
            check_lines(path, tabs.get("sep", ","))
            rows = pd.read_csv(path, encoding="utf-8-sig", index_col=False, **options)
    except ImportError:
        raise ValueError(
            f"{path}: reading Parquet needs the package pyarrow (`uv run --with pyarrow ...`); or"
            " save the table as CSV"
        ) from None
    except (ValueError, OSError, csv.Error) as error:
        raise ValueError(
            f"{path} cannot be read as a table: {' '.join(str(error).split())}"
        ) from None
    if rows.empty:
        raise ValueError(f"{path} has no rows below its header")
    header = [str(name) for name in rows]
    rows = rows.map(lambda cell: "" if cell is None or cell != cell else str(cell).strip())
    odd = rows.map(lambda cell: not cell.isprintable() and "\0" in cell).to_numpy()
    if odd.any() or any("\0" in name for name in header):
        row = int(np.argwhere(odd)[0, 0]) + 1 if odd.any() else 0
        raise ValueError(f"{path}, row {row}: a NUL character; the file is binary or damaged")
    return rows.rename(columns=str)


def check_lines(path: Path, separator: str) -> None:
    """Refuses what pandas would change silently: it renames the second of two columns with one
    name, and shifts the cells of a row that is longer than the header.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = csv.reader(stream, delimiter=separator)
        header = next(lines, [])
        if blank := [place for place, name in enumerate(header, start=1) if not name.strip()]:
            raise ValueError(f"column {blank[0]} has no name in the header; name it or remove it")
        if twice := sorted({name for name in header if header.count(name) > 1}):
            raise ValueError(f"two columns are called {twice[0]!r}; rename one of them")
        for row, line in enumerate(filter(None, lines), start=1):
            if len(line) > len(header):
                raise ValueError(
                    f"row {row} has {len(line)} cells, and the header has {len(header)}; put cells"
                    " that contain a comma in quotes"
                )


def check_together(
    rows: pd.DataFrame, image: str, column: str | None, what: str, path: Path
) -> None:
    """Checks the names of parts or groups, and that an image's rows agree on one of them."""
    if column is None:
        return
    first: dict[str, str] = {}
    for row, (name, side) in enumerate(zip(rows[image], rows[column], strict=True), start=1):
        check_length(side, f"{path}, row {row}, column {column!r}")
        if what == "part":
            check_name(what, side, f"{path}, row {row}, column {column!r}")
        if first.setdefault(name, side) != side:
            raise ValueError(
                f"{path}, row {row}: {name!r} is in {what} {side!r} here and in {first[name]!r}"
                f" above; an image is in one {what}"
            )


def check_length(name: str, place: str) -> None:
    if len(name) > LONGEST:
        raise ValueError(
            f"{place}: {name[:60]!r}... has {len(name):,} characters, too many for a name, at most"
            f" {LONGEST:,}"
        )


def check_count(labels: int, what: str) -> None:
    if labels > MOST_LABELS:
        raise ValueError(
            f"{what} gives {labels:,} labels, more than {MOST_LABELS:,}: is it free text, or"
            " something else in every row? Name the column of labels in option labels"
        )


def listed(
    rows: pd.DataFrame, image: str, column: str, separator: str, path: Path
) -> tuple[pd.DataFrame, list[str], np.ndarray]:
    """Labels by name in one column: one row of each image, the names, codes (N, C)."""
    if not separator:
        raise ValueError("option separator is empty; expected the text between labels, such as ;")
    several = [
        [label.strip() for label in cell.split(separator) if label.strip()] for cell in rows[column]
    ]
    first = {label: row for row in range(len(several), 0, -1) for label in several[row - 1]}
    if not first:
        raise ValueError(f"column {column!r} is empty in every row; it should hold labels")
    check_count(len(first), f"{path}, column {column!r}")
    for label, row in first.items():
        check_length(label, f"{path}, row {row}, column {column!r}")
        check_name("label", label, f"{path}, row {row}, column {column!r}")
    labels = sorted(first)
    columns = {name: place for place, name in enumerate(labels)}
    about = rows.drop_duplicates(image)
    places = {name: row for row, name in enumerate(about[image])}
    codes = np.full((len(about), len(labels)), NO, np.int8)
    for name, some in zip(rows[image], several, strict=True):
        codes[places[name], [columns[label] for label in some]] = YES
    return about, labels, codes


def coded(
    rows: pd.DataFrame, image: str, labels: list[str], path: Path
) -> tuple[pd.DataFrame, list[str], np.ndarray]:
    """A column of codes for each label; an image has one row."""
    positions(rows[image].tolist(), f"{path}, row")
    check_count(len(labels), f"{path}, the header")
    for label in labels:
        check_length(label, f"{path}, the header")
        check_name("label", label, f"{path}, the header")
    lower = rows[labels].map(str.lower)
    wrong = np.argwhere(~lower.isin([*CODES]).to_numpy())
    if len(wrong):
        row, column = wrong[0]
        others = f", and {len(wrong) - 1} more cells are wrong" if len(wrong) > 1 else ""
        raise ValueError(
            f"{path}, row {row + 1}, column {labels[column]!r}: "
            f"{rows[labels].iloc[row, column][:60]!r}; expected 1 yes, 0 no or"
            f" -1 difficult{others}. If the column is not a label, list the label columns in option"
            " labels"
        )
    return rows, labels, lower.map(CODES.__getitem__).to_numpy(np.int8)
