"""The layout of MS-COCO 2014: a folder of images and an instances file for each part."""

from pathlib import Path
from typing import Any

from labelgraph.files.small import write_json
from labelgraph.scenes.pictures import Picture, Settings
from labelgraph.scenes.plan import LAYOUT, chosen_names, generator
from labelgraph.scenes.render import Shown

WORLD = "coco2014"
PARTS = ("train2014", "val2014")
LARGEST = 581_921  # the archive's image numbers end there

# official number -> official name and kind, of the categories that can be drawn
CATEGORIES = {
    1: ("person", "person"), 2: ("bicycle", "vehicle"), 3: ("car", "vehicle"),
    4: ("motorcycle", "vehicle"), 6: ("bus", "vehicle"), 8: ("truck", "vehicle"),
    9: ("boat", "vehicle"), 10: ("traffic light", "outdoor"), 13: ("stop sign", "outdoor"),
    16: ("bird", "animal"), 18: ("dog", "animal"), 19: ("horse", "animal"),
    20: ("sheep", "animal"), 21: ("cow", "animal"),
    24: ("zebra", "animal"), 25: ("giraffe", "animal"), 27: ("backpack", "accessory"),
    34: ("frisbee", "sports"), 35: ("skis", "sports"),
    36: ("snowboard", "sports"), 38: ("kite", "sports"), 42: ("surfboard", "sports"),
    46: ("wine glass", "kitchen"), 47: ("cup", "kitchen"),
    48: ("fork", "kitchen"), 49: ("knife", "kitchen"), 50: ("spoon", "kitchen"),
    51: ("bowl", "kitchen"), 56: ("broccoli", "food"),
    59: ("pizza", "food"), 62: ("chair", "furniture"), 63: ("couch", "furniture"),
    64: ("potted plant", "furniture"), 67: ("dining table", "furniture"),
    72: ("tv", "electronic"), 73: ("laptop", "electronic"), 76: ("keyboard", "electronic"),
    78: ("microwave", "appliance"), 79: ("oven", "appliance"), 86: ("vase", "indoor"),
}  # fmt: skip
NUMBERS = {name: number for number, (name, _) in CATEGORIES.items()}


def files(settings: Settings) -> dict[str, list[Path]]:
    """Image numbers have gaps, and none is used twice."""
    count = sum(settings.images.values())
    drawn = generator(settings.seed, LAYOUT, 0).choice(LARGEST, count, replace=False) + 1
    first = settings.images[PARTS[0]]
    halves = {PARTS[0]: drawn[:first], PARTS[1]: drawn[first:]}
    return {
        part: [Path(part, f"COCO_{part}_{number:012d}.jpg") for number in halves[part]]
        for part in PARTS
    }


def write(
    root: Path,
    paths: dict[str, list[Path]],
    pictures: dict[str, list[Picture]],
    settings: Settings,
) -> None:
    names = chosen_names(WORLD, settings.labels)
    categories = [
        {"supercategory": kind, "id": number, "name": name}
        for number, (name, kind) in CATEGORIES.items()
        if name in names
    ]
    for place, part in enumerate(PARTS):
        numbers = [int(path.stem.rpartition("_")[2]) for path in paths[part]]
        rows = list(zip(numbers, paths[part], pictures[part], strict=True))
        shown = [(number, picture, item) for number, _, picture in rows for item in picture.shown]
        content = {
            "info": {"description": "Drawn scenes in the layout of COCO 2014", "year": 2014},
            "images": [image_entry(number, path, picture) for number, path, picture in rows],
            "licenses": [],
            "annotations": [
                annotation(1_000_000 * place + order, number, picture, item)
                for order, (number, picture, item) in enumerate(shown, start=1)
            ],
            "categories": categories,
        }
        write_json(root / "annotations" / f"instances_{part}.json", content)


def image_entry(number: int, path: Path, picture: Picture) -> dict[str, Any]:
    size = {"height": picture.height, "width": picture.width}
    return {"license": 0, "file_name": path.name, **size, "id": number}


def annotation(order: int, number: int, picture: Picture, item: Shown) -> dict[str, Any]:
    """The outline is the box; a crowd's is run-length encoded by columns, as in the archive."""
    box = [item.left, item.top, item.width, item.height]
    right, bottom = item.left + item.width, item.top + item.height
    outline = [[item.left, item.top, right, item.top, right, bottom, item.left, bottom]]
    return {
        "segmentation": run_lengths(item, picture) if item.crowd else outline,
        "area": item.pixels,
        "iscrowd": int(item.crowd),
        "image_id": number,
        "bbox": box,
        "category_id": NUMBERS[item.label],
        "id": order,
    }


def run_lengths(item: Shown, picture: Picture) -> dict[str, Any]:
    """The pixels of the box, as alternating counts of zeros and ones, zeros first."""
    gap = picture.height - item.height
    counts = [item.left * picture.height + item.top]
    counts += [item.height, gap] * (item.width - 1) + [item.height]
    counts.append(picture.height * picture.width - sum(counts))
    return {"counts": counts, "size": [picture.height, picture.width]}
