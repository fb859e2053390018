"""Draws the samples: a few tiny images of each dataset, in the folders and files of its archive.

    python tests/samples/make.py FOLDER

Lists and annotations are the same bytes every time; the JPEGs' bytes also depend on Pillow.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from labelgraph.manifest.readers.voc2007 import NAMES

SIZES = ((96, 92), (92, 96), (96, 96))  # every object fits into the smallest
EASY, HARD, CROWD = 0, 1, 1  # what the last number of an object says

# image -> objects: name, left, top, width, height, and whether difficult or a crowd
VOC = {
    "trainval": {
        "000001": [("person", 4, 6, 30, 50, EASY), ("dog", 40, 20, 40, 34, EASY)],
        "000002": [("chair", 10, 30, 28, 40, HARD), ("person", 30, 4, 30, 70, EASY)],
        "000005": [("car", 6, 10, 44, 30, EASY), ("car", 56, 40, 20, 14, HARD)],
        "000007": [("dog", 20, 10, 50, 44, EASY)],
    },
    "test": {
        "000003": [("person", 20, 8, 30, 70, EASY), ("car", 2, 70, 24, 20, HARD)],
        "000004": [("dog", 8, 10, 40, 40, EASY), ("chair", 50, 30, 24, 40, EASY)],
        "000006": [("car", 12, 12, 60, 40, EASY)],
    },
}
COCO_CATEGORIES = {1: "person", 2: "bicycle", 10: "traffic light", 18: "dog", 89: "hair drier"}
COCO = {
    "train2014": {
        9: [(1, 4, 6, 30, 50, EASY), (18, 40, 20, 40, 34, EASY)],
        25: [(1, 2, 50, 60, 40, CROWD), (10, 20, 4, 14, 30, EASY)],
        30: [],
        34: [(2, 10, 10, 50, 44, EASY), (18, 60, 40, 20, 16, EASY)],
    },
    "val2014": {
        42: [(18, 8, 10, 40, 40, EASY), (89, 40, 60, 20, 24, EASY)],
        73: [(1, 10, 4, 30, 70, CROWD)],
        74: [(2, 12, 12, 60, 40, EASY), (1, 4, 4, 20, 50, EASY)],
    },
}
NUS_CONCEPTS = ("airport", "animal", "beach", "sky", "zebra")
NUS = {  # in the order of Imagelist.txt; the Flickr id 174174086 occurs twice
    r"actor\0001_2124494179": ("train", ("sky", "beach")),
    r"actor\0002_174174086": ("test", ("animal",)),
    r"airport\0001_221597162": ("train", ("airport", "sky")),
    r"beach\0001_174174086": ("train", ("beach",)),
    r"beach\0002_58753101": ("test", ("beach", "sky")),
    r"fog\0001_43821117": ("train", ()),
    r"fog\0002_43821118": ("test", ()),
    r"zebra\0001_15662241": ("test", ("animal", "zebra", "sky")),
}
VG = {  # image -> folder, objects with their names
    1: ("VG_100K", [(["Tree", "oak"], 4, 6, 30, 50), (["man"], 40, 20, 30, 34)]),
    2: ("VG_100K", [([" man "], 10, 30, 28, 40), (["window"], 30, 4, 30, 40)]),
    3: ("VG_100K_2", [(["tree"], 20, 8, 30, 50), (["TREE"], 50, 40, 24, 20)]),
    4: ("VG_100K_2", [(["building", "house"], 8, 10, 60, 40), (["window"], 20, 16, 20, 20)]),
    5: ("VG_100K", [(["man"], 12, 12, 30, 60), (["oak"], 40, 40, 20, 20)]),
    6: ("VG_100K_2", [(["building"], 6, 10, 44, 44), (["tree"], 50, 30, 20, 30)]),
    7: ("VG_100K", []),
}
OWN = {  # part, labels
    "a1": ("train", ("cat", "tall mug")),
    "a2": ("train", ("cat",)),
    "a3": ("train", ()),
    "b1": ("test", ("plum", "cat")),
    "b2": ("test", ("tall mug",)),
    "b3": ("train", ("plum",)),
}


def draw(path: Path, number: int, objects: list[tuple]) -> tuple[int, int]:
    """A textured ground with one striped shape for each object: name, left, top, width, height."""
    width, height = SIZES[number % 3]
    noise = np.random.RandomState(number).uniform(60, 140, (height // 8, width // 8, 3))
    image = Image.fromarray(noise.astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    canvas = ImageDraw.Draw(image)
    for name, left, top, wide, high in objects:
        seed = np.random.RandomState(sum(map(ord, name.strip().lower())))
        dark, light = (tuple(seed.randint(low, low + 120, 3).tolist()) for low in (0, 130))
        shape = canvas.ellipse if seed.rand() < 0.5 else canvas.rectangle
        for inset in range(0, min(wide, high) // 2, 4):
            frame = (left + inset, top + inset, left + wide - inset, top + high - inset)
            shape(frame, fill=light if inset % 8 else dark)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=85)
    return width, height


def write(path: Path, lines: list[str], end: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + end for line in lines).encode())


def make_voc(root: Path, parts: dict[str, dict[str, list[tuple]]] = VOC) -> None:
    folder = root / "VOCdevkit" / "VOC2007"
    for part, images in parts.items():
        sets = folder / "ImageSets" / "Main"
        write(sets / f"{part}.txt", list(images))
        for name in NAMES:
            write(sets / f"{name}_{part}.txt", [voc_line(i, name, images[i]) for i in images])
        for image, objects in images.items():
            path = folder / "JPEGImages" / f"{image}.jpg"
            size = draw(path, int(image), [item[:5] for item in objects])
            write(folder / "Annotations" / f"{image}.xml", voc_xml(image, size, objects))


def voc_line(image: str, name: str, objects: list[tuple]) -> str:
    flags = [hard for other, *_, hard in objects if other == name]
    code = -1 if not flags else 0 if all(flags) else 1
    return f"{image} {code:2d}"


def voc_xml(image: str, size: tuple[int, int], objects: list[tuple]) -> list[str]:
    """VOC counts pixels from 1 and includes the last. A person has a head: a part, no object."""
    lines = ["<annotation>", f"\t<filename>{image}.jpg</filename>"]
    lines += [f"\t<size><width>{size[0]}</width><height>{size[1]}</height></size>"]
    for name, left, top, wide, high, hard in objects:
        edges = {"xmin": left + 1, "ymin": top + 1, "xmax": left + wide, "ymax": top + high}
        box = "".join(f"<{edge}>{value}</{edge}>" for edge, value in edges.items())
        head = f"<part><name>head</name><bndbox>{box}</bndbox></part>" if name == "person" else ""
        lines += [f"\t<object><name>{name}</name><difficult>{hard}</difficult>"]
        lines += [f"\t\t<bndbox>{box}</bndbox>{head}</object>"]
    return [*lines, "</annotation>"]


def make_coco(
    root: Path,
    parts: dict[str, dict[int, list[tuple]]] = COCO,
    names: dict[int, str] = COCO_CATEGORIES,
) -> None:
    categories = [{"id": number, "name": name} for number, name in names.items()]
    for part, images in parts.items():
        content = {"images": [], "annotations": [], "categories": categories}
        for image, objects in images.items():
            file = f"COCO_{part}_{image:012d}.jpg"
            shapes = [(names[item[0]], *item[1:5]) for item in objects]
            width, height = draw(root / part / file, image, shapes)
            entry = {"id": image, "file_name": file, "width": width, "height": height}
            content["images"].append(entry)
            for category, *box, crowd in objects:
                number = len(content["annotations"]) + 1
                entry = {"id": number, "image_id": image, "category_id": category}
                entry |= {"bbox": box, "area": box[2] * box[3], "iscrowd": crowd}
                content["annotations"].append(entry)
        write(root / "annotations" / f"instances_{part}.json", [json.dumps(content, indent=1)])


def make_nuswide(
    root: Path,
    listed: dict[str, tuple[str, Sequence[str]]] = NUS,
    concepts: Sequence[str] = NUS_CONCEPTS,
) -> None:
    for file, parts in (("Image", "train test"), ("TrainImage", "train"), ("TestImage", "test")):
        images = [f"{image}.jpg" for image, (part, _) in listed.items() if part in parts]
        write(root / "ImageList" / f"{file}list.txt", images, end="\r\n")
    write(root / "ConceptsList" / "Concepts81.txt", list(concepts))
    for name in concepts:
        lines = [str(int(name in shown)) for _, shown in listed.values()]
        write(root / "Groundtruth" / "AllLabels" / f"Labels_{name}.txt", lines)
    for number, (image, (_, shown)) in enumerate(listed.items()):
        shapes = [(name, 4 + 18 * n, 8 + 10 * n, 30, 34) for n, name in enumerate(shown)]
        draw(root / "Flickr" / (image.replace("\\", "/") + ".jpg"), 100 + number, shapes)


def make_genome(root: Path, images: dict[int, tuple[str, list[tuple]]] = VG) -> None:
    entries, sizes = [], []
    for image, (folder, objects) in images.items():
        shapes = [(names[0], *box) for names, *box in objects]
        width, height = draw(root / folder / f"{image}.jpg", 200 + image, shapes)
        address = f"https://example.org/{folder}/{image}.jpg"
        sizes.append({"image_id": image, "width": width, "height": height, "url": address})
        keys = ("names", "x", "y", "w", "h")
        items = [dict(zip(keys, item, strict=True)) for item in objects]
        entries.append({"image_id": image, "objects": items})
    for file, content in (("objects", entries), ("image_data", sizes)):
        write(root / f"{file}.json", [json.dumps(content, indent=1)])


def make_table(root: Path) -> None:
    write(root / "labels.csv", ["file,what,part"] + [
        f"{image},{'; '.join(labels)},{part}" for image, (part, labels) in OWN.items()
    ])  # fmt: skip
    for number, (image, (_, labels)) in enumerate(OWN.items()):
        draw_own(root / "pictures" / f"{image}.jpg", number, labels)


def make_folders(root: Path) -> None:
    """An image with two labels lies in both folders."""
    for number, (image, (part, labels)) in enumerate(OWN.items()):
        for label in labels or ["nothing"]:
            draw_own(root / part / label / f"{image}.jpg", number, labels)


def draw_own(path: Path, number: int, labels: tuple[str, ...]) -> None:
    draw(path, 300 + number, [(name, 4 + 18 * n, 8, 30, 34) for n, name in enumerate(labels)])


def main(folder: Path) -> None:
    make_table(folder / "table")
    make_folders(folder / "folders")
    make_voc(folder / "voc2007")
    make_coco(folder / "coco2014")
    make_nuswide(folder / "nuswide")
    make_genome(folder / "visual_genome")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
