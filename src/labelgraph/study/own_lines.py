"""What a study is told of data of one's own, before it is laid over the study's file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labelgraph.files import yaml_reader

TEXTS = {  # lines of an entry, and of its options, that are texts even if they look like numbers
    *("title", "folder", "reader", "parts", "aliases", "file", "image", "images", "ending"),
    *("labels", "separator", "part", "group", "names", "none", "annotations"),
}


def typed(given: Any) -> Any:
    """The block `datasets`: what --config gives comes as text, but a label may be called 007."""

    def entry(lines: Any) -> Any:
        if not isinstance(lines, dict):
            return yaml_reader.typed(lines)
        return {key: line if key in TEXTS else entry(line) for key, line in lines.items()}

    if not isinstance(given, dict):
        return given
    own = {name for name, lines in given.items() if isinstance(lines, dict) and "folder" in lines}
    return {
        name: entry(lines) if name in own else yaml_reader.typed(lines)
        for name, lines in given.items()
    }


def check_boxes(boxes: dict[str, str], study: str, run: Iterable[str]) -> None:
    """Files of regions, for datasets that the study runs."""
    names = [*run]
    for name, file in boxes.items():
        if name not in names:
            raise ValueError(
                f"boxes names {name!r}, which study {study} does not run; it runs {sorted(names)}"
            )
        if not Path(file).is_file():
            raise FileNotFoundError(
                f"boxes.{name} is {file}, which is no file; it names regions as COCO results, a"
                " list of image_id or file_name, bbox and score"
            )
