"""The kinds of figures, one file for each: draw(figure) -> a Drawing."""

from importlib import import_module
from pathlib import Path
from typing import Any


def available() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def draw(figure: dict[str, Any]) -> Any:
    """`figure`: an entry of figures.yaml with its files and titles."""
    return import_module(f"{__name__}.{figure['kind']}").draw(figure)
