"""What names say: which part is to train on, and whether a text is a file's name."""

import re
from pathlib import Path

TRAIN, TEST = (  # as whole words; digits, _ and - may stand beside them
    re.compile(rf"(?<![^\W\d_])({words})(?![^\W\d_])", re.I)
    for words in (
        "train|training|trainval",
        "test|testing|val|valid|validate|validation|dev|report",
    )
)
LOOKED_AT = 20  # rows of a list, for a guess


def two_parts(names: list[str]) -> list[str]:
    """The one to train on and the one to report, or nothing."""
    train = sorted((name for name in names if TRAIN.search(name)), key=len, reverse=True)
    test = sorted((n for n in names if TEST.search(n) and n not in train), key=rank)
    return [train[0], test[0]] if train and test else []


def rank(name: str) -> tuple[bool, str]:
    return "test" not in name.lower(), name


def listed(folder: Path, pattern: str) -> list[Path]:
    """Files of the pattern, in order; neither hidden ones nor pipes nor devices."""
    return sorted(p for p in folder.glob(pattern) if p.name[0] != "." and is_file(p))


def is_file(path: Path) -> bool:
    """A cell may hold a text that can be no file's name."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
