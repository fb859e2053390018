"""Drawn scenes in the folders and files of the official archives: no download is needed.

A layout is a file with `WORLD`, `PARTS`, `files(settings)` and `write(root, ...)`. The bytes
depend on the settings alone; to a reader, drawn datasets look like the official ones.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from labelgraph.scenes.pictures import Settings, draw_parts

LAYOUTS = ("voc2007", "coco2014", "nuswide", "visual_genome")


def draw(layout: str, root: Path, settings: dict[str, Any], jobs: int) -> None:
    """Writes a whole dataset below `root`. `settings` are the fields of `pictures.Settings`."""
    if layout not in LAYOUTS:
        raise ValueError(f"no drawn dataset {layout!r}; there are {list(LAYOUTS)}")
    module = import_module(f"labelgraph.scenes.{layout}")
    checked = read_settings(settings, module.PARTS)
    paths = module.files(checked)
    below = {part: [root / path for path in paths[part]] for part in module.PARTS}
    pictures = draw_parts(module.WORLD, checked, below, jobs)
    module.write(root, paths, pictures, checked)


def read_settings(settings: dict[str, Any], parts: tuple[str, ...]) -> Settings:
    if sorted(settings) != sorted(Settings._fields):
        raise ValueError(
            f"a drawn dataset takes the settings {sorted(Settings._fields)}, not {sorted(settings)}"
        )
    checked = Settings(**settings)
    if sorted(checked.images) != sorted(parts) or min(checked.images.values()) < 1:
        raise ValueError(f"images is {checked.images}; expected a number for each of {parts}")
    return checked
