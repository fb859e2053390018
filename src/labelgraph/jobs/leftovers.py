"""Removes what killed jobs have left half written, and nothing else.

A file or folder has a name of its own while it is written, `.NAME.PROCESS.draft` (files.py), and
takes its place by being renamed. What a job needs to go on where it was cut is no draft and stays:
checkpoints and chunks of features below work/, the parts of downloads below data/archives/.part/.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from labelgraph.files.small import DRAFT

# Where jobs write; data/ may hold folders of the user's beside them.
DATA = ("data/archives", "data/raw", "data/manifests", "data/splits", "data/inputs")
PLACES = (*DATA, "results", "work", "logs")
DATASETS = "data/raw"  # below a dataset's folder, hundreds of thousands of files and no draft


def clear(root: Path) -> list[Path]:
    """To be called while no job is at work below `root`. Gives what was removed."""
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
    """Drafts below `folder` whose process has ended. Links are not followed."""
    for here, folders, files in os.walk(folder):
        place = Path(here)
        yield from (place / name for name in [*folders, *files] if abandoned(name))
        if place.parent == datasets:
            folders.clear()
        folders[:] = [name for name in folders if not DRAFT.fullmatch(name)]


def abandoned(name: str) -> bool:
    """A process of the same number may be another one; then the draft stays until the next time."""
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
