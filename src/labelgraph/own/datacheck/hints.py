"""Hints in names: which part is for training, and whether a text names a file."""

import re
from pathlib import Path

TRAIN, TEST = (  # as whole words, or beside digits, _ and -
    re.compile(rf"(?<![^\W\d_])({words})(?![^\W\d_])", re.I)
    for words in (
        "train|training|trainval",
        "test|testing|val|valid|validate|validation|dev|report",
    )
)
LOOKED_AT = 20  # rows that a guess is based on


def two_parts(names: list[str]) -> list[str]:
    """The name of the training part and of the reported part; empty if there are not both."""
    train = sorted((name for name in names if TRAIN.search(name)), key=len, reverse=True)
    test = sorted((n for n in names if TEST.search(n) and n not in train), key=rank)
    return [train[0], test[0]] if train and test else []


def rank(name: str) -> tuple[bool, str]:
    return "test" not in name.lower(), name


def listed(folder: Path, pattern: str) -> list[Path]:
    """Files that match the pattern, sorted; without hidden files, pipes and devices."""
    return sorted(p for p in folder.glob(pattern) if p.name[0] != "." and is_file(p))


def is_file(path: Path) -> bool:
    """False for a text that cannot name a file, as a cell may hold."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
