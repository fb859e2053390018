"""PASCAL VOC 2007: 9,963 photographs, 20 classes.

Labels come from `ImageSets/Main/<class>_<part>.txt`; the XML files give boxes only. `root` holds
VOCdevkit/VOC2007, or is one of these two folders.
"""

from pathlib import Path

from labelgraph.manifest.manifest import Manifest
from labelgraph.manifest.readers import voc_folders

NAMES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
PARTS = ("trainval", "test")


def read(root: Path, *, boxes: bool) -> Manifest:
    """Images in list order, `trainval` first. `boxes` are those of all objects, difficult too."""
    return voc_folders.read(
        root,
        folder=find_folder(root),
        parts=[*PARTS],
        draw=None,
        names=[*NAMES],
        labels="lists",
        boxes=boxes,
        ending=".jpg",
        outside=False,
    )


def find_folder(root: Path) -> str:
    for folder in ("VOCdevkit/VOC2007", "VOC2007", ""):
        if (root / folder / "ImageSets").is_dir():
            return folder
    raise FileNotFoundError(
        f"{root} holds no VOCdevkit/VOC2007/ImageSets; unpack both archives there"
    )
