"""What layout a folder has: the entry that would make a dataset of it."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from labelgraph.datasets.table import CODES, read_rows
from labelgraph.files import read_json
from labelgraph.images import ENDINGS
from labelgraph.owndata import stamps

COCO = {"images", "annotations", "categories"}
PLACES = ("", "images", "JPEGImages", "{part}", "images/{part}")  # of COCO's images
OTHER_JSON = ("captions", "keypoints", "panoptic", "stuff", "image_info")  # what COCO has besides
TRAIN, TEST = re.compile(r"train", re.I), re.compile(r"test|val|dev|report", re.I)
LABELS = re.compile(r"(labels?|tags?|class(es)?|categor(y|ies))", re.I)
SEPARATORS = (";", "|", ",")
NO_LABEL = {"none", "nothing", "no_label", "unlabelled", "background", "negative"}
MOST = 0.5  # share of codes from which a column is one of codes
LOOKED_AT = 20  # rows
DRAWN = {"share": 0.25, "seed": 0}
LAYOUTS = (
    "VOC's folders (Annotations/*.xml), COCO's JSON, a table (.csv, .tsv, .parquet) of file names"
    " and labels, or a folder of images for each label"
)


def guess(folder: Path) -> dict[str, Any]:
    """An entry: folder, reader, and the options that differ from what stands for them."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder")
    for attempt in (voc, coco, table, folders):
        if found := attempt(folder):
            return {"folder": folder.resolve().as_posix(), **found}
    raise ValueError(f"{folder} has none of the layouts that are known: {LAYOUTS}")


def two_parts(names: list[str]) -> list[str]:
    """The one to train on and the one to report, or nothing."""
    train = sorted((name for name in names if TRAIN.search(name)), key=len, reverse=True)
    test = sorted((n for n in names if TEST.search(n) and n not in train), key=rank)
    return [train[0], test[0]] if train and test else []


def rank(name: str) -> tuple[bool, str]:
    return "test" not in name.lower(), name


def voc(folder: Path) -> dict[str, Any] | None:
    found = [place for depth in ("", "*/", "*/*/") for place in folder.glob(f"{depth}Annotations")]
    found = [place for place in found if any(place.glob("*.xml"))]
    if not found:
        return None
    place = found[0].parent
    below = place.relative_to(folder).as_posix()
    options: dict[str, Any] = {} if below == "." else {"folder": below}
    first = next(iter(sorted((place / "JPEGImages").glob("*.*"))), Path("x.jpg"))
    options |= {"ending": first.suffix} if first.suffix != ".jpg" else {}
    lists = place / "ImageSets" / "Main"
    parts = two_parts([path.stem for path in lists.glob("*.txt") if "_" not in path.stem])
    if not parts:
        return {"reader": "voc_folders", "options": options | {"labels": "objects", "draw": DRAWN}}
    if not any(lists.glob(f"*_{parts[0]}.txt")):
        options["labels"] = "objects"
    return {"reader": "voc_folders", "options": options | {"parts": parts}}


def coco(folder: Path) -> dict[str, Any] | None:
    paths = sorted([*folder.glob("*.json"), *folder.glob("*/*.json")])
    contents = {
        path: content
        for path in paths
        if not any(word in path.name for word in OTHER_JSON)
        and isinstance(content := read_json(path), dict)
        and content.keys() >= COCO
    }
    if not contents:
        return None
    files = {part_of(path, folder): path for path in contents}
    chosen = two_parts([*files]) if len(files) > 1 else [*files]
    if not chosen:
        raise ValueError(
            f"which of {sorted(map(str, contents))} is to train on, and which to be reported? Name"
            " the two in the option annotations of an entry, as workflow/own_data.md shows"
        )
    names = {part: first_files(files[part], contents[files[part]]["images"]) for part in chosen}
    fits = [
        place
        for place in PLACES
        if all(
            2 * sum(is_file(folder / place.replace("{part}", part) / name) for name in some)
            >= len(some)
            for part, some in names.items()
        )
    ]
    if not fits:
        raise ValueError(
            f"{files[chosen[0]]}: its images, such as {names[chosen[0]][0]!r}, are in none of the"
            f" folders {[*PLACES]} of {folder}; move them there, or write an entry with the option"
            " images"
        )
    written = {part: files[part].relative_to(folder).as_posix() for part in chosen}
    options: dict[str, Any] = {"annotations": written, "images": fits[0]}
    if len(chosen) == 1:
        options["annotations"] = next(iter(written.values()))
    lists = [contents[files[part]]["annotations"] for part in chosen]
    items = [item for some in lists if isinstance(some, list) for item in some]
    if not all("bbox" in item for item in items if isinstance(item, dict)):
        options["boxes"] = False
    return {"reader": "coco_json", "options": options}


def first_files(path: Path, images: Any) -> list[str]:
    try:
        names = [image["file_name"] for image in images[:LOOKED_AT]]
    except (LookupError, TypeError):
        names = []
    if not names or not isinstance(names[0], str):
        raise ValueError(f"{path}: its first image has no file_name; expected COCO's `images`")
    return [name for name in names if isinstance(name, str)]


def part_of(path: Path, folder: Path) -> str:
    """train/_annotations.coco.json and instances_train2014.json both say it."""
    stem = path.stem.removeprefix("instances_")
    named = TRAIN.search(stem) or TEST.search(stem) or path.parent == folder
    return stem if named else path.parent.name


def table(folder: Path) -> dict[str, Any] | None:
    for ending in ("csv", "tsv", "parquet"):
        for path in sorted(folder.glob(f"*.{ending}")):
            rows = read_rows(path)
            if found := image_column(rows, folder):
                return {"reader": "table", **columns(rows, found, path.name)}
    return None


def image_column(rows: pd.DataFrame, folder: Path) -> dict[str, str] | None:
    """The column most of whose values are files, below which folder, with which ending."""
    below = ["", *(p.name for p in sorted(folder.iterdir()) if p.is_dir() and p.name[0] != ".")]
    for column in rows:
        if any(is_file(folder / place / column) for place in below):
            raise ValueError(
                f"the table in {folder} has no header: its first line names {column!r}, an image;"
                " put a line like image,labels above it"
            )
    tried = [(c, place, ending) for c in rows for place in below for ending in ("", *ENDINGS)]
    best, most = None, 0
    for column, place, ending in tried:
        values = rows[column].head(LOOKED_AT)
        there = sum(is_file(folder / place / f"{value}{ending}") for value in values if value)
        if there > most and 2 * there >= len(values):
            best, most = {"image": column, "images": place, "ending": ending}, there
    return best


def is_file(path: Path) -> bool:
    """A cell may hold a text that can be no file's name."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


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
            f"no column of {file} can be read as labels, of {others}; expected a column called"
            " labels with names, or a column of 1 and 0 for each label"
        )
    return {"options": options, **entry}


def coded(cells: pd.Series) -> bool:
    """Whether a column says yes and no. Odd cells in it are mistakes, which the reader names, as
    long as most are none; only a column of numbers by name, as of classes, is something else.
    """
    right = cells.str.lower().isin([*CODES])
    if right.all():
        return True
    numbers = cells[~right].str.fullmatch(r"[0-9]+").all() and LABELS.fullmatch(str(cells.name))
    return right.mean() >= MOST and not numbers


def says_something(cells: pd.Series) -> bool:
    """Texts that come again; not numbers, and not something else in every row."""
    numbers = pd.to_numeric(cells.where(cells != "", "0"), errors="coerce").notna().all()
    return not numbers and (cells.nunique() < len(cells) or len(cells) < LOOKED_AT)


def folders(folder: Path) -> dict[str, Any] | None:
    names = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and holds(path)]
    if not names:
        return None
    parts = two_parts(names)
    nested = all(any(holds(below) for below in (folder / part).iterdir()) for part in parts)
    options: dict[str, Any] = {}
    if parts and nested:
        options["parts"] = parts
        names = [path.name for part in parts for path in (folder / part).iterdir()]
    if empty := [name for name in names if name.lower() in NO_LABEL]:
        options["none"] = empty[0]
    return {"reader": "folders", "options": options}


def holds(folder: Path) -> bool:
    """Whether there is an image below."""
    return folder.is_dir() and any(name.lower().endswith(ENDINGS) for name, *_ in stamps(folder))
