"""Small archives with the names, formats and layouts of all files that the study `paper` downloads.

    python tests/samples/archives.py FOLDER

The images are as few and as small as the samples', but have as many labels as the datasets: names
are official ones as far as the project has them, and made up beyond. Weights are random numbers.
Each label is on all but one of some images, so that a few are enough for five shots.
"""

import gzip
import json
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path

import make
import numpy as np
import torch
from torch import nn

from labelgraph.manifest.readers.voc2007 import NAMES
from labelgraph.scenes.coco2014 import CATEGORIES
from labelgraph.scenes.words import made_up

IMAGES = {"voc2007": (3, 3), "coco2014": (6, 3), "nuswide": (3, 3), "visual_genome": (6, 3)}
COCO_LABELS, CONCEPTS, GENOME_NAMES = 80, 81, 520
BOX = (4, 6, 60, 50)  # left, top, width, height, of every object
CALM = 0.2  # what a random residual block adds; with more, a hundred layers add up to infinity
RESNET, DETECTOR = "resnet101-63fe2227.pth", "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth"
VGG = "vgg16-397923af.pth"
WEIGHTS = [RESNET, DETECTOR, VGG]

# archive -> the folder that it is made from, and the files that it holds
HOLDS = {
    "VOCtrainval_06-Nov-2007.tar": ("voc2007", ["*/trainval.txt", "*_trainval.txt", "*/0000*"]),
    "VOCtest_06-Nov-2007.tar": ("voc2007", ["*/test.txt", "*_test.txt", "*/0010*"]),
    "train2014.zip": ("coco2014", ["train2014/*"]),
    "val2014.zip": ("coco2014", ["val2014/*"]),
    "annotations_trainval2014.zip": ("coco2014", ["annotations/*"]),
    "ImageList.zip": ("nuswide", ["ImageList/*"]),
    "Groundtruth.zip": ("nuswide", ["Groundtruth/*"]),
    "ConceptsList.zip": ("nuswide", ["ConceptsList/*"]),
    "Flickr.zip": ("nuswide", ["Flickr/*"]),
    "images.zip": ("visual_genome", ["VG_100K/*"]),
    "images2.zip": ("visual_genome", ["VG_100K_2/*"]),
    "objects.json.zip": ("visual_genome", ["objects.json"]),
    "image_data.json.zip": ("visual_genome", ["image_data.json"]),
    "glove.6B.zip": ("words", ["*"]),
}
ASSERTIONS = "conceptnet-assertions-5.7.0.csv.gz"
PLAIN = ["train_list_500.txt", "test_list_500.txt", "vg_category_500_labels_index.json"]


def main(folder: Path) -> None:
    """Writes the archives, and the weights of all networks, into `folder`."""
    write_datasets(folder)
    write_weights(folder)


def write_datasets(folder: Path) -> None:
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        raw = Path(place)
        names = [make_all(raw / name) for name, make_all in DATASETS.items()]
        write_words(raw / "words/glove.6B.300d.txt", [name for some in names for name in some])
        write_assertions(folder / ASSERTIONS, names[1])
        for archive, (dataset, patterns) in HOLDS.items():
            pack(folder / archive, raw / dataset, patterns)
        for name in PLAIN:
            (folder / name).write_bytes((raw / "visual_genome" / name).read_bytes())


def write_weights(folder: Path) -> None:
    from torchvision.models import detection, resnet101, vgg  # slow to import

    torch.manual_seed(0)
    torch.save(calm(resnet101()).state_dict(), folder / RESNET)
    detector = detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    torch.save(calm(detector).state_dict(), folder / DETECTOR)
    layers = nn.ModuleDict({"features": vgg.make_layers(vgg.cfgs["D"])})  # no classifier: unread
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    torch.save(layers.state_dict(), folder / VGG)


def parts(dataset: str, names: Sequence[str]) -> list[tuple[int, int, list[str]]]:
    """Of each image: its part (0 or 1), its place in the part, and the labels that it shows.

    One more reported image shows three labels, as some figures want it.
    """
    found = [
        (part, place, [name for number, name in enumerate(names) if number % count != place])
        for part, count in enumerate(IMAGES[dataset])
        for place in range(count)
    ]
    return [*found, (1, IMAGES[dataset][1], list(names[:3]))]


def voc2007(root: Path) -> Sequence[str]:
    images = {"trainval": {}, "test": {}}
    for part, place, shown in parts("voc2007", NAMES):
        objects = [(name, *BOX, make.EASY) for name in shown]
        images[("trainval", "test")[part]][f"{1000 * part + place + 1:06d}"] = objects
    make.make_voc(root, images)
    return ["tv", "dining table", "potted plant", *NAMES]  # what datasets.yaml looks up instead


def coco2014(root: Path) -> Sequence[str]:
    names = [name for name, _ in CATEGORIES.values()]
    names += invented(COCO_LABELS - len(names), "coco")
    numbers = {name: number for number, name in enumerate(names, start=1)}
    images = {"train2014": {}, "val2014": {}}
    for part, place, shown in parts("coco2014", names):
        objects = [(numbers[name], *BOX, make.EASY) for name in shown]
        images[("train2014", "val2014")[part]][100 * part + place + 1] = objects
    make.make_coco(root, images, {number: name for name, number in numbers.items()})
    return names


def nuswide(root: Path) -> Sequence[str]:
    names = [*make.NUS_CONCEPTS]
    names += invented(CONCEPTS - len(names), "nuswide")
    images = {}
    for part, place, shown in parts("nuswide", names):
        images[rf"airport\{place:04d}_{1000 + part}"] = (("train", "test")[part], shown)
    make.make_nuswide(root, images, names)
    return names


def visual_genome(root: Path) -> Sequence[str]:
    names, images = invented(GENOME_NAMES, "genome"), {}
    for part, place, shown in parts("visual_genome", names):
        folder = ("VG_100K", "VG_100K_2")[place % 2]
        images[100 * part + place + 1] = (folder, [([name], *BOX) for name in shown])
    make.make_genome(root, images)
    for part, name in enumerate(PLAIN[:2]):
        make.write(root / name, [f"{image}.jpg" for image in images if image // 100 == part])
    make.write(root / PLAIN[2], ["{}"])  # nothing reads it unless a study names it
    return names


DATASETS = {each.__name__: each for each in (voc2007, coco2014, nuswide, visual_genome)}


def invented(count: int, purpose: str) -> list[str]:
    return made_up(np.random.default_rng([*purpose.encode()]), count, set())


def write_words(path: Path, names: Sequence[str]) -> None:
    draw = np.random.default_rng(0)
    every = dict.fromkeys(word for name in names for word in name.lower().split())
    numbers = draw.normal(0, 0.4, (len(every), 300))
    rows = zip(every, numbers, strict=True)
    make.write(path, [f"{word} {' '.join(f'{each:.4f}' for each in row)}" for word, row in rows])


def write_assertions(path: Path, names: Sequence[str]) -> None:
    """ConceptNet's format: each name's last word is related to that of the next name."""
    words = [name.split()[-1].lower() for name in names]
    with gzip.GzipFile(path, "wb", mtime=0) as packed:
        for one, other in pairwise(words):
            ends = f"/c/en/{one}", f"/c/en/{other}/n"
            cells = [f"/a/[/r/RelatedTo/,{ends[0]}/,{ends[1]}/]", "/r/RelatedTo", *ends]
            about = {"dataset": "/d/verbosity", "license": "cc:by-sa/4.0", "weight": 1.0}
            packed.write("\t".join([*cells, json.dumps(about) + "\n"]).encode())


def pack(archive: Path, root: Path, patterns: Sequence[str]) -> None:
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.*"))]
    names = [name for name in names if any(fnmatch(name, pattern) for pattern in patterns)]
    if archive.suffix == ".tar":
        with tarfile.open(archive, "w") as tar:
            for name in names:
                tar.add(root / name, name)
    else:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name in names:
                zipped.write(root / name, name)


def calm(network: nn.Module) -> nn.Module:
    """The last normalisation of each residual block scales down what the block adds."""
    for name, module in network.named_modules():
        if name.endswith("bn3"):
            nn.init.constant_(module.weight, CALM)
    return network


if __name__ == "__main__":
    main(Path(sys.argv[1]))
