"""A table of images and labels: CSV, with tabs (.tsv) or Parquet; a row an image, or a row a label.

    image,labels          image,cat,dog,part      image,label
    a.jpg,cat;dog         a.jpg,1,1,train         a.jpg,cat
    b.jpg,                b.jpg,0,0,test          a.jpg,dog

Left and right, `labels` names the column and `separator` what stands between labels; an image of
several rows shows the labels of all of them. In the middle, `labels` is a list of columns, or null
for all that are not named otherwise; their codes are 1 yes, 0 no, -1 difficult.
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelgraph.datasets import _parts
from labelgraph.datasets._reading import check_choice, positions, present
from labelgraph.manifest import DIFFICULT, NO, YES, Manifest, no_boxes

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
) -> Manifest:
    """Images in the order of the table. `images` is their folder, `ending` what their names lack.

    `part` names the column with each image's part; without it parts are drawn, and images with the
    same value in column `group` stay together.
    """
    check_choice("part or draw: one of them, given", (part is None) + (draw is None), (1,))
    path = root / file
    rows = read_rows(path)
    for column in [image, part, group, *([labels] if isinstance(labels, str) else labels or [])]:
        if column is not None and column not in rows:
            raise ValueError(f"{path} has no column {column!r}; it has {[*rows]}")
    if isinstance(labels, str):
        about, names, codes = listed(rows, image, labels, separator)
    else:
        others = [name for name in rows if name not in (image, part, group)]
        about, names, codes = coded(rows, image, labels or others, path)
    parts = about[part].to_numpy(str) if part else None
    if parts is None:
        groups = about[group].tolist() if group else None
        parts = _parts.drawn(codes == YES, draw, groups)
    return Manifest(
        images=np.array([(Path(images) / f"{name}{ending}").as_posix() for name in about[image]]),
        parts=parts,
        names=tuple(names),
        labels=codes,
        **no_boxes(),
    )


def read_rows(path: Path) -> pd.DataFrame:
    """Every cell as text; an empty one is an empty text."""
    present(path)
    try:
        if path.suffix == ".parquet":
            rows = pd.read_parquet(path)
        else:
            tabs = {"sep": "\t"} if path.suffix == ".tsv" else {}
            options: dict[str, Any] = {"dtype": str, "keep_default_na": False, **tabs}
            rows = pd.read_csv(path, encoding="utf-8-sig", **options)
            check_header(path, tabs.get("sep", ","))
    except ImportError:
        raise ValueError(
            f"{path}: reading Parquet needs the package pyarrow (`uv run --with pyarrow ...`); or"
            " save the table as CSV"
        ) from None
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{path} cannot be read as a table: {' '.join(str(error).split())}"
        ) from None
    if rows.empty:
        raise ValueError(f"{path} has no rows below its header")
    names = [str(name) for name in rows]
    rows = rows.map(lambda cell: "" if cell is None or cell != cell else str(cell).strip())
    odd = rows.map(lambda cell: not cell.isprintable() and "\0" in cell).to_numpy()
    if odd.any() or any("\0" in name for name in names):
        row = int(np.argwhere(odd)[0, 0]) + 1 if odd.any() else 0
        raise ValueError(f"{path}, row {row}: a NUL character; it is a binary file, or damaged")
    return rows.rename(columns=str)


def check_header(path: Path, separator: str) -> None:
    """Of two columns of one name, pandas would call the second another."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        names = next(csv.reader(stream, delimiter=separator))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two columns are called {twice[0]!r}; name them otherwise")


def listed(
    rows: pd.DataFrame, image: str, column: str, separator: str
) -> tuple[pd.DataFrame, list[str], np.ndarray]:
    """Labels by name in one column: one row of each image, the names, codes (N, C)."""
    several = [
        [label.strip() for label in cell.split(separator) if label.strip()] for cell in rows[column]
    ]
    names = sorted({label for some in several for label in some})
    if not names:
        raise ValueError(f"column {column!r} is empty in every row; it should hold labels")
    columns = {name: place for place, name in enumerate(names)}
    about = rows.drop_duplicates(image)
    places = {name: row for row, name in enumerate(about[image])}
    codes = np.full((len(about), len(names)), NO, np.int8)
    for name, some in zip(rows[image], several, strict=True):
        codes[places[name], [columns[label] for label in some]] = YES
    return about, names, codes


def coded(
    rows: pd.DataFrame, image: str, names: list[str], path: Path
) -> tuple[pd.DataFrame, list[str], np.ndarray]:
    """A column of codes for each label; an image has one row."""
    positions(rows[image].tolist(), f"{path}, row")
    lower = rows[names].map(str.lower)
    wrong = np.argwhere(~lower.isin([*CODES]).to_numpy())
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{path}, row {row + 1}, column {names[column]!r}: {rows[names].iloc[row, column]!r};"
            " expected 1 yes, 0 no or -1 difficult. If it is no label, name the labels in option"
            " labels"
        )
    return rows, names, lower.map(CODES.__getitem__).to_numpy(np.int8)
