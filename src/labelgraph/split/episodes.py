"""Few-shot episodes that others drew: files of positions in an ordered list of images.

LaSO's positions refer to the order of COCO's instances_train2014.json.
"""

from pathlib import Path

import numpy as np

from labelgraph.files.small import read_json

LARGEST = 2**31  # a position that no list of images has
CONVERT = (
    "positions must be .txt (one per line), .json (a list) or .npy without objects. A pickle can"
    " execute code, so none is read: if you trust it, load it and write numpy.savetxt('{}',"
    " sorted(positions), fmt='%d')"
)


def read_positions(path: Path) -> np.ndarray:
    """(K,) int64, each once, sorted."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; fewshot.files names it")
    text_name = path.with_suffix(".txt").name
    try:
        values = np.asarray(READERS[path.suffix](path))
    except KeyError:
        raise ValueError(f"{path}: {CONVERT.format(text_name)}") from None
    except (ValueError, EOFError, MemoryError, RecursionError) as error:
        raise ValueError(f"{path}: {error}; {CONVERT.format(text_name)}") from None
    if (
        values.ndim != 1
        or not len(values)
        or values.dtype.kind not in "iu"
        or values.max() > LARGEST
    ):
        raise ValueError(
            f"{path}: found {values.dtype} {values.shape}, expected a list of whole numbers"
        )
    if len(np.unique(values)) != len(values):
        raise ValueError(f"{path}: {len(values) - len(np.unique(values))} positions occur twice")
    return np.sort(values.astype(np.int64))


READERS = {
    ".txt": lambda path: [int(word) for word in path.read_text(encoding="utf-8").split()],
    ".json": read_json,
    ".npy": lambda path: np.load(path, allow_pickle=False),
}


def read_order(path: Path) -> list[str]:
    """File names of images: a COCO annotation file's, or the lines of a text file."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; fewshot.order names it")
    if path.suffix != ".json":
        try:
            return path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not UTF-8 text; expected one file name per line") from None
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise ValueError(f"{path} has no list of images; expected a COCO annotation file")
    for number, image in enumerate(content["images"], start=1):
        if not isinstance(image, dict) or not isinstance(image.get("file_name"), str):
            raise ValueError(f"{path}, image {number}: {str(image)[:60]}; expected a file_name")
    return [image["file_name"] for image in content["images"]]


def training_rows(
    positions: np.ndarray, images: np.ndarray, order: list[str] | None, source: str
) -> np.ndarray:
    """Positions -> rows of the training part, whose `images` (N,) are paths."""
    count = len(images) if order is None else len(order)
    outside = positions[(positions < 0) | (positions >= count)]
    if len(outside):
        raise ValueError(
            f"{source}: position {outside[0]} is not among the {count} images; if images were left"
            " out of the manifest, fewshot.order must name the file that lists them all"
        )
    if order is None:
        return positions
    rows = {file_name(image): row for row, image in enumerate(images.tolist())}
    names = [file_name(order[position]) for position in positions]
    if absent := [name for name in names if name not in rows]:
        raise ValueError(f"{source}: {absent[0]!r} is not an image of the training part")
    return np.sort(np.array([rows[name] for name in names], np.int64))


def file_name(path: str) -> str:
    return path.strip().rsplit("/", 1)[-1]
