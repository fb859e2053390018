"""Finds the reader of a dataset by its name and calls it: manifest/readers/ has a file for each."""

from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from labelgraph.manifest.manifest import Manifest
from labelgraph.manifest.readers._reading import collector_paused

READERS = Path(__file__).parent / "readers"


def available() -> list[str]:
    """The readers, by file name; a file whose name starts with an underscore is not one."""
    return sorted(path.stem for path in READERS.glob("[!_]*.py"))


def read(reader: str, root: Path, **options: Any) -> Manifest:
    """`options` is the dataset's `options:` block in workflow/config/datasets.yaml."""
    if reader not in available():
        raise ValueError(
            f"no dataset reader {reader!r}; src/labelgraph/manifest/readers/ has {available()}"
        )
    function = import_module(f"labelgraph.manifest.readers.{reader}").read
    wanted = sorted(set(signature(function).parameters) - {"root"})
    if sorted(options) != wanted:
        raise ValueError(f"the reader {reader} takes the options {wanted}, not {sorted(options)}")
    if not root.is_dir():
        raise FileNotFoundError(
            f"{root} is not a folder; the unpacked {reader} archive is expected"
        )
    with collector_paused():
        return function(root, **options)
