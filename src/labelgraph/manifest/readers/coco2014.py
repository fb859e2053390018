"""MS-COCO 2014: 82,783 and 40,504 photographs, 80 categories.

`root` holds annotations/instances_<part>.json and a folder of images for each part. 82,081 and
40,137 of the images carry an annotation: `empty_images: drop` keeps these only.
"""

from pathlib import Path

from labelgraph.manifest.manifest import Manifest
from labelgraph.manifest.readers import coco_json

PARTS = ("train2014", "val2014")


def read(root: Path, *, crowd: str, empty_images: str, boxes: bool, order: str) -> Manifest:
    """Images in file order. With `crowd: drop`, crowd annotations give neither label nor box."""
    return coco_json.read(
        root,
        annotations={part: f"annotations/instances_{part}.json" for part in PARTS},
        images="{part}",
        draw=None,
        crowd=crowd,
        empty_images=empty_images,
        boxes=boxes,
        order=order,
        outside=False,
    )
