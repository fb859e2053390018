"""Removes what killed jobs left half written, and nothing else.

A file or folder is written under the name `.NAME.PROCESS.draft` (files/small.py) and then renamed.
What an interrupted job needs to continue is not a draft and stays: checkpoints and chunks of
features in work/, parts of downloads in data/archives/.part/.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from labelgraph.files.small import DRAFT

# Where jobs write. data/ may hold the user's own folders as well.
DATA = ("data/archives", "data/raw", "data/manifests", "data/splits", "data/inputs")
PLACES = (*DATA, "results", "work", "logs")
DATASETS = "data/raw"  # the folder of a dataset has up to 100,000s of files and no draft


def clear(root: Path) -> list[Path]:
    """To be called while no job is running in `root`. Returns what was removed."""
    removed = []
    for place in PLACES:
        for path in drafts(root / place, root / DATASETS):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def drafts(folder: Path, datasets: Path) -> Iterator[Path]:
    """Drafts in `folder` whose process has ended. Links are not followed."""
    for here, folders, files in os.walk(folder):
        place = Path(here)
        yield from (place / name for name in [*folders, *files] if abandoned(name))
        if place.parent == datasets:
            folders.clear()
        folders[:] = [name for name in folders if not DRAFT.fullmatch(name)]


def abandoned(name: str) -> bool:
    """Another process may have the same number by now; then the draft stays until next time."""
    found = DRAFT.fullmatch(name)
    return found is not None and not alive(int(found[1]))


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
