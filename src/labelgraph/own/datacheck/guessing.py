"""What layout a folder has: the entry that would make a dataset of it."""

from pathlib import Path
from typing import Any

from labelgraph.files.filestamps import stamps
from labelgraph.files.images import ENDINGS
from labelgraph.files.small import read_json
from labelgraph.own.datacheck.columns import table
from labelgraph.own.datacheck.hints import (
    LOOKED_AT,
    TEST,
    TRAIN,
    is_file,
    listed,
    two_parts,
)

COCO = {"images", "annotations", "categories"}
PLACES = ("", "images", "JPEGImages", "{part}", "images/{part}")  # of COCO's images
OTHER_JSON = ("captions", "keypoints", "panoptic", "stuff", "image_info")  # what COCO has besides
NO_LABEL = {"none", "nothing", "no_label", "unlabelled", "background", "negative"}
DRAWN = {"share": 0.25, "seed": 0}
LAYOUTS = (
    "VOC's folders (Annotations/*.xml), COCO's JSON, a table (.csv, .tsv, .parquet) of file names"
    " and labels, or a folder of images for each label"
)


def guess(folder: Path) -> dict[str, Any]:
    """An entry: folder, reader, and the options that differ from what stands for them."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder")
    if any(0xD800 <= ord(letter) < 0xE000 for letter in str(folder.resolve())):
        raise ValueError(f"{folder} cannot be written as text, as UTF-8; name the folder otherwise")
    for attempt in (voc, coco, table, folders):
        if found := attempt(folder):
            return {"folder": folder.resolve().as_posix(), **found}
    for path in jsons(folder):
        read_json(path)  # of one that is no JSON, the sentence about it
    tables = sorted([*listed(folder, "*.csv"), *listed(folder, "*.tsv")])
    more = f". Of {tables[0].name} no column names most of the pictures" if tables else ""
    raise ValueError(f"{folder} has none of the layouts that are known: {LAYOUTS}{more}")


def voc(folder: Path) -> dict[str, Any] | None:
    found = [place for depth in ("", "*/", "*/*/") for place in folder.glob(f"{depth}Annotations")]
    found = [place for place in found if listed(place, "*.xml")]
    if not found:
        return None
    place = found[0].parent
    below = place.relative_to(folder).as_posix()
    options: dict[str, Any] = {} if below == "." else {"folder": below}
    first = next(iter(listed(place / "JPEGImages", "*.*")), Path("x.jpg"))
    options |= {"ending": first.suffix} if first.suffix != ".jpg" else {}
    lists = place / "ImageSets" / "Main"
    parts = two_parts([path.stem for path in listed(lists, "*.txt") if "_" not in path.stem])
    if not parts:
        return {"reader": "voc_folders", "options": options | {"labels": "objects", "draw": DRAWN}}
    if not listed(lists, f"*_{parts[0]}.txt"):
        options["labels"] = "objects"
    return {"reader": "voc_folders", "options": options | {"parts": parts}}


def coco(folder: Path) -> dict[str, Any] | None:
    contents = {
        path: content
        for path in jsons(folder)
        if isinstance(content := read_sound(path), dict) and content.keys() >= COCO
    }
    if not contents:
        return None
    files = {part_of(path, folder): path for path in contents}
    chosen = two_parts([*files]) if len(files) > 1 else [*files]
    if not chosen:
        raise ValueError(
            f"which of {sorted(map(str, contents))} is to train on, and which to be reported? Name"
            " the two in the option annotations of an entry, as docs/own_pictures.md shows"
        )
    names = {part: first_files(files[part], contents[files[part]]["images"]) for part in chosen}
    place = fitting(folder, files[chosen[0]], names)
    written = {part: files[part].relative_to(folder).as_posix() for part in chosen}
    options: dict[str, Any] = {"annotations": written, "images": place}
    if len(chosen) == 1:
        options["annotations"] = next(iter(written.values()))
    lists = [contents[files[part]]["annotations"] for part in chosen]
    items = [item for some in lists if isinstance(some, list) for item in some]
    if not any("bbox" in item for item in items if isinstance(item, dict)):
        options["boxes"] = False
    return {"reader": "coco_json", "options": options}


def jsons(folder: Path) -> list[Path]:
    found = sorted([*listed(folder, "*.json"), *listed(folder, "*/*.json")])
    return [path for path in found if not any(word in path.name for word in OTHER_JSON)]


def read_sound(path: Path) -> Any:
    """What is no JSON may be somebody's notes, beside data of another layout."""
    try:
        return read_json(path)
    except ValueError:
        return None


def fitting(folder: Path, path: Path, names: dict[str, list[str]]) -> str:
    """Below which folder most of each part's images are."""
    for place in PLACES:
        there = {
            part: [is_file(folder / place.replace("{part}", part) / name) for name in some]
            for part, some in names.items()
        }
        if all(2 * sum(found) >= len(found) for found in there.values()):
            return place
    first = next(iter(names.values()))[0]
    raise ValueError(
        f"{path}: its images, such as {first!r}, are in none of the folders {[*PLACES]} of"
        f" {folder}; move them there, or write an entry with the option images"
    )


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


def folders(folder: Path) -> dict[str, Any] | None:
    names = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and holds(path)]
    if not names:
        return None
    if len(names) == 1 and (tables := [*listed(folder, "*.csv"), *listed(folder, "*.tsv")]):
        raise ValueError(
            f"{min(tables)}: no column names most of the pictures below {folder}; expected a header"
            " and file names in one column, with commas between cells"
        )
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
