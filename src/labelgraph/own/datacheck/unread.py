"""What a dataset's folder holds but its reader ignores: files, columns, parts, folders.

Hidden files, whose name or folder begins with a dot, are never read; hidden pictures are counted.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from posixpath import normpath
from typing import Any

from labelgraph.files.filestamps import stamps
from labelgraph.files.images import ENDINGS
from labelgraph.files.plurals import counted
from labelgraph.manifest.manifest import Manifest
from labelgraph.manifest.readers.table import read_rows
from labelgraph.study.entries import Dataset

LISTED = 20  # names of each kind that are given
KINDS = (  # endings of pictures that cannot be read
    *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".jfif", ".jpe", ".apng", ".ico"),
    *(".svg", ".eps", ".ai", ".psd", ".xcf", ".tga", ".pcx", ".dds", ".exr", ".hdr", ".dcm"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf"),
    *(".rw2", ".raf", ".pef", ".srw"),
)
VOC = ("Annotations/", "ImageSets/")
SENTENCES = {  # for one, and for several
    "not_read": (
        "picture is in a format that cannot be read and is ignored; save it as JPEG or PNG",
        "pictures are in formats that cannot be read and are ignored; save them as JPEG or PNG",
    ),
    "hidden": (
        "picture is hidden by a dot at the start of a name and is ignored",
        "pictures are hidden by a dot at the start of a name and are ignored",
    ),
    "not_listed": (
        "picture is in the folder but not in the annotations and is ignored",
        "pictures are in the folder but not in the annotations and are ignored",
    ),
    "other_files": ("other file is ignored", "other files are ignored"),
    "columns": (
        "column of the table does not look like labels and is ignored",
        "columns of the table do not look like labels and are ignored",
    ),
    "no_pictures": (
        "folder holds no readable picture and gives no label",
        "folders hold no readable picture and give no label",
    ),
    "parts": ("part is not used", "parts are not used"),
}


def find(entry: Dataset, root: Path, manifest: Manifest | None) -> dict[str, dict]:
    """Kind -> count and the first names; without a manifest, only the kinds that need none."""
    options = entry.options
    files = [name for name, *_ in sorted(stamps(root))]
    others = [name for name in files if not name.lower().endswith((*ENDINGS, *KINDS))]
    found = {"not_read": [name for name in files if name.lower().endswith(KINDS)]}
    found["hidden"] = hidden(root)
    found["other_files"] = [name for name in others if not used(name, options)]
    if entry.reader == "table":
        found["columns"] = columns(root, options)
    if manifest is not None:
        images = [name for name in files if name.lower().endswith(ENDINGS)]
        found["not_listed"] = [*unlisted(images, entry, manifest)]
        found["parts"] = parts(entry, manifest)
        if entry.reader == "folders":
            found["no_pictures"] = bare(root, options, manifest)
    return {kind: {"count": len(names), "first": names[:LISTED]} for kind, names in found.items()}


def hidden(root: Path) -> list[str]:
    """Without names that begin with ._, in which macOS keeps notes about files."""
    paths = [Path(place, name) for place, _, names in os.walk(root) for name in names]
    pictures = [path for path in paths if path.name.lower().endswith((*ENDINGS, *KINDS))]
    names = [path.relative_to(root).as_posix() for path in pictures]
    return sorted(n for n in names if "/." in f"/{n}" and not n.rpartition("/")[2].startswith("._"))


def used(name: str, options: dict[str, Any]) -> bool:
    """Whether the reader uses a file: an option names it, or it is in one of VOC's folders."""
    given = options.get("annotations", options.get("file"))
    named = given.values() if isinstance(given, dict) else [given]
    below = f"{options.get('folder') or '.'}/"
    in_voc = [normpath(below + place) + "/" for place in VOC] if "names" in options else []
    return name in [normpath(file) for file in named if file] or name.startswith(tuple(in_voc))


def unlisted(images: list[str], entry: Dataset, manifest: Manifest) -> Iterable[str]:
    """Label folders have every picture read, though copies in two folders share a row."""
    if entry.reader == "folders":
        within = tuple(f"{part}/" for part in entry.options["parts"] or [""])
        return [] if "/" in within else [name for name in images if not name.startswith(within)]
    listed = {normpath(image) for image in manifest.images.tolist()}
    return [name for name in images if name not in listed]


def columns(root: Path, options: dict[str, Any]) -> list[str]:
    """Ignored columns, each with a cell as an example."""
    labels = options["labels"]
    if labels is None:
        return []
    rows = read_rows(root / options["file"])
    known = {options[key] for key in ("image", "part", "group")}
    known |= {labels} if isinstance(labels, str) else {*labels}
    return [f"{name} ({rows[name].iloc[0][:20]!r})" for name in rows if name not in known]


def parts(entry: Dataset, manifest: Manifest) -> list[str]:
    sides = manifest.parts.tolist()
    unused = sorted({*sides} - {*entry.parts.lines().values()})
    return [f"{part!r} with {counted(sides.count(part), 'image', 'images')}" for part in unused]


def bare(root: Path, options: dict[str, Any], manifest: Manifest) -> list[str]:
    known = {*manifest.names, options["none"]}
    places = [root / part for part in options["parts"] or [""]]
    below = [path for place in places for path in sorted(place.iterdir()) if path.is_dir()]
    return [
        path.relative_to(root).as_posix()
        for path in below
        if path.name not in known and not path.name.startswith(".")
    ]
