"""Reads the sample datasets and changes copies of them."""

import json
from pathlib import Path

from labelgraph.manifest import finding
from labelgraph.manifest.manifest import Manifest

SAMPLES = Path(__file__).parent / "samples"
SHARED = {"coco_json": "coco2014", "voc_folders": "voc2007"}  # one sample serves two readers
OPTIONS = json.loads((SAMPLES / "options.json").read_text())


def sample(reader: str) -> Path:
    return SAMPLES / SHARED.get(reader, reader)


def read(reader: str, root: Path | None = None, **changes) -> Manifest:
    return finding.read(reader, root or sample(reader), **OPTIONS[reader] | changes)


def published(root: Path) -> dict:
    """A published split and label index beside the sample."""
    (root / "train.txt").write_text("5.jpg\n1.jpg\n6.jpg\n")
    (root / "test.txt").write_text("3.jpg\n2.jpg\n")
    index = {"5.jpg": [0, 2], "1.jpg": [1], "6.jpg": [], "3.jpg": [2], "2.jpg": [0, 1]}
    (root / "index.json").write_text(json.dumps(index))
    (root / "names.txt").write_text("man\nTree\noak\n")
    lists = {"train": "train.txt", "test": "test.txt"}
    return {"lists": lists, "index": "index.json", "test_images": None, "seed": None}


def change(path: Path, old: str, new: str) -> None:
    """Replaces one place in a file, which must contain `old`."""
    text = path.read_bytes().decode()
    assert old in text, f"{path} does not contain {old!r}"
    path.write_bytes(text.replace(old, new, 1).encode())
