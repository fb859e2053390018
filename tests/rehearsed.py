"""How the study `rehearsal` differs from `paper`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelgraph.files.yaml_reader import read_yaml

STUDY = "rehearsal"
ABOUT = {"like", "title", "note"}  # lines of a study that are no settings


def differences(root: Path) -> list[str]:
    """Every line of the study's file, which has differences alone."""
    lines = read_yaml(root / f"workflow/config/studies/{STUDY}.yaml")
    return [line for key in lines if key not in ABOUT for line in flat(key, lines[key])]


def flat(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{key}: {value}"
        return
    for name, line in value.items():
        yield from flat(f"{key}.{name}", line)
