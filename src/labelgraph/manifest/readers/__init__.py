"""One file per dataset: `read(root, **options)` turns an unpacked archive into a manifest."""

from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from labelgraph.manifest.manifest import Manifest
from labelgraph.manifest.readers._reading import collector_paused


def available() -> list[str]:
    """The readers, by file name; packages such as `drawn` and files with an underscore are none."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def read(reader: str, root: Path, **options: Any) -> Manifest:
    """`options` is the dataset's `options:` block in workflow/config/datasets.yaml."""
    if reader not in available():
        raise ValueError(
            f"no dataset reader {reader!r}; src/labelgraph/manifest/readers/ has {available()}"
        )
    function = import_module(f"{__name__}.{reader}").read
    wanted = sorted(set(signature(function).parameters) - {"root"})
    if sorted(options) != wanted:
        raise ValueError(f"the reader {reader} takes the options {wanted}, not {sorted(options)}")
    if not root.is_dir():
        raise FileNotFoundError(
            f"{root} is not a folder; the unpacked {reader} archive is expected"
        )
    with collector_paused():
        return function(root, **options)
