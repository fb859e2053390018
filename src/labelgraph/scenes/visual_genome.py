"""The layout of Visual Genome: two image folders, image_data.json, objects.json, image lists."""

from pathlib import Path
from typing import Any

from labelgraph.files.small import write_json, write_text
from labelgraph.scenes.pictures import Picture, Settings
from labelgraph.scenes.plan import LAYOUT, generator
from labelgraph.scenes.render import Shown

WORLD = "visual_genome"
PARTS = ("train", "test")
FOLDERS = ("VG_100K", "VG_100K_2")
LISTS = {"train": "train_list_500.txt", "test": "test_list_500.txt"}
FIRST, LAST = 2_300_000, 2_417_997  # most of the archive's image numbers
ADDRESS = "https://cs.stanford.edu/people/rak248"


def files(settings: Settings) -> dict[str, list[Path]]:
    count = sum(settings.images.values())
    rng = generator(settings.seed, LAYOUT, 0)
    numbers = rng.choice(LAST - FIRST, count, replace=False) + FIRST
    folders = rng.integers(len(FOLDERS), size=count)
    paths = [
        Path(FOLDERS[folder], f"{number}.jpg")
        for folder, number in zip(folders, numbers, strict=True)
    ]
    first = settings.images["train"]
    return {"train": paths[:first], "test": paths[first:]}


def write(
    root: Path,
    paths: dict[str, list[Path]],
    pictures: dict[str, list[Picture]],
    settings: Settings,
) -> None:
    """Entries are ordered by image number, with both parts together."""
    rows = {
        int(path.stem): (path, picture)
        for part in PARTS
        for path, picture in zip(paths[part], pictures[part], strict=True)
    }
    data, objects = [], []
    for number in sorted(rows):
        path, picture = rows[number]
        url = f"{ADDRESS}/{path.as_posix()}"
        size = {"width": picture.width, "height": picture.height}
        data.append({"image_id": number, "url": url, **size, "coco_id": None, "flickr_id": None})
        entries = [describe(picture, place, item) for place, item in enumerate(picture.shown)]
        objects.append({"image_id": number, "objects": entries, "image_url": url})
    write_json(root / "image_data.json", data)
    write_json(root / "objects.json", objects)
    for part in PARTS:
        write_text(root / LISTS[part], "".join(f"{path.name}\n" for path in paths[part]))


def describe(picture: Picture, place: int, item: Shown) -> dict[str, Any]:
    return {
        "synsets": [f"{item.label.replace(' ', '_')}.n.01"],
        "h": item.height,
        "object_id": 1_000 * picture.index + place + 1,
        "merged_object_ids": [],
        "names": [item.label],
        "w": item.width,
        "y": item.top,
        "x": item.left,
    }
